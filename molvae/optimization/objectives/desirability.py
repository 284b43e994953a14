"""Desirability functions: from a property to how good its value is, between 0 and 1.

Sources: Harrington (1965), The desirability function; Derringer & Suich (1980),
https://doi.org/10.1080/00224065.1980.11980968. Every function takes numbers and arrays, and NaN gives NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np

from molvae.errors import ConfigError

__all__ = ["Above", "Below", "DoubleSigmoid", "Gaussian", "Piecewise", "Ramp", "Shape", "Sigmoid", "Window"]

Shape = Callable[[Any], Any]
"""From a number or an array to a number or an array in [0, 1]."""


@dataclass(frozen=True, slots=True)
class _Checked:
    """A shape whose numbers are all finite and fit together."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float | int) and not math.isfinite(value):
                raise ConfigError(f"{type(self).__name__}: {field.name} must be a finite number, not {value}")
        self._check()

    def _check(self) -> None:
        """Raise `ConfigError` if the numbers do not fit together."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True, slots=True)
class Gaussian(_Checked):
    """exp(-((x - mu) / sigma)^2 / 2): best at `mu`.

    >>> Gaussian(3, 0.5)(3.5).round(4)
    np.float64(0.6065)
    """

    mu: float
    sigma: float

    def _check(self) -> None:
        _require(self.sigma > 0, f"the width of a Gaussian must be above 0, not {self.sigma}")

    def __call__(self, x: Any) -> Any:
        return np.exp(-0.5 * np.power((x - self.mu) / self.sigma, 2.0))


@dataclass(frozen=True, slots=True)
class Above(Gaussian):
    """1 from `mu` on, a half Gaussian of width `sigma` below it."""

    def __call__(self, x: Any) -> Any:
        return Gaussian.__call__(self, np.minimum(x, self.mu))


@dataclass(frozen=True, slots=True)
class Below(Gaussian):
    """1 up to `mu`, a half Gaussian of width `sigma` above it."""

    def __call__(self, x: Any) -> Any:
        return Gaussian.__call__(self, np.maximum(x, self.mu))


@dataclass(frozen=True, slots=True)
class Window(_Checked):
    """1 from `low` to `high`, half Gaussians outside.

    Attributes:
        low: the lower end.
        high: the upper end.
        sigma: the width of the Gaussians; None takes a tenth of the window.

    >>> Window(250, 500)(np.array([250.0, 500.0, 525.0])).round(4).tolist()
    [1.0, 1.0, 0.6065]
    """

    low: float
    high: float
    sigma: float | None = None

    def _check(self) -> None:
        _require(self.low < self.high, f"a window must end above its beginning, not go from {self.low} to {self.high}")
        _require(self.sigma is None or self.sigma > 0, f"the edge of a window must be wider than 0, not {self.sigma}")

    def __call__(self, x: Any) -> Any:
        outside = x - np.clip(x, self.low, self.high)
        return Gaussian(0.0, (self.high - self.low) / 10 if self.sigma is None else self.sigma)(outside)


@dataclass(frozen=True, slots=True)
class Ramp(_Checked):
    """A straight line from 0 at `zero` to 1 at `one`, flat beyond; it falls if `one` is the smaller.

    >>> Ramp(10, 1)(np.array([0.0, 5.5, 11.0])).tolist()
    [1.0, 0.5, 0.0]
    """

    zero: float
    one: float

    def _check(self) -> None:
        _require(self.zero != self.one, f"a ramp must begin and end at different values, not both at {self.one}")

    def __call__(self, x: Any) -> Any:
        return np.clip((x - self.zero) / (self.one - self.zero), 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Sigmoid(_Checked):
    """1 / (1 + 10^(-10 k (x - m) / (high - low))), m half way from `low` to `high`; it falls if k is negative.

    The parameters have the same meaning as in REINVENT (Loeffler et al., 2024), https://doi.org/10.1186/s13321-024-00812-5
    """

    low: float
    high: float
    k: float = 0.5

    def _check(self) -> None:
        _require(self.low < self.high, f"a sigmoid must end above its beginning, not go from {self.low} to {self.high}")
        _require(self.k != 0, "the steepness k of a sigmoid must not be 0")

    def __call__(self, x: Any) -> Any:
        middle = (self.low + self.high) / 2
        return _logistic(10 * self.k * (x - middle) / (self.high - self.low))


@dataclass(frozen=True, slots=True)
class DoubleSigmoid(_Checked):
    """Rises at `low`, falls at `high`: 1 / (1 + 10^(-rise (x - low) / scale)) below the middle, mirrored above.

    With REINVENT's coef_si for `rise`, coef_se for `fall` and coef_div for `scale`.
    """

    low: float
    high: float
    rise: float
    fall: float
    scale: float

    def _check(self) -> None:
        _require(
            self.low < self.high,
            f"a double sigmoid must end above its beginning, not go from {self.low} to {self.high}",
        )
        _require(min(self.rise, self.fall, self.scale) > 0, "rise, fall and scale of a double sigmoid must be above 0")

    def __call__(self, x: Any) -> Any:
        rising = _logistic(self.rise * (x - self.low) / self.scale)
        falling = _logistic(-self.fall * (x - self.high) / self.scale)
        return np.where(np.less(x, (self.low + self.high) / 2), rising, falling)[()]


@dataclass(frozen=True, slots=True)
class Piecewise(_Checked):
    """Straight lines between points, flat outside them.

    Attributes:
        points: (x, y) with x ascending and y in [0, 1].

    >>> Piecewise(((0, 0), (2, 1), (4, 0.5)))(np.array([-1.0, 1.0, 3.0, 9.0])).tolist()
    [0.0, 0.5, 0.75, 0.5]
    """

    points: tuple[tuple[float, float], ...]

    def _check(self) -> None:
        x, y = ([point[at] for point in self.points] for at in (0, 1))
        _require(
            len(x) > 1 and all(map(math.isfinite, x)) and all(a < b for a, b in pairwise(x)),
            "a piecewise desirability needs two points or more, x,y, in ascending order of x",
        )
        _require(all(0 <= one <= 1 for one in y), "a desirability must be between 0 and 1")

    def __call__(self, x: Any) -> Any:
        return np.interp(x, *np.array(self.points, dtype=np.float64).T)


def _logistic(exponent: Any) -> Any:
    """1 / (1 + 10^-exponent), without overflow."""
    tail = np.power(10.0, -np.abs(exponent))
    return np.where(np.greater_equal(exponent, 0), 1.0, tail)[()] / (1.0 + tail)
