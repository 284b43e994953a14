"""Some rows of a table of any length, each with the same chance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from molvae.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Subsample", "subsample"]


class Subsample(NamedTuple):
    """Rows that were chosen, and of how many."""

    rows: pd.DataFrame
    """in the order of the table, index 0 to k - 1"""
    total: int
    """rows of the table"""


def subsample(chunks: Iterable[pd.DataFrame], size: int, *, seed: int = 0) -> Subsample:
    """Choose rows while they come; memory grows with `size` and a chunk only.

    Every row draws a number, and the `size` lowest are kept: each set of rows has the same chance, and how the table
    is cut into chunks changes nothing. All rows are kept where there are no more.

    Args:
        chunks: tables of the same columns, one at least.
        size: rows to keep, at least 1.
        seed: of the draws.

    Raises:
        ConfigError: a size below 1.
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
