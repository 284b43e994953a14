"""The figures of a run: areas under the curve as defined, and enantiomers that are not ten molecules."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molvae.chem import canonical
from molvae.errors import ConfigError
from molvae.optimization.protocol import auc_top, best_of, pmo_figures, running_top

scores_of = st.lists(st.floats(0, 1), min_size=1, max_size=60)


def plain_top(scores, top):
    return np.mean(sorted(scores, reverse=True)[:top])


@given(scores_of, st.integers(1, 12))
def test_the_running_top_is_the_mean_of_the_sorted_scores(scores, top):
    expected = [plain_top(scores[: call + 1], top) for call in range(len(scores))]
    assert running_top(scores, top) == pytest.approx(expected, abs=1e-12)
    assert best_of(scores, top) == pytest.approx(expected[-1], abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-1, 1)), min_size=1, max_size=40), st.integers(1, 4))
def test_of_each_key_only_the_best_counts(pairs, top):
    keys, scores = zip(*pairs, strict=True)
    best = {key: max(score for other, score in pairs if other == key) for key in keys}
    assert best_of(scores, top, keys=keys.__getitem__) == pytest.approx(plain_top(best.values(), top), abs=1e-12)


@given(scores_of, st.integers(1, 12), st.integers(1, 30), st.integers(0, 40))
def test_the_area_is_that_of_the_definition(scores, top, every, left):
    budget = len(scores) + left
    area, before, called = 0.0, 0.0, 0
    for call in [*range(every, len(scores), every), len(scores)]:
        now = plain_top(scores[:call], top)
        area += (call - called) * (now + before) / 2
        before, called = now, call
    area += left * before
    assert auc_top(scores, top, budget=budget, every=every) == pytest.approx(area / budget, abs=1e-12)


def test_the_area_at_the_edge():
    assert auc_top([], 10) == 0.0
    assert auc_top([1.0] * 10_000) == pytest.approx(1 - 50 / 10_000)
    assert auc_top([0.5] * 100 + [9.0] * 100, budget=100, every=100) == pytest.approx(
        0.25
    )  # what is beyond it does not count
    assert auc_top([np.nan, 0.4, np.nan], budget=3, every=1) == pytest.approx((0 + 0.2 + 0.4) / 3)
    assert np.isnan(best_of([np.nan], 10)) and np.isnan(best_of([], 10))
    for options in ({"budget": 0}, {"every": 0}):
        with pytest.raises(ConfigError):
            auc_top([1.0], **options)


def test_ten_enantiomers_are_not_ten_molecules():
    marks = list(itertools.product(("@", "@@"), repeat=3))
    isomers = sorted({canonical(f"C[C{a}H](O)[C{b}H](N)[C{c}H](F)Cl") for a, b, c in marks})
    assert len(isomers) == 8
    smiles = [*isomers, "CCO", "CCN"]
    scores = [0.9, *np.linspace(0.8, 0.89, 7), 0.3, 0.0]
    figures = pmo_figures(smiles, scores, budget=1_000)
    assert figures["top10"] == pytest.approx(np.mean(scores))
    assert figures["top10_flat"] == pytest.approx((0.9 + 0.3 + 0.0) / 3)
    assert figures["top10_diverse"] == pytest.approx((0.9 + 0.3 + 0.0) / 10)  # seven places are empty
    assert figures["auc_top10_flat"] < figures["auc_top10"]


def test_all_figures_of_a_run(canonical_smiles):
    scores = np.linspace(1, 0, len(canonical_smiles))
    scores[3] = np.nan
    figures = pmo_figures(canonical_smiles, scores)
    assert figures["top1"] == 1.0 and figures["calls"] == len(canonical_smiles)
    assert figures["top100"] == pytest.approx(np.nanmean(scores))
    assert 0.5 < figures["diversity"] < 1 and 1 < figures["sa"] < 10
    assert figures["auc_top1"] > figures["auc_top10"] > figures["auc_top100"]
    assert figures["top10_diverse"] <= figures["top10"]
    nothing = pmo_figures([], [])
    assert nothing["auc_top10"] == 0.0 and np.isnan(nothing["top1"]) and np.isnan(nothing["sa"])
    assert pmo_figures(["CCO"], [0.5])["top10"] == 0.5
