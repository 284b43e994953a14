"""Several objectives without a mean: the front of trade-offs, its hypervolume, and scalarization by weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["chebyshev", "front", "hypervolume", "random_weights"]

_AUGMENTATION = 0.05


def front(parts: ArrayLike) -> NDArray[np.int64]:
    """The rows that no other row dominates, that is, is at least as good in all objectives and better in one.

    Args:
        parts: (N, K), to be maximized; a row with NaN is in no front.

    Returns:
        (M,) rows, ascending; equal rows are all in it.

    >>> front([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [0.4, 0.5]]).tolist()
    [0, 1, 2]
    """
    values = np.asarray(parts, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values).any(axis=1))
    # The best sums first: a row is never dominated by a later one.
    order = known[np.argsort(-values[known].sum(axis=1), kind="stable")]
    ranked, kept = values[order], np.zeros(len(order), dtype=np.bool_)
    for place, one in enumerate(ranked):
        others = ranked[:place][kept[:place]]
        kept[place] = not ((others >= one).all(axis=1) & (others > one).any(axis=1)).any()
    return np.sort(order[kept])


def hypervolume(parts: ArrayLike, reference: ArrayLike = 0.0) -> float:
    """The volume between a reference point and the molecules; exact, for any number of objectives.

    The time grows with the objectives: hundredths of a second for 300 points of a front and three objectives, seconds
    for 500 points and four, or 150 and five.

    Source: the hypervolume by slicing objectives (HSO; While et al., 2006), https://doi.org/10.1109/TEVC.2005.851275

    Args:
        parts: (N, K), to be maximized; a row with NaN is left out.
        reference: (K,) or one number for all; a point below it in any objective adds nothing.

    Returns:
        In the product of the units of the objectives; 0 without molecules.

    >>> hypervolume([[1.0, 0.5], [0.5, 1.0]])
    0.75
    """
    values = np.asarray(parts, dtype=np.float64)
    if not values.size:
        return 0.0
    values = values[~np.isnan(values).any(axis=1)] - np.asarray(reference, dtype=np.float64)
    values = values[(values > 0).all(axis=1)]
    return _volume(values[front(values)])


def _volume(values: NDArray[np.float64]) -> float:
    """Of points (N, K) above the origin."""
    if not len(values):
        return 0.0
    if values.shape[1] == 1:
        return float(values.max())
    if values.shape[1] == 2:
        ascending = values[np.argsort(values[:, 0])]
        beyond = np.maximum.accumulate(ascending[::-1, 1])[::-1]
        return float(np.diff(ascending[:, 0], prepend=0.0) @ beyond)
    values = np.unique(values, axis=0)  # ascending in the first objective
    values = values[(values[:, None] >= values).all(axis=2).sum(axis=0) == 1]  # the front
    # Between two neighbouring values of the first objective, the slice is that of all points beyond.
    heights = np.diff(values[:, 0], prepend=0.0)
    return sum(float(height) * _volume(values[row:, 1:]) for row, height in enumerate(heights) if height > 0)


def random_weights(k: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(k,) weights above 0 that sum to 1, uniform on the simplex; new ones reach other parts of it."""
    return rng.dirichlet(np.ones(k))


def chebyshev(parts: ArrayLike, weights: ArrayLike) -> NDArray[np.float64]:
    """The augmented Chebyshev scalarization: min_k w_k f_k + 0.05 sum_k w_k f_k.

    Its best molecule is on the front for any weights. The second term decides between equals; without it, every
    molecule of the front with numbers above 0 would be best for some weights.

    Source: ParEGO (Knowles, 2006), https://doi.org/10.1109/TEVC.2005.851274

    Args:
        parts: (..., K), to be maximized, on similar scales; NaN gives NaN.
        weights: (K,), above 0.

    Returns:
        (...)
    """
    weighted = np.asarray(parts, dtype=np.float64) * np.asarray(weights, dtype=np.float64)
    scalar: NDArray[np.float64] = weighted.min(axis=-1) + _AUGMENTATION * weighted.sum(axis=-1)
    return scalar
