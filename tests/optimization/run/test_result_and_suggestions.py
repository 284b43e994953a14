"""What a search has found, as tables and pictures, and suggestions from measured molecules."""

import numpy as np
import pandas as pd
import pytest

from molvae.chem import scaffold, tanimoto
from molvae.errors import ConfigError, InputError
from molvae.optimization.pareto import front, hypervolume
from molvae.optimization.proposal import Proposal
from molvae.optimization.run import measured
from molvae.optimization.run import result as session_result
from molvae.optimization.run.log import Call, CallLog
from molvae.optimization.run.result import SearchResult
from tests.optimization.stand_in import MOLECULES, StandIn

NAN = float("nan")


def result(n=60, parts=("qed", "fsp3"), **options):
    rng = np.random.default_rng(0)
    log = CallLog(None, parts)
    for place, smiles in enumerate(MOLECULES[:n]):
        values = tuple(rng.random(2)) if len(parts) > 1 else ()
        score = NAN if place % 7 == 3 else float(rng.normal())
        parents = tuple(MOLECULES[max(0, place - 2) : place])
        log.append([Call(Proposal(smiles, "pick", parents), score, values, 0.1 * place)])
    columns = tuple(parts) if len(parts) > 1 else ()
    return SearchResult(log.table(), "a score", columns, pareto=len(parts) > 1, **options)


def test_the_best_are_ranked_and_their_scores_are_those_of_the_calls():
    found = result()
    best = found.best(10, unlike=False)
    scores = found.scores[~np.isnan(found.scores)]
    assert best["score"].tolist() == sorted(scores, reverse=True)[:10]
    assert (found.table.loc[best.index] == best).to_numpy()[:, 1:4].all()
    assert len(found.best(10_000)) == len(scores) and found.best(0).empty


def test_the_best_are_unlike_molecules_where_there_are_enough():
    smiles = [
        "Cc1ccccc1C(=O)NC",
        "Cc1cccc(C(=O)NC)c1",
        "Cc1ccc(C(=O)NC)cc1",
        "O=C1CCCCN1",
        "CCOC(=O)CS",
        "c1ccncc1",
        "CC",
    ]
    log = CallLog(None, ["qed"])
    log.append(
        [Call(Proposal(one, "pick"), 1.0 - place / 10, (), 0.0) for place, one in enumerate([*smiles, *MOLECULES])]
    )
    best = SearchResult(log.table(), "a score").best
    assert best(3)["smiles"].tolist() == [smiles[0], smiles[3], smiles[4]]
    assert best(3, unlike=False)["smiles"].tolist() == smiles[:3]
    assert best(10_000)["smiles"].tolist() == [*smiles, *MOLECULES]


def test_few_of_a_scaffold_are_shown_and_no_score_is_changed():
    found = result(per_scaffold=2)
    keys = [scaffold(one) for one in found.best(10)["smiles"]]
    assert max(keys.count(key) for key in keys) <= 2
    assert len(found.best(100, per_scaffold=0)) == (~np.isnan(found.scores)).sum()
    assert found.scores.tolist()[:3] == result().scores.tolist()[:3]


def test_the_curve_never_falls_and_names_what_it_shows():
    assert "worst" in result().figure().axes[0].get_ylabel()
    assert result(parts=("qed",)).figure().axes[0].get_ylabel() == "a score"
    curve = result().curve
    assert curve["calls"].tolist() == list(range(1, 61))
    assert (curve["best"].diff().dropna() >= 0).all() and (curve["top10"].diff().dropna() >= 0).all()
    assert curve["top10"].isna().sum() == 11 and curve["best"].notna().all()  # two of the first twelve have none
    assert (curve["top10"].dropna() <= curve["best"][11:]).all()


def test_the_front_is_that_of_the_parts():
    found = result()
    parts = found.table[["qed", "fsp3"]].to_numpy()
    assert sorted(found.front().index) == front(parts).tolist()
    assert (found.front()["qed"].diff().dropna() <= 0).all()
    assert found.hypervolume() == hypervolume(parts)
    single = result(parts=("qed",))
    for ask in (single.front, single.hypervolume, single.front_figure):
        with pytest.raises(InputError, match="only one objective"):
            ask()


def test_of_many_best_molecules_the_first_hundred_are_drawn(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(session_result, "families", lambda members, label, kind: drawn.append(len(members)) or "")
    result(n=160).save(tmp_path, k=130)
    assert drawn == [100, 100] and len((tmp_path / "best.csv").read_text().splitlines()) == 131


def test_it_is_saved_and_read_again(tmp_path):
    found = result()
    found.save(tmp_path / "there", k=5)
    names = {path.name for path in (tmp_path / "there").iterdir()}
    tables = {f"{name}.{kind}" for name in ("best", "curve", "front") for kind in ("csv", "svg", "png")}
    assert names == {"calls.csv"} | tables
    read = pd.read_csv(tmp_path / "there" / "calls.csv", keep_default_na=False, na_values={"score": [""]})
    np.testing.assert_array_equal(read["score"], found.scores)
    assert read["smiles"].tolist() == found.table["smiles"].tolist()
    assert len(pd.read_csv(tmp_path / "there" / "best.csv")) == 5
    assert (tmp_path / "there" / "best.png").read_bytes().startswith(b"\x89PNG")
    assert found.draw(3).count("<svg") == 1 and isinstance(found.draw(3, "png"), bytes) and "<svg" in found._repr_svg_()
    with pytest.raises(ConfigError, match="'svg' or 'png'"):
        found.draw(3, "jpg")
    with pytest.raises(InputError, match="cannot be made"):
        found.save(tmp_path / "there" / "calls.csv" / "below")


def test_below_a_molecule_stands_what_was_looked_for(monkeypatch):
    shown = []
    monkeypatch.setattr(session_result, "families", lambda members, said, kind: shown.append((members, said)) or "")
    for found in (result(), result(parts=("qed",))):
        found.draw(5)
        members, said = shown.pop()
        best = found.best(5)
        assert [one.smiles for one in members] == best["smiles"].tolist()
        row = best.iloc[0]
        wanted = f"{row['qed']:.3g} / {row['fsp3']:.3g}" if found.pareto else f"{row['score']:.4g}"
        assert said(members[0].smiles) == wanted and said("never scored") == ""
        scores = dict(zip(found.table["smiles"], found.table["score"].fillna(-np.inf), strict=True))
        for one in members:
            known = [scores[parent] for parent in one.parents]
            assert known == sorted(known, reverse=True)


def test_a_search_without_any_score_says_so(tmp_path):
    log = CallLog(None, ["x"])
    log.append([Call(Proposal("CCO", "pick"), NAN, (), 0.0)])
    found = SearchResult(log.table(), "x")
    assert found.best().empty and found._repr_svg_() is None and "1 call" in repr(found)
    found.save(tmp_path)
    assert {"best.csv", "curve.svg"} <= {path.name for path in tmp_path.iterdir()}


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
        (["CCO", "CCN"], [1.0, 2.0], {"n": 0}, ConfigError, "n must be at least 1"),
    ):
        with pytest.raises(error, match=message):
            measured.suggest(None, smiles, values, **options)


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
