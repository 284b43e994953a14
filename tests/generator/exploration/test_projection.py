"""Maps of points: what PCA keeps, what seeds do, and what happens to few, equal and broken points."""

import numpy as np
import pytest

from molvae import ConfigError, InputError
from molvae.generator.exploration import projection
from molvae.generator.exploration.projection import METHODS, explained, project

RNG = np.random.default_rng(0)
TWO_GROUPS = np.vstack([RNG.standard_normal((30, 8)), RNG.standard_normal((30, 8)) + 12]).astype(np.float32)


def test_pca_keeps_what_varies_most():
    points = RNG.standard_normal((200, 5)) * [1, 9, 1, 4, 1] + 100
    plane = project(points)
    assert abs(np.corrcoef(plane[:, 0], points[:, 1])[0, 1]) > 0.99
    assert abs(np.corrcoef(plane[:, 1], points[:, 3])[0, 1]) > 0.99
    np.testing.assert_allclose(plane.mean(0), 0, atol=1e-9)
    values = np.linalg.svd(points - points.mean(0), compute_uv=False) ** 2
    np.testing.assert_allclose(explained(points, plane), values[:2] / values.sum())


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_the_seed_decides(method):
    first = project(TWO_GROUPS, method=method, seed=3)
    assert first.shape == (60, 2) and first.dtype == np.float64
    assert (first == project(TWO_GROUPS.copy(), method=method, seed=3)).all()


def test_tsne_keeps_neighbours_together():
    plane = project(TWO_GROUPS, method="tsne", seed=0)
    distances = np.linalg.norm(plane[:, None] - plane, axis=2) + np.diag(np.full(60, np.inf))
    assert ((distances.argmin(1) < 30) == (np.arange(60) < 30)).all()


@pytest.mark.parametrize("method", ["pca", "tsne"])
@pytest.mark.parametrize("n", range(8))
def test_few_points(method, n):
    plane = project(TWO_GROUPS[:n], method=method)
    assert plane.shape == (n, 2) and np.isfinite(plane).all()
    assert len(np.unique(plane, axis=0)) == n


@pytest.mark.parametrize("method", ["pca", "tsne"])
@pytest.mark.parametrize("shape", [(6, 1), (6, 0), (6, 2)])
def test_few_dimensions(method, shape):
    assert np.isfinite(project(RNG.standard_normal(shape), method=method)).all()


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_equal_points_are_one_place(method):
    plane = project(np.full((20, 4), 0.1, dtype=np.float32), method=method)
    assert (plane == 0).all()
    assert explained(np.ones((3, 2)), plane[:3]) == (0.0, 0.0)


def test_what_is_not_finite_is_nowhere_and_moves_nothing():
    broken = np.insert(TWO_GROUPS, [0, 7], [[np.nan] * 8, [np.inf] * 8], axis=0)
    plane = project(broken)
    gone = ~np.isfinite(broken).all(1)
    assert np.isnan(plane[gone]).all() and (plane[~gone] == project(TWO_GROUPS)).all()
    assert np.isnan(project(np.full((3, 2), np.nan))).all()


def test_what_cannot_be_done_is_told(monkeypatch):
    with pytest.raises(ConfigError, match="no method is named 'lda'; there are pca, tsne, umap"):
        project(TWO_GROUPS, method="lda")
    with pytest.raises(InputError, match=r"\(N, D\), not \(3,\)"):
        project(np.zeros(3))
    monkeypatch.setattr(projection, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install \"molvae\[umap\]\", or take the method tsne"):
        project(TWO_GROUPS, method="umap")


@pytest.mark.slow
def test_umap_with_a_seed():
    pytest.importorskip("umap")
    plane = project(TWO_GROUPS, method="umap", seed=1)
    assert np.isfinite(plane).all() and (plane == project(TWO_GROUPS, method="umap", seed=1)).all()
    assert METHODS["umap"] == "UMAP"
