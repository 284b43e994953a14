"""From the units of scores to those of the surrogate and back: nothing depends on a * score + b."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scaling"]

Matrix = NDArray[np.float64]

# The prior mean is what half of the known molecules exceed.
_QUANTILE = 0.5
# In a search, how much worse than that a molecule is tells nothing beyond this; a penalty of -1e6 would drown all else.
_LOWEST = -2.0


class Scaling:
    """What is done to the values of each output.

    In a search the median has 0 and the best 1: an unknown molecule is expected to be as good as most. Measured values
    have mean 0 and standard deviation 1.

    Args:
        values: (N, K); NaN is left out.
        measured: for measured values, not for a search.
    """

    def __init__(self, values: Matrix, *, measured: bool) -> None:
        columns = [column[~np.isnan(column)] for column in values.T]
        pairs = [(_standard if measured else _to_the_best)(column) for column in columns]
        self.center, self.unit = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
        self._lowest = -np.inf if measured else _LOWEST

    def scaled(self, values: Matrix) -> Matrix:
        """(N, K) from the units of the scores; NaN stays NaN."""
        return np.maximum((values - self.center) / self.unit, self._lowest)

    def means(self, scaled: Matrix) -> Matrix:
        """(M, K) back to the units of the scores."""
        return scaled * self.unit + self.center


def _to_the_best(column: Matrix) -> tuple[float, float]:
    if not len(column):
        return 0.0, 1.0
    lowest, center, best = np.quantile(column, [0.0, _QUANTILE, 1.0])
    # Where most are the best, the worst tells the unit. Rounding of scores that are all the same is no difference.
    units = ((best - worse) for worse in (center, lowest) if best - worse > 1e-9 * max(abs(worse), abs(best)))
    return center, next(units, 1.0)


def _standard(column: Matrix) -> tuple[float, float]:
    if not len(column):
        return 0.0, 1.0
    spread = float(column.std())
    return float(column.mean()), spread if spread > 1e-9 * np.abs(column).max() else 1.0
