"""Agreement between predicted and measured numbers.

Not by scikit-learn: its functions raise for empty inputs, warn where a figure is undefined, and import slowly.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["mean_absolute_error", "r_squared", "spearman"]

Numbers = NDArray[np.float64]


def r_squared(measured: Numbers, predicted: Numbers) -> float:
    """The coefficient of determination of (N,) predictions: 1 - sum (y - p)^2 / sum (y - mean y)^2.

    1 is perfect; 0 is as good as predicting the mean; below 0 is worse. NaN if the measured numbers do not differ, or
    there are none.
    """
    spread = float(np.square(measured - measured.mean()).sum()) if len(measured) else 0.0
    return 1.0 - float(np.square(measured - predicted).sum()) / spread if spread > 0.0 else math.nan


def mean_absolute_error(measured: Numbers, predicted: Numbers) -> float:
    """The mean of |y - p|, in the unit of the numbers; NaN if there are none."""
    return float(np.abs(measured - predicted).mean()) if len(measured) else math.nan


def spearman(measured: Numbers, predicted: Numbers) -> float:
    """Spearman's rank correlation, from -1 to 1; ties get their mean rank. NaN if either has only one value.

    Source: The proof and measurement of association between two things (Spearman, 1904),
    https://doi.org/10.2307/1412159
    """
    from scipy.stats import rankdata

    ranks = [rankdata(numbers) for numbers in (measured, predicted)]
    if any(len(rank) < 2 or rank.min() == rank.max() for rank in ranks):
        return math.nan
    return float(np.corrcoef(*ranks)[0, 1])
