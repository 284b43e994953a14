"""Objectives made of others: a shape over one, a weighted mean or a front of several; and structural alerts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from molvae.chem import parse, quiet_rdkit
from molvae.chem.alerts import CATALOGS, structural_alerts
from molvae.errors import ConfigError, InputError
from molvae.optimization.objectives.objective import NO_FAILURES, Objective, Scores
from molvae.optimization.pareto import chebyshev

__all__ = ["MEANS", "Mean", "NoAlerts", "Pareto", "Shaped", "arithmetic_mean", "geometric_mean"]

_PATIENCE = 3  # molecules without a geometric mean before the first one that has it


def geometric_mean(scores: ArrayLike, weights: Sequence[float] | None = None) -> NDArray[np.float64]:
    """exp(sum w log s / sum w) over the last axis: a single 0 makes it 0. Small scores cause no underflow.

    Args:
        scores: (..., K), not negative; a negative one or NaN gives NaN.
        weights: K numbers above 0; None gives all the same weight.

    Returns:
        (...)

    >>> float(geometric_mean([0.25, 1.0]))
    0.5
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.asarray(scores, dtype=np.float64))
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


class Shaped:
    """The scores of an objective, transformed by a function of arrays such as a desirability."""

    def __init__(self, name: str, objective: Objective, shape: Callable[[Any], Any]) -> None:
        self.name = name
        self.objective = objective
        self._shape = shape

    @property
    def failures(self) -> Mapping[str, str]:
        """Those of the objective."""
        return self.objective.failures

    def __call__(self, smiles: Sequence[str], /) -> Scores:
        """The scores (N,) of N texts."""
        return np.asarray(self._shape(self.objective(smiles)), dtype=np.float64)

    def __repr__(self) -> str:
        return f"Shaped({self.name!r})"


class Mean:
    """A weighted mean of objectives. A molecule has no mean if one objective has no number for it.

    Args:
        objectives: at least one.
        weights: a number above 0 for each; None gives all the same weight.
        mean: ``geometric``, for which no score may be negative, or ``arithmetic``.

    Attributes:
        has_worked: a molecule had a mean, in this search or before it was resumed.

    Raises:
        ConfigError: there is no objective, another number of weights, a weight that is not above 0, or no such mean.
    """

    def __init__(
        self, objectives: Sequence[Objective], *, weights: Sequence[float] | None = None, mean: str = "geometric"
    ) -> None:
        weights = [1.0] * len(objectives) if weights is None else list(weights)
        if not objectives:
            raise ConfigError("a mean needs at least one objective")
        if len(weights) != len(objectives):
            raise ConfigError(f"there are {len(weights)} weights for {len(objectives)} objectives; give one for each")
        if not all(0 < weight < float("inf") for weight in weights):
            raise ConfigError(f"weights must be above 0 and finite, not {', '.join(f'{one:g}' for one in weights)}")
        if mean not in MEANS:
            raise ConfigError(f"there is no mean {mean!r}; there are {', '.join(MEANS)}")
        self.objectives = tuple(objectives)
        self.weights = weights
        self._mean = mean
        self._negative: dict[str, str] = {}
        self.has_worked = False
        parts = zip(weights, self.objectives, strict=True)
        self.name = f"{mean} mean of " + ", ".join(f"{weight:g}*{one.name}" for weight, one in parts)

    @property
    def failures(self) -> Mapping[str, str]:
        """Those of all objectives, each with its objective's name, and negative scores under a geometric mean."""
        found = [(key, f"{one.name}: {why}") for one in self.objectives for key, why in one.failures.items()]
        return dict(self._negative) | dict(reversed(found))

    def __call__(self, smiles: Sequence[str], /) -> Scores:
        """The scores (N,) of N texts."""
        return self.combined(smiles, np.stack([one(smiles) for one in self.objectives], axis=-1))

    def combined(self, smiles: Sequence[str], scores: Scores) -> Scores:
        """(N,) the means of scores (N, K) of N texts.

        Raises:
            InputError: the first three molecules have no geometric mean, because their scores are negative.
        """
        if self._mean == "geometric":
            for row, column in np.argwhere(scores < 0):
                reason = f"{self.objectives[column].name} gave {scores[row, column]:g}, which has no geometric mean"
                self._negative[smiles[row]] = reason
        means = MEANS[self._mean](scores, self.weights)
        self.has_worked = self.has_worked or bool((~np.isnan(means)).any())
        if not self.has_worked and len(self._negative) >= _PATIENCE:
            raise InputError(
                f"{next(iter(self._negative.values()))}, and no other molecule had one so far: make it a desirability "
                "from 0 to 1 (ramp:OBJECTIVE:ZERO:ONE), or take another mean (arithmetic, pareto)"
            )
        return means

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class Pareto(Mean):
    """Several objectives whose front of trade-offs is searched for.

    Its own score is the augmented Chebyshev scalarization with its weights: how good a molecule is by its worst
    objective. See `molvae.optimization.pareto.chebyshev`.

    Args:
        objectives: two or more.
        weights: a number above 0 for each; only their ratios matter.

    Raises:
        ConfigError: there are fewer than two objectives, or the weights cannot be used.
    """

    def __init__(self, objectives: Sequence[Objective], *, weights: Sequence[float] | None = None) -> None:
        if len(objectives) < 2:
            raise ConfigError("a front of trade-offs needs two or more objectives; give them, or take a mean")
        super().__init__(objectives, weights=weights, mean="arithmetic")
        self.name = "front of " + ", ".join(one.name for one in self.objectives)

    def combined(self, smiles: Sequence[str], scores: Scores) -> Scores:
        """(N,) the scalarization of scores (N, K) of N texts."""
        return chebyshev(scores, np.asarray(self.weights) / np.sum(self.weights))


class NoAlerts:
    """1 for a molecule without structural alerts, 0 for one with alerts; NaN for what is not a molecule.

    Args:
        name: as in `Objective`.
        catalogs: keys of `molvae.chem.alerts.CATALOGS`.

    Raises:
        ConfigError: there is no such catalog.
    """

    def __init__(self, name: str, catalogs: Sequence[str]) -> None:
        for catalog in catalogs:
            if catalog not in CATALOGS:
                raise ConfigError(f"there is no catalog of alerts {catalog!r}; there are {', '.join(CATALOGS)}")
        self.name = name
        self.failures = NO_FAILURES
        self._catalogs = tuple(catalogs)

    def __call__(self, smiles: Sequence[str], /) -> Scores:
        """The scores (N,) of N texts."""
        with quiet_rdkit():
            scores = np.array([np.nan if parse(one) is None else 1.0 for one in smiles], dtype=np.float64)
        for catalog in self._catalogs if len(scores) else ():
            scores[[bool(alerts) for alerts in structural_alerts(smiles, catalog)]] = 0.0
        return scores

    def __repr__(self) -> str:
        return f"NoAlerts({self.name!r})"
