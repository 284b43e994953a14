"""Fronts, hypervolumes, scalarizations and the figures of a run are what their definitions say."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molvae.chem import canonical
from molvae.errors import ConfigError
from molvae.optimization.objectives import objective_of
from molvae.optimization.objectives.composing import Pareto
from molvae.optimization.pareto import chebyshev, front, hypervolume, random_weights
from molvae.optimization.protocol import auc_top, best_of, pmo_figures, running_top

NAN = float("nan")


def points(n, k, seed=0):
    return np.random.default_rng(seed).uniform(-0.1, 1.0, (n, k))


def dominates(a, b):
    return (a >= b).all() and (a > b).any()


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_a_front_is_what_nothing_dominates(k):
    values = np.round(points(60, k), 1)  # with ties
    rows = set(front(values).tolist())
    for row, one in enumerate(values):
        assert (row not in rows) == any(dominates(other, one) for other in values)
    assert front([[NAN, 9.0], [1.0, 1.0], [9.0, NAN]]).tolist() == [1]
    assert front(np.empty((0, 2))).tolist() == [] and front([[NAN, NAN]]).tolist() == []


@pytest.mark.parametrize("k", [2, 3, 4])
def test_hypervolume_is_inclusion_and_exclusion(k):
    values = points(9, k, seed=3).clip(0)
    whole = 0.0
    for size in range(1, len(values) + 1):
        for some in itertools.combinations(values, size):
            whole += (-1) ** (size + 1) * np.prod(np.min(some, axis=0))
    assert hypervolume(values) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_hypervolume_laws(k):
    values = points(20, k, seed=5)
    volumes = [hypervolume(values[:n]) for n in range(len(values) + 1)]
    assert volumes[0] == 0 and all(b >= a - 1e-12 for a, b in itertools.pairwise(volumes)), "never falls"
    rng = np.random.default_rng(0)
    for _ in range(3):
        rows, columns = rng.permutation(len(values)), rng.permutation(k)
        assert hypervolume(values[rows][:, columns]) == pytest.approx(volumes[-1], abs=1e-12), "order does not matter"
    assert hypervolume(values[front(values)]) == pytest.approx(volumes[-1], abs=1e-12), "only the front counts"
    assert hypervolume(np.vstack([values, values, np.full((1, k), NAN)])) == pytest.approx(volumes[-1], abs=1e-12)
    assert hypervolume(values * 2) == pytest.approx(2**k * volumes[-1])
    assert hypervolume(values + 3, reference=3.0) == pytest.approx(volumes[-1])
    assert hypervolume(values, reference=[-1.0] * k) > volumes[-1]
    assert hypervolume(-np.abs(values)) == 0


def test_the_best_of_any_scalarization_is_on_the_front_and_weights_find_most_of_it():
    values = np.abs(np.random.default_rng(7).standard_normal((40, 3)))
    values[::2] /= np.linalg.norm(values[::2], axis=1, keepdims=True)  # none of these dominates another
    values[1::2] /= 2 * np.linalg.norm(values[1::2], axis=1, keepdims=True)
    edge, rng, found = set(front(values).tolist()), np.random.default_rng(0), set()
    for _ in range(3_000):
        weights = random_weights(3, rng)
        assert (weights > 0).all() and weights.sum() == pytest.approx(1)
        found.add(int(chebyshev(values, weights).argmax()))
    assert found <= edge and len(found) >= 0.9 * len(edge)


def test_scalarizations_rise_with_every_objective_and_keep_nan():
    base = np.array([0.3, 0.5])
    for step in ([0.1, 0.0], [0.0, 0.1]):
        assert chebyshev(base + step, [0.5, 0.5]) > chebyshev(base, [0.5, 0.5])
    assert np.isnan(chebyshev([NAN, 1.0], [0.5, 0.5])) and chebyshev(np.zeros((4, 2)), [1, 1]).shape == (4,)


def test_a_front_as_an_objective():
    goal = Pareto([objective_of("qed"), objective_of("fsp3")], weights=[2, 2])
    smiles = ["CCO", "c1ccccc1", "no molecule"]
    parts = np.stack([one(smiles) for one in goal.objectives], axis=1)
    np.testing.assert_array_equal(goal(smiles), chebyshev(parts, [0.5, 0.5]))
    assert goal.name == "front of qed, fsp3"
    with pytest.raises(ConfigError, match="two or more objectives"):
        Pareto([objective_of("qed")])


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
    assert auc_top([0.5] * 100 + [9.0] * 100, budget=100) == pytest.approx(0.25)  # what is beyond it does not count
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
    figures = pmo_figures(smiles, scores, budget=10)
    assert figures["top10"] == pytest.approx(np.mean(scores))
    assert figures["top10_flat"] == pytest.approx((0.9 + 0.3 + 0.0) / 3)
    assert figures["auc_top10_flat"] < figures["auc_top10"]


def test_all_figures_of_a_run(canonical_smiles):
    scores = np.linspace(1, 0, len(canonical_smiles))
    scores[3] = np.nan
    figures = pmo_figures(canonical_smiles, scores)
    assert figures["top1"] == 1.0 and figures["calls"] == len(canonical_smiles)
    assert figures["top100"] == pytest.approx(np.nanmean(scores))
    assert 0.5 < figures["diversity"] < 1 and 1 < figures["sa"] < 10
    assert figures["auc_top1"] > figures["auc_top10"] > figures["auc_top100"]
    nothing = pmo_figures([], [])
    assert nothing["auc_top10"] == 0.0 and np.isnan(nothing["top1"]) and np.isnan(nothing["sa"])
    assert pmo_figures(["CCO"], [0.5])["top10"] == 0.5
