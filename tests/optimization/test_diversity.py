"""At most so many of one scaffold; nothing else is changed."""

from collections import Counter

from molvae.chem import scaffold
from molvae.optimization.diversity import ScaffoldLimit, diverse
from tests.conftest import SMILES


def test_a_limit_holds_and_takes_the_first_of_each_scaffold():
    for limit in (1, 2, 5):
        places = diverse(SMILES, len(SMILES), per_scaffold=limit)
        assert places == sorted(set(places))
        taken = Counter(scaffold(SMILES[place]) for place in places)
        there = Counter(map(scaffold, SMILES))
        assert taken == Counter({key: min(limit, number) for key, number in there.items()})
        for key in there:
            first = [place for place, one in enumerate(SMILES) if scaffold(one) == key][:limit]
            assert [place for place in places if scaffold(SMILES[place]) == key] == first


def test_without_a_limit_it_is_the_ranking_itself():
    assert diverse(SMILES, 7) == list(range(7))
    assert diverse(SMILES, 10_000) == list(range(len(SMILES)))
    assert diverse(SMILES, 0, per_scaffold=1) == [] and diverse([], 3, per_scaffold=1) == []


def test_a_limit_knows_what_was_chosen_before():
    limit = ScaffoldLimit(2, chosen=["Cc1ccccc1"])
    assert [limit.take(one) for one in ("Oc1ccccc1", "Nc1ccccc1", "C1CC1", "CCO", "CCN", "CCC")] == [
        *(True, False, True),
        *(True, True, False),
    ]
