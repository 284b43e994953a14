"""What a search has found, as tables and pictures."""

import numpy as np
import pandas as pd
import pytest

from molvae.chem import scaffold
from molvae.errors import ConfigError, InputError
from molvae.optimization.pareto import front, hypervolume
from molvae.optimization.proposal import Proposal
from molvae.optimization.run import result as session_result
from molvae.optimization.run.log import Call, CallLog
from molvae.optimization.run.result import SearchResult
from tests.optimization.stand_in import MOLECULES

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
    assert names == {
        "calls.csv",
        *(f"{name}.{kind}" for name in ("best", "curve", "front") for kind in ("csv", "svg", "png")),
    }
    read = pd.read_csv(tmp_path / "there" / "calls.csv", keep_default_na=False, na_values={"score": [""]})
    np.testing.assert_array_equal(read["score"], found.scores)
    assert read["smiles"].tolist() == found.table["smiles"].tolist()
    assert len(pd.read_csv(tmp_path / "there" / "best.csv")) == 5
    assert (tmp_path / "there" / "best.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="cannot be made"):
        found.save(tmp_path / "there" / "calls.csv" / "below")


def test_pictures_show_the_best_with_their_parents():
    found = result()
    picture = found.draw(3)
    assert isinstance(picture, str) and picture.count("<svg") == 1
    assert isinstance(found.draw(3, "png"), bytes)
    assert "<svg" in found._repr_svg_()
    with pytest.raises(ConfigError, match="'svg' or 'png'"):
        found.draw(3, "jpg")


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
