"""From latent points to two dimensions by PCA, t-SNE or UMAP; and a random sample of a table, to map a part of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from molvae.errors import ConfigError, InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FEW", "METHODS", "Subsample", "check_method", "explained", "project", "subsample"]

METHODS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
"""Methods of projection and their display names."""

FEW = 5
"""With fewer points than this, t-SNE and UMAP are replaced by PCA."""

_PERPLEXITY = 30.0
_NEIGHBORS = 15
_COMPONENTS = 50  # of the PCA before t-SNE and UMAP: removes noise and hardly changes distances

Plane = NDArray[np.float64]


def check_method(method: str) -> None:
    """Check a method before the work begins.

    Raises:
        ConfigError: it is unknown, or needs a package that is not installed.
    """
    if method not in METHODS:
        raise ConfigError(f"no method is named {method!r}; there are {', '.join(METHODS)}")
    if method == "umap" and find_spec("umap") is None:
        raise ConfigError('UMAP needs umap-learn: pip install "molvae[umap]", or take the method tsne')


def project(points: NDArray[np.floating[Any]], *, method: str = "pca", seed: int = 0) -> Plane:
    """Project points to two dimensions; the same seed gives the same map on the same machine.

    PCA keeps the directions of the largest variance. t-SNE (van der Maaten & Hinton, 2008, https://jmlr.org/papers/v9/vandermaaten08a.html)
    and UMAP (McInnes et al., 2018, https://arxiv.org/abs/1802.03426) keep neighbours together; distances between
    groups mean little. Both start from the first 50 principal components. Fewer than 5 points are always
    projected by PCA.

    Args:
        points: (N, D), N and D from 0.
        method: of `METHODS`.
        seed: of t-SNE and UMAP; PCA is not random.

    Returns:
        (N, 2); NaN for a point that is not finite.

    Raises:
        ConfigError: as in `check_method`.
        InputError: points of another shape.
    """
    check_method(method)
    if points.ndim != 2:
        raise InputError(f"points must have the shape (N, D), not {points.shape}")
    result = np.full((len(points), 2), np.nan)
    finite = np.isfinite(points).all(1)
    usable = points[finite].astype(np.float64)
    if len(usable):
        components = _pca(usable, _COMPONENTS)
        if method == "pca" or len(usable) < FEW or not components.any():
            result[finite] = components[:, :2]
        else:
            result[finite] = {"tsne": _tsne, "umap": _umap}[method](components, seed)
    return result


def explained(points: NDArray[np.floating[Any]], plane: Plane) -> tuple[float, float]:
    """The share of the points' variance along each axis of their PCA, from 0 to 1.

    Args:
        points: (N, D), finite.
        plane: (N, 2), their projection by PCA.
    """
    total = float(points.astype(np.float64).var(0).sum()) if len(points) else 0.0
    first, second = plane.var(0) / total if total else (0.0, 0.0)
    return float(first), float(second)


def _pca(points: Plane, components: int) -> Plane:
    """(N, K) principal components, 2 <= K <= `components`; zeros where the points have fewer dimensions."""
    from sklearn.decomposition import PCA

    most = min(components, *points.shape)
    centred = points - points.mean(0)
    # If all points are equal, their directions would be those of rounding errors.
    if not most or np.abs(centred).max() <= 1e-9 * max(1.0, np.abs(points).max()):
        return np.zeros((len(points), 2))
    found = PCA(most, svd_solver="full").fit_transform(centred)
    return np.pad(found, ((0, 0), (0, max(0, 2 - most))))


def _tsne(components: Plane, seed: int) -> Plane:
    from sklearn.manifold import TSNE

    perplexity = min(_PERPLEXITY, (len(components) - 1) / 3)
    embedding = TSNE(perplexity=perplexity, init=_start(components), random_state=seed, n_jobs=-1)
    return np.asarray(embedding.fit_transform(components.astype(np.float32)), dtype=np.float64)


def _umap(components: Plane, seed: int) -> Plane:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about an optional package, and about the single core that a seed allows
        from umap import UMAP

        neighbors = min(_NEIGHBORS, len(components) - 1)
        embedding = UMAP(n_neighbors=neighbors, init=_start(components), random_state=seed, n_jobs=1)
        return np.asarray(embedding.fit_transform(components), dtype=np.float64)


def _start(components: Plane) -> NDArray[np.float32]:
    """The first two components, scaled down: so neighbours meet before groups form.

    The art of using t-SNE for single-cell transcriptomics (Kobak & Berens, 2019),
    https://doi.org/10.1038/s41467-019-13056-x
    """
    return np.asarray(components[:, :2] / components[:, 0].std() * 1e-4, dtype=np.float32)


class Subsample(NamedTuple):
    """The chosen rows, and the number of all rows."""

    rows: pd.DataFrame
    """in the order of the table, index 0 to k - 1"""
    total: int
    """rows of the table"""


def subsample(chunks: Iterable[pd.DataFrame], size: int, *, seed: int = 0) -> Subsample:
    """Choose rows at random, each with the same chance, from a table that is read in chunks.

    Every row draws a random number, and the `size` rows with the lowest are kept. The boundaries of the chunks do not
    change the result, and memory grows only with `size` and the chunk. A smaller table is kept whole.

    Args:
        chunks: one or more tables with the same columns.
        size: rows to keep, at least 1.
        seed: of the draws.

    Raises:
        ConfigError: the size is below 1.
    """
    import pandas as pd

    if size < 1:
        raise ConfigError(f"max_points must be at least 1, not {size}")
    rng = np.random.default_rng(seed)
    kept, numbers, total = pd.DataFrame(), np.empty(0), 0
    for chunk in chunks:
        total += len(chunk)
        numbers = np.concatenate([numbers, rng.random(len(chunk))])
        rows = pd.concat([kept, chunk], ignore_index=True) if len(kept) else chunk.reset_index(drop=True)
        lowest = np.sort(np.argsort(numbers, kind="stable")[:size])
        kept, numbers = rows.iloc[lowest].reset_index(drop=True), numbers[lowest]
    return Subsample(kept, total)
