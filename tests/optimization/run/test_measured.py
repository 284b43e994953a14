"""Suggestions from measured molecules: new, ranked, in the unit of what was measured, beside what is known."""

import numpy as np
import pytest

from molvae.chem import tanimoto
from molvae.errors import ConfigError, InputError
from molvae.optimization.run import measured
from tests.optimization.stand_in import MOLECULES, StandIn

NAN = float("nan")


class Ranking(StandIn):
    """Expects a number for each molecule that depends on what it was told."""

    def ask(self, n=None):
        known = float(np.nanmean(self.archive.scores))
        return [one._replace(mean=known + len(one.smiles), std=0.5) for one in super().ask(n)]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(measured, "Optimizer", Ranking)


def test_they_are_new_and_ranked_and_stand_beside_the_nearest():
    known, values = MOLECULES[:30], np.arange(30.0)
    found = measured.suggest(None, known, values, n=12).table
    assert found["smiles"].is_unique and not set(found["smiles"]) & set(known) and len(found) == 12
    assert found["predicted"].is_monotonic_decreasing
    similarity = tanimoto(found["smiles"].tolist(), known)
    np.testing.assert_array_equal(found["similarity"], similarity.max(axis=1))
    assert found["nearest"].tolist() == [known[row] for row in similarity.argmax(axis=1)]
    assert found["nearest_measured"].tolist() == [values[known.index(one)] for one in found["nearest"]]


def test_constraints_hold_few_are_few_and_small_values_can_be_wanted():
    found = measured.suggest(None, MOLECULES[:5], range(5), n=500, constraints=["forbid:Cl", "keep:O"])
    assert 0 < len(found.table) < 500
    assert all("Cl" not in one and "O" in one for one in found.table["smiles"])
    small = measured.suggest(None, MOLECULES[:30], np.arange(30.0), n=12, maximize=False).table
    np.testing.assert_allclose(small["predicted"], 14.5 - small["smiles"].str.len())
    assert small["predicted"].is_monotonic_increasing
    none = measured.suggest(None, MOLECULES[:5], range(5), constraints=["keep:[Zn]"])
    assert none.table.empty and "smiles" in none.table and none._repr_svg_() is None


def test_bad_input_ends_in_one_sentence():
    for smiles, values, options, error, message in (
        (["CCO", "CCN"], [1.0], {}, ConfigError, "1 values do not fit 2 molecules"),
        (["CCO", "CCN"], [1.0, NAN], {}, InputError, "1 of the molecules have a value"),
        (["CCO", "CCN", "C"], [6.5, 6.5, NAN], {}, InputError, "all 2 molecules have the same value"),
        (["CCO", "CCN"], ["6,5", "7"], {}, ConfigError, "must be numbers"),
        (["CCO", "CCN"], [1.0, 2.0], {"n": 0}, ConfigError, "n must be at least 1"),
        (["CCO", "CCN"], [1.0, 2.0], {"constraints": ["keep:(("]}, ConfigError, "SMARTS"),
    ):
        with pytest.raises(error, match=message):
            measured.suggest(None, smiles, values, **options)
