"""Who becomes a parent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["parents_of", "rank_weights", "ranked"]

_DECADES = 3.0  # the narrowest circle of parents is the best thousandth


def rank_weights(n: int, k: float) -> NDArray[np.float64]:
    """(n,) weights 1 / (k n + rank), ranks from 0, that sum to 1.

    Source: weighted retraining (Tripp et al., 2020), https://arxiv.org/abs/2006.09191, eq. 5
    """
    weights = 1.0 / (k * n + np.arange(n))
    normalized: NDArray[np.float64] = weights / weights.sum()
    return normalized


def parents_of(n: int, size: int, k: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Ranks (size,) of parents among n molecules, best first.

    Half are drawn by `rank_weights`, half evenly from circles of the best: all, the best tenth, hundredth, ..., with
    their logarithm uniform, which keeps what is unlike the best in the game however many there are.

    Args:
        n: at least 1.
        size: how many.
        k: of `rank_weights`.
        rng: of the draws.
    """
    by_rank = rng.choice(n, size=size, p=rank_weights(n, k))
    circle = np.ceil(n * 10.0 ** -rng.uniform(0.0, _DECADES, size=size))
    by_circle = np.floor(rng.random(size) * circle).astype(np.int64)
    return np.where(rng.random(size) < 0.5, by_rank, by_circle)


def ranked(merits: NDArray[np.float64], rng: np.random.Generator | None = None) -> NDArray[np.int64]:
    """(M,) the rows of merits (N,) that are numbers, best first; of equal ones the older first, or in random order.

    A search that stands on a plateau has many equal ones, and should not come back to the oldest of them every time.
    """
    known = np.flatnonzero(~np.isnan(merits))
    if rng is not None:
        known = rng.permutation(known)
    return known[np.argsort(-merits[known], kind="stable")]
