"""Which of the known molecules the surrogate is trained on, when there are too many for all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["choose_evidence"]

_SHARE_OF_BEST = 0.6
_SHARE_OF_NEWEST = 0.2


def choose_evidence(scores: NDArray[np.float64], limit: int) -> NDArray[np.int64]:
    """Rows to train on: the best, the newest, and some of all the others.

    Of `limit` rows three fifths are the best, a fifth the newest of the others, which show where the search is, and
    the rest are spread evenly over the ranks of what is left, so that bad molecules are known for bad.

    Args:
        scores: (N,) in the order of the calls; NaN is worse than any number.
        limit: rows at most.

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
