"""The training data of the surrogate: which molecules it is trained on, and how their values are scaled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scaling", "training_rows"]

Matrix = NDArray[np.float64]

_SHARE_OF_BEST = 0.6
_SHARE_OF_NEWEST = 0.2
_LOWEST = -2.0  # in a search, of scaled values: otherwise a penalty of -1e6 would hide all other differences


def training_rows(scores: Matrix, limit: int) -> NDArray[np.int64]:
    """Rows to train on: the best, the newest, and some of all the others.

    Of `limit` rows three fifths are the best. One fifth are the newest of the others, which show where the search is.
    The rest are spread evenly over the ranks of what is left, so that bad molecules are known to be bad.

    Args:
        scores: (N,) in the order of the calls; NaN is worse than any number.
        limit: the largest number of rows.

    Returns:
        (min(N, limit),) distinct rows, ascending. The same scores give the same rows.
    """
    n = len(scores)
    if n <= limit:
        return np.arange(n)
    order = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")  # of equal ones the older first
    best = round(limit * _SHARE_OF_BEST)
    others = order[best:]
    newest = np.sort(others)[len(others) - round(limit * _SHARE_OF_NEWEST) :]
    left = others[~np.isin(others, newest)]
    spread = left[np.linspace(0, len(left) - 1, limit - best - len(newest)).round().astype(int)]
    return np.sort(np.concatenate([order[:best], newest, spread]))


class Scaling:
    """Scales the values of each output, so that the surrogate does not depend on the unit, a * score + b.

    In a search the median becomes 0, which is the prior mean, and the best 1. Measured values get mean 0 and standard
    deviation 1.

    Args:
        values: (N, K); NaN is left out.
        measured: for measured values, not for a search.
    """

    def __init__(self, values: Matrix, *, measured: bool) -> None:
        columns = [column[~np.isnan(column)] for column in values.T]
        pairs = [(_mean_and_std if measured else _median_to_best)(column) for column in columns]
        self.center, self.unit = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
        self._lowest = -np.inf if measured else _LOWEST

    def scaled(self, values: Matrix) -> Matrix:
        """(N, K) from the units of the scores; NaN stays NaN."""
        return np.maximum((values - self.center) / self.unit, self._lowest)

    def means(self, scaled: Matrix) -> Matrix:
        """(M, K) back to the units of the scores."""
        return scaled * self.unit + self.center


def _median_to_best(column: Matrix) -> tuple[float, float]:
    if not len(column):
        return 0.0, 1.0
    lowest, center, best = np.quantile(column, [0.0, 0.5, 1.0])
    # If most are the best, the unit is the distance to the worst. A difference by rounding alone is none.
    units = ((best - worse) for worse in (center, lowest) if best - worse > 1e-9 * max(abs(worse), abs(best)))
    return center, next(units, 1.0)


def _mean_and_std(column: Matrix) -> tuple[float, float]:
    if not len(column):
        return 0.0, 1.0
    spread = float(column.std())
    return float(column.mean()), spread if spread > 1e-9 * np.abs(column).max() else 1.0
