"""A column as colors: numbers on a scale, or categories, of which the most frequent have their own color."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from molvae.visualization.plots.style import CATEGORIES

__all__ = ["Coloring", "as_text", "coloring"]

_TAILS = 2.0  # per cent of the values at each end that share one color, so that outliers do not stretch the scale


@dataclass(frozen=True, slots=True, eq=False)
class Coloring:
    """A column as colors.

    Attributes:
        name: of the column.
        values: (N,) numbers, or indices of categories; NaN where the value is missing.
        categories: the texts, most frequent first; empty for numbers.
        low, high: ends of the scale; 0 and 0 without numbers.
    """

    name: str
    values: NDArray[np.float64]
    categories: tuple[str, ...]
    low: float
    high: float

    @property
    def missing(self) -> NDArray[np.bool_]:
        """(N,) where there is no value."""
        return np.isnan(self.values)

    @property
    def shown(self) -> tuple[str, ...]:
        """The categories that have their own color: the most frequent ones."""
        return self.categories[: len(CATEGORIES)]

    @property
    def clipped(self) -> tuple[bool, bool]:
        """Whether there are numbers below and above the scale."""
        numbers = self.values[~self.missing]
        return bool((numbers < self.low).any()), bool((numbers > self.high).any())


def coloring(name: str, values: Sequence[Any]) -> Coloring:
    """Choose how to show a column.

    The scale of numbers goes from the 2nd to the 98th percentile; if these are equal, from the minimum to the maximum.
    Texts are categories, and so are numbers with two values, such as 0 and 1.

    Args:
        name: of the column.
        values: N floats, NaN where missing; or N texts, "" where missing.
    """
    if all(isinstance(value, float) for value in values):
        numbers = np.array(values, dtype=np.float64)
        numbers[~np.isfinite(numbers)] = np.nan
        there = numbers[~np.isnan(numbers)]
        if len(np.unique(there)) != 2:
            return Coloring(name, numbers, (), *_ends(there))
        values = [as_text(value) for value in numbers]
    texts = [str(value) for value in values]
    counts = Counter(text for text in texts if text)
    categories = sorted(counts, key=lambda text: (-counts[text], text))
    places = {text: float(place) for place, text in enumerate(categories)}
    return Coloring(name, np.array([places.get(text, math.nan) for text in texts]), tuple(categories), 0.0, 0.0)


def as_text(value: float) -> str:
    """A number as text: without a point if it is an integer, "" if it is missing.

    >>> as_text(3.0), as_text(0.1), as_text(float("nan"))
    ('3', '0.1', '')
    """
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))


def _ends(numbers: NDArray[np.float64]) -> tuple[float, float]:
    if not len(numbers):
        return 0.0, 0.0
    low, high = (float(one) for one in np.percentile(numbers, [_TAILS, 100 - _TAILS]))
    return (low, high) if low < high else (float(numbers.min()), float(numbers.max()))
