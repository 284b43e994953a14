"""Fronts, hypervolumes and scalarizations do what their definitions say."""

import itertools

import numpy as np
import pytest

from molvae.errors import ConfigError
from molvae.optimization.objectives import objective_of
from molvae.optimization.objectives.composing import Pareto
from molvae.optimization.pareto import chebyshev, front, hypervolume, random_weights

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
