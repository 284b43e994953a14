"""Laws of the distances between samples, and of agreement between measured and predicted numbers."""

import math

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from scipy.linalg import sqrtm

from molvae.metrics.distances import (
    Moments,
    cosine,
    frechet,
    internal_diversity,
    kl_of_counts,
    kl_of_densities,
    nearest_similarity,
)
from molvae.metrics.regression import mean_absolute_error, r_squared, spearman


def moments(rng, n=500, d=6):
    x = rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + rng.standard_normal(d)
    return Moments(x.mean(0), np.cov(x.T))


def test_frechet_is_that_of_the_formula():
    rng = np.random.default_rng(0)
    for _ in range(5):
        a, b = moments(rng), moments(rng)
        root = sqrtm(a.covariance @ b.covariance).real
        plain = ((a.mean - b.mean) ** 2).sum() + np.trace(a.covariance + b.covariance - 2 * root)
        assert frechet(a, b) == pytest.approx(plain, rel=1e-8)
        assert frechet(a, b) == pytest.approx(frechet(b, a), rel=1e-8)
        assert frechet(a, a) == pytest.approx(0.0, abs=1e-8)


def test_frechet_of_samples_that_span_no_space():
    flat = Moments(np.zeros(4), np.zeros((4, 4)))
    assert frechet(flat, Moments(np.ones(4), np.zeros((4, 4)))) == pytest.approx(4.0)
    assert frechet(flat, Moments(np.zeros(4), np.eye(4))) == pytest.approx(4.0)


def test_cosine():
    assert cosine({"a": 3, "b": 4}, {"a": 3, "b": 4}) == pytest.approx(1.0)
    assert cosine({"a": 1}, {"b": 1}) == 0.0
    assert cosine({"a": 1, "b": 1}, {"a": 1}) == pytest.approx(2**-0.5)
    assert np.isnan(cosine({}, {"a": 1}))


def test_kl_is_none_for_the_same_and_grows_with_the_shift():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(2000)
    for kl in (kl_of_densities, kl_of_counts):
        assert kl(x, x) == pytest.approx(0.0, abs=1e-9)
        assert 0 < kl(x, x + 0.2) < kl(x, x + 1.0)


def test_kl_of_samples_without_spread():
    x = np.arange(10.0)
    assert kl_of_densities(x, np.ones(5)) == kl_of_densities(x, np.ones(1)) == float("inf")
    assert np.isfinite(kl_of_counts(x, np.full(5, 99.0)))


@pytest.fixture(scope="module")
def prints(canonical_smiles):
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
    vectors = [generator.GetFingerprint(Chem.MolFromSmiles(one)) for one in canonical_smiles]
    packed = np.packbits(np.array([list(vector) for vector in vectors], dtype=np.uint8), axis=1)
    similarity = np.array([DataStructs.BulkTanimotoSimilarity(vector, vectors) for vector in vectors])
    return packed, similarity


def test_similarity_is_that_of_rdkit(prints, monkeypatch):
    packed, similarity = prints
    for rows in (7, 2048):  # in one block and in many
        monkeypatch.setattr("molvae.metrics.distances._ROWS", rows)
        assert nearest_similarity(packed, packed[:5]) == pytest.approx(similarity[:, :5].max(1))
        others = similarity - 2 * np.eye(len(similarity))
        assert nearest_similarity(packed) == pytest.approx(others.max(1))
        first, second = internal_diversity(packed)
        assert first == pytest.approx(1 - similarity.mean(), abs=1e-6)
        assert second == pytest.approx(1 - np.sqrt((similarity**2).mean(1)).mean(), abs=1e-6)


def test_similarity_at_the_edges(prints):
    packed, _ = prints
    assert nearest_similarity(packed[:0], packed).shape == (0,)
    assert nearest_similarity(packed[:1]).tolist() == [0.0]
    nothing = np.zeros((2, 128), dtype=np.uint8)
    assert nearest_similarity(nothing, nothing).tolist() == [1.0, 1.0]
    assert nearest_similarity(nothing, packed).tolist() == [0.0, 0.0]


Y = np.array([1.0, 4.0, 2.0, 8.0, 5.0])


def test_perfect_the_mean_and_worse():
    assert (r_squared(Y, Y), mean_absolute_error(Y, Y), spearman(Y, Y)) == (1.0, 0.0, pytest.approx(1.0))
    assert r_squared(Y, np.full(5, Y.mean())) == pytest.approx(0.0)
    assert r_squared(Y, -Y) < 0.0


def test_units_change_the_error_and_nothing_else():
    p = Y + np.array([0.5, -1.0, 0.0, 2.0, 0.5])
    assert r_squared(1000 * Y + 7, 1000 * p + 7) == pytest.approx(r_squared(Y, p))
    assert mean_absolute_error(1000 * Y + 7, 1000 * p + 7) == pytest.approx(1000 * mean_absolute_error(Y, p))


def test_ranks_know_the_order_only():
    assert spearman(Y, np.exp(Y)) == pytest.approx(1.0)
    assert spearman(Y, -(Y**3)) == pytest.approx(-1.0)
    assert spearman(np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(math.sqrt(3) / 2)


@pytest.mark.parametrize("y", [np.array([]), np.array([3.0]), np.array([3.0, 3.0])])
def test_where_nothing_differs_there_is_no_figure(y):
    assert math.isnan(r_squared(y, y)) and math.isnan(spearman(y, y))
    assert math.isnan(mean_absolute_error(y, y)) == (len(y) == 0)
