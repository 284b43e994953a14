"""Weighted means of scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["MEANS", "arithmetic_mean", "geometric_mean"]


def geometric_mean(scores: ArrayLike, weights: Sequence[float] | None = None) -> NDArray[np.float64]:
    """exp(sum w log s / sum w) over the last axis: a single 0 makes it 0. No underflow for small scores.

    Args:
        scores: (..., K), not negative; a negative one or NaN gives NaN.
        weights: K numbers above 0; None weighs all the same.

    Returns:
        (...)

    >>> float(geometric_mean([0.25, 1.0]))
    0.5
    """
    scores = np.asarray(scores, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(scores)
    mean: NDArray[np.float64] = np.exp(np.average(logs, axis=-1, weights=weights))
    return mean


def arithmetic_mean(scores: ArrayLike, weights: Sequence[float] | None = None) -> NDArray[np.float64]:
    """sum w s / sum w over the last axis; arguments and result as in `geometric_mean`, negative scores included."""
    mean: NDArray[np.float64] = np.average(np.asarray(scores, dtype=np.float64), axis=-1, weights=weights)
    return mean


MEANS: Mapping[str, Callable[..., NDArray[np.float64]]] = MappingProxyType(
    {"geometric": geometric_mean, "arithmetic": arithmetic_mean}
)
"""By name."""
