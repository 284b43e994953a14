"""How well predicted numbers agree with measured ones."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["mean_absolute_error", "r_squared", "spearman"]

Numbers = NDArray[np.float64]


def r_squared(measured: Numbers, predicted: Numbers) -> float:
    """The coefficient of determination: 1 - sum (y - p)^2 / sum (y - mean y)^2.

    1 is perfect, 0 what predicting the mean would give; below it is worse than that.

    Args:
        measured: (N,)
        predicted: (N,)

    Returns:
        NaN where the measured numbers do not differ, or there is none.
    """
    spread = float(np.square(measured - measured.mean()).sum()) if len(measured) else 0.0
    return 1.0 - float(np.square(measured - predicted).sum()) / spread if spread > 0.0 else math.nan


def mean_absolute_error(measured: Numbers, predicted: Numbers) -> float:
    """The mean of |y - p|, in the unit of the numbers; NaN of none."""
    return float(np.abs(measured - predicted).mean()) if len(measured) else math.nan


def spearman(measured: Numbers, predicted: Numbers) -> float:
    """The rank correlation, ties having their mean rank: 1 for the same order, -1 for the reverse.

    Source: The proof and measurement of association between two things (Spearman, 1904),
    https://doi.org/10.2307/1412159

    Returns:
        NaN where either has one value only.
    """
    from scipy.stats import rankdata

    ranks = [rankdata(numbers) for numbers in (measured, predicted)]
    if any(len(rank) < 2 or rank.min() == rank.max() for rank in ranks):
        return math.nan
    return float(np.corrcoef(*ranks)[0, 1])
