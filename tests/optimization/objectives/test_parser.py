"""Objectives by name: what there is, how it is combined, and what is said where there is none."""

import numpy as np
import pytest

from molvae.chem import PROPERTIES, property_table
from molvae.chem.alerts import structural_alerts
from molvae.errors import ConfigError
from molvae.optimization.objectives import Objective, mean_of, objective_names, objective_of
from molvae.optimization.objectives.parser import runs_code
from molvae.optimization.objectives.quantities import QUANTITIES
from molvae.optimization.objectives.tasks import TASKS

PLAIN = [*QUANTITIES, *TASKS, "alerts"]
WRITTEN = [
    "similarity:CCO",
    "similarity:FCFP4:C[C@H](N)O",
    "keep:[#7]",
    "forbid:[#6]:[#7]",
    "alerts:BRENK",
    "window:mw:250:500",
    "minimize:sa",
    "sigmoid:similarity:c1ccccc1:0.2:0.8:0.3",
    "piecewise:logp:0,0:2,1:5,0.2",
    "double_sigmoid:mw:250:500:1:1:50",
    "command:cut -d: -f2 | awk '{print length($0)}'",
    "gaussian:command:awk '{print length($0)}':8:2",
]


def test_every_name_makes_an_objective_of_that_name(canonical_smiles):
    smiles = [canonical_smiles[0], "C1CC", *canonical_smiles[:3]]
    for name in [*PLAIN, *WRITTEN]:
        made = objective_of(f" {name} ")
        assert isinstance(made, Objective) and made.name == name and name in repr(made)
        scores = made(smiles)
        assert scores.shape == (5,) and scores.dtype == np.float64
        assert np.isnan(scores[1]) and not np.isnan(np.delete(scores, 1)).any() and scores[0] == scores[2], name
        assert np.array_equal(objective_of(made.name)(smiles), scores, equal_nan=True) and not made.failures


def test_all_that_is_listed_is_understood():
    names = objective_names()
    assert set(PLAIN) <= set(names) and all(names.values())
    assert {one.split(":")[0] for one in names} >= {one.split(":")[0] for one in WRITTEN}


def test_quantities_are_those_of_the_table(canonical_smiles):
    table = property_table(canonical_smiles)
    for name in PROPERTIES:
        assert objective_of(name)(canonical_smiles).tolist() == table[name].tolist()


def test_penalized_logp_and_its_variants():
    rings = ["C1CCCCCCCCC1", "C1CCCCC1", "C1CCCCCC1CC1CCCCCC1"]  # ten, six, and twice seven atoms
    logp, sa = objective_of("logp")(rings), objective_of("sa")(rings)
    assert objective_of("plogp_without_rings")(rings) == pytest.approx(logp - sa)
    assert objective_of("plogp")(rings) == pytest.approx(logp - sa - [4, 0, 1])
    assert objective_of("plogp_ring_count")(rings) == pytest.approx(logp - sa - [1, 0, 2])
    parts = (
        (logp - 2.4570953) / 1.4343244,
        (-sa + 3.0525811) / 0.8335207,
        (np.array([-4, 0, -1]) + 0.0485697) / 0.2860212,
    )
    assert objective_of("plogp_standardized")(rings) == pytest.approx(sum(parts), rel=1e-5)


def test_patterns_and_alerts(canonical_smiles):
    keeps, forbids = (objective_of(f"{word}:[NX3]")(canonical_smiles) for word in ("keep", "forbid"))
    assert (keeps + forbids == 1).all() and 0 < keeps.sum() < len(keeps)
    brenk = [not alerts for alerts in structural_alerts(canonical_smiles, "BRENK")]
    assert objective_of("alerts:BRENK")(canonical_smiles).tolist() == brenk
    either = objective_of("alerts")(canonical_smiles)
    assert (either == np.minimum(brenk, objective_of("alerts:PAINS")(canonical_smiles))).all()
    assert objective_of("alerts")([]).shape == (0,)


NOWHERE = {
    "qeed": r"'qeed' \(did you mean qed\?\).*zaleplon_mpo",
    "two words:x": "'two words:x'",
    "window:mw": r"window:OBJECTIVE:LOW:HIGH\[:SIGMA\]",
    "window:mw:500:250": "window:mw:500:250: .* from 500",
    "window:moleculr:250:500": "'moleculr'",
    "piecewise:mw:1,0": "piecewise:OBJECTIVE:X,Y",
    "similarity:C1CC": "'C1CC'",
    "similarity:ECFP8:CCO": "'ECFP8:CCO'.* ECFP4, ECFP6",
    "keep:((": r"keep:.*SMARTS",
    "alerts:NIH2": "'NIH2'.* PAINS, BRENK",
    "command: ": "shell command",
}


def test_names_that_lead_nowhere_are_named():
    for name, words in NOWHERE.items():
        with pytest.raises(ConfigError, match=rf"(?s){words}"):
            objective_of(name)


def test_programs_of_a_user_are_known_by_their_names():
    own = ["command:./dock", "2*score.py:f", "own.module:f", "window:score.py:f:0:1", "minimize:command:x"]
    assert all(map(runs_code, own)) and not any(map(runs_code, [*PLAIN, *WRITTEN[:-2]]))


def test_a_weighted_mean(canonical_smiles):
    qed, window = objective_of("qed")(canonical_smiles), objective_of("window:mw:100:200")(canonical_smiles)
    geometric = mean_of(["3*qed", "window:mw:100:200"])
    assert geometric(canonical_smiles) == pytest.approx((qed**3 * window) ** 0.25)
    assert geometric.name == "geometric mean of 3*qed, 1*window:mw:100:200"
    arithmetic = mean_of(["3*qed", "window:mw:100:200"], weights=[1, 2], mean="arithmetic")
    assert arithmetic(canonical_smiles) == pytest.approx((qed + 2 * window) / 3)
    assert mean_of([" .5 * qed"]).name == "qed"
    assert np.isnan(geometric(["C1CC"])).all()


def test_functions_and_objectives_may_stand_among_names():
    def heavy(smiles):
        return [None if one == "C" else len(one) / 10 for one in smiles]

    both = mean_of([heavy, objective_of("keep:O")], mean="arithmetic")
    assert np.array_equal(both(["CCO", "C"]), [0.65, np.nan], equal_nan=True)
    ((molecule, reason),) = both.failures.items()
    assert molecule == "C" and reason.endswith("heavy: gave None")


def test_means_without_sense():
    for names, options, words in (
        ([], {}, "at least one objective"),
        (["qed", "sa"], {}, "sa .*window:sa:LOW:HIGH"),
        (["qed", "0*fsp3"], {}, "weights must be above 0"),
        (["qed", "fsp3"], {"weights": [1.0]}, "1 weights for 2 objectives"),
        (["qed", "fsp3"], {"mean": "harmonic"}, "geometric, arithmetic"),
        (["qed"], {"mean": "pareto"}, "two or more"),
    ):
        with pytest.raises(ConfigError, match=words):
            mean_of(names, **options)
