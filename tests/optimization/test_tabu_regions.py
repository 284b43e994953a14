"""TabuRegions are left when nothing better comes, one after the other, and are open again in the end."""

import json

import numpy as np
import pytest

from molvae.chem import canonical
from molvae.optimization.objectives import objective_of
from molvae.optimization.tabu_regions import TabuRegions

ENDS = (
    *("F", "Cl", "Br", "I", "C", "N", "O", "S", "CC", "CO", "CN", "CS", "OC", "NC", "SC"),
    *("C#N", "C=C", "CF", "CCl", "CBr", "OCC", "NCC", "SCC", "CCC", "CCO", "CCN", "CCF", "CCS", "C#C", "C=O"),
)
ALKANES = [canonical("C" * 30 + one) for one in ENDS]
ARENES = [canonical("c1ccccc1-c1ccc(-c2ccccc2)cc1-c1cccc(" + one + ")c1") for one in ENDS]
ACIDS = [canonical("OC(=O)CNC(=O)CNC(=O)CNC(=O)CNC(=O)C" + one) for one in ENDS]
SMILES = [*ALKANES, *ARENES, *ACIDS]
HEIGHTS = np.repeat([3.0, 2.0, 1.0], 30) - np.tile(np.arange(30), 3) / 100


def looked(regions, rounds, smiles=SMILES, merits=HEIGHTS):
    """The centers after each of some rounds, numbers from 0, of ten calls that brought nothing."""
    left = []
    for number in rounds:
        new = ["S" * (2 + place // 30) + "N" * (1 + place % 30) for place in range(10 * (number + 1))]
        own, idle = regions.update([*smiles, *new], np.concatenate([merits, np.full(len(new), np.nan)]))
        assert len(own) == len(merits) + len(new) and idle >= 0
        left.append(regions.centers)
    return left


def test_the_best_is_left_then_the_best_that_is_unlike_it_and_in_the_end_all_is_open():
    left = [one[-1] if one else None for one in looked(TabuRegions(95), range(40))]
    order = list(dict.fromkeys(left))
    assert order[0] is None  # at first the search has not stood still for long enough
    assert order[1:3] == [ALKANES[0], ARENES[0]]
    assert left.index(ALKANES[0]) < left.index(ARENES[0]) < max(row for row, one in enumerate(left) if one is None)


def test_what_is_near_a_center_is_not_looked_at_and_not_allowed():
    regions = TabuRegions(95)
    looked(regions, range(2))
    assert regions.centers == (ALKANES[0],)
    own = regions.update([*SMILES, *["S"] * 20], np.concatenate([HEIGHTS, np.full(20, np.nan)]))[0][:90]
    near = objective_of(f"similarity:ECFP4:{ALKANES[0]}")(SMILES) >= 0.4
    assert near[:30].all() and not near[30:].any()
    assert np.array_equal(np.isnan(own), near)
    assert np.array_equal(own[~near], HEIGHTS[~near])
    assert np.array_equal(regions.allows(SMILES), ~near)
    assert regions.allows(["no molecule"]).tolist() == [True]


def test_something_better_keeps_a_search_where_it_is():
    regions = TabuRegions(30)
    rising = np.concatenate([HEIGHTS, np.arange(40) + 10.0])
    regions.update([*SMILES, *("C" * length for length in range(40, 80))], rising)
    assert regions.centers == ()


def test_where_all_is_alike_or_nothing_has_a_score_or_without_patience_nothing_is_left():
    assert not any(looked(TabuRegions(0), range(40)))
    assert not any(looked(TabuRegions(20), range(20), ALKANES, HEIGHTS[:30]))
    assert not any(looked(TabuRegions(20), range(20), SMILES, np.full(90, np.nan)))


@pytest.mark.parametrize("stop", [1, 3, 12, 25])
def test_taken_up_again_it_goes_on_as_it_would_have(stop):
    first, second = TabuRegions(95), TabuRegions(95)
    looked(first, range(stop))
    second.restore(json.loads(json.dumps(first.state())))
    assert (
        looked(second, range(stop, 40)) == looked(first, range(stop, 40)) == looked(TabuRegions(95), range(40))[stop:]
    )
