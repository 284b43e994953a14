"""Suggestions from measured molecules: new, ranked, in the unit of what was measured, beside what is known."""

import numpy as np
import pytest

from molvae.chem import canonical, tanimoto
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


def test_a_suggestion_has_no_flaw_that_no_measured_molecule_has(monkeypatch):
    odd = ["C1NCO1", "CC[NH3+]", "C[N+](C)(C)C", "OCN"]

    class Odd(Ranking):
        def __init__(self, *given, **settings):
            super().__init__(*given, **settings, molecules=[*odd, *MOLECULES])

    monkeypatch.setattr(measured, "Optimizer", Odd)
    sound = [one for one in MOLECULES if "CCC" in one][:30]
    found = measured.suggest(None, sound, np.arange(30.0), n=200).table["smiles"]
    assert not set(found) & set(odd) and len(found) > 50
    charged = measured.suggest(None, [*sound, "CCC[NH3+]"], np.arange(31.0), n=200).table["smiles"]
    assert {"CC[NH3+]", "C[N+](C)(C)C"} <= set(charged) and not {"C1NCO1", "OCN"} & set(charged)


def test_small_values_can_be_wanted():
    values = np.arange(30.0)
    found = measured.suggest(None, MOLECULES[:30], values, n=12, maximize=False).table
    lengths = found["smiles"].str.len().to_numpy()
    np.testing.assert_allclose(found["predicted"], values.mean() - lengths)
    assert found["predicted"].is_monotonic_increasing


def test_values_of_one_molecule_are_averaged_and_gaps_left_out():
    found = measured._averaged(["CCO", "OCC", "CCN", "nothing", "C[C@H](N)O"], [1, 3, NAN, 9, 5], stereo=False)
    assert found == {"CCO": 2.0, canonical("CC(N)O"): 5.0}


def test_constraints_hold_and_few_are_few():
    found = measured.suggest(None, MOLECULES[:5], range(5), n=500, constraints=["forbid:Cl", "keep:O"])
    assert 0 < len(found.table) < 500
    assert all("Cl" not in one and "O" in one for one in found.table["smiles"])
    none = measured.suggest(None, MOLECULES[:5], range(5), constraints=["keep:[Zn]"])
    assert none.table.empty and "smiles" in none.table and none._repr_svg_() is None


def test_they_are_saved(tmp_path):
    found = measured.suggest(None, MOLECULES[:9], range(9), n=4)
    found.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == measured.SUGGESTIONS.files
    assert "<svg" in found._repr_svg_()


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
