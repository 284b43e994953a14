"""Objectives made of others: a shape over one, a weighted mean of several; and structural alerts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from molvae.chem import parse, quiet_rdkit
from molvae.chem.alerts import CATALOGS, structural_alerts
from molvae.errors import ConfigError, InputError
from molvae.optimization.objectives.means import MEANS
from molvae.optimization.objectives.objective import NO_FAILURES, Objective, Scores

__all__ = ["Mean", "NoAlerts", "Shaped"]

_PATIENCE = 3  # molecules without a geometric mean before the first with one


class Shaped:
    """What a function of arrays, such as a desirability, makes of the scores of an objective."""

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
    """A weighted mean of objectives. A molecule that one of them has no number for has none.

    Args:
        objectives: at least one.
        weights: a number above 0 for each; None weighs all the same.
        mean: ``geometric``, for which no score may be negative, or ``arithmetic``.

    Attributes:
        has_worked: a molecule had a mean, here or in a search that goes on here.

    Raises:
        ConfigError: no objective, another number of weights, a weight that is not above 0, or no such mean.
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
        """Those of all objectives, each under its objective's name, and negative scores under a geometric mean."""
        found = [(key, f"{one.name}: {why}") for one in self.objectives for key, why in one.failures.items()]
        return dict(self._negative) | dict(reversed(found))

    def scores(self, smiles: Sequence[str]) -> Scores:
        """(N, K) the scores of N texts by each of the K objectives."""
        return np.stack([one(smiles) for one in self.objectives], axis=-1)

    def __call__(self, smiles: Sequence[str], /) -> Scores:
        """The scores (N,) of N texts."""
        return self.combined(smiles, self.scores(smiles))

    def combined(self, smiles: Sequence[str], scores: Scores) -> Scores:
        """(N,) the means of scores (N, K) of N texts.

        Raises:
            InputError: the first three molecules have no geometric mean, their scores being negative.
        """
        if self._mean == "geometric":
            for row, column in np.argwhere(scores < 0):
                reason = f"{self.objectives[column].name} gave {scores[row, column]:g}, which has no geometric mean"
                self._negative[smiles[row]] = reason
        means = MEANS[self._mean](scores, self.weights)
        self.has_worked = self.has_worked or bool((~np.isnan(means)).any())
        if not self.has_worked and len(self._negative) >= _PATIENCE:
            raise InputError(
                f"{next(iter(self._negative.values()))}, nor had the others so far: make it a desirability from 0 to 1 "
                "(ramp:OBJECTIVE:ZERO:ONE), or take another mean (arithmetic, pareto)"
            )
        return means

    def __repr__(self) -> str:
        return f"Mean({self.name!r})"


class NoAlerts:
    """1 for a molecule without structural alerts, 0 for one with; NaN for no molecule.

    Args:
        name: as in `Objective`.
        catalogs: of `molvae.chem.alerts.CATALOGS`.

    Raises:
        ConfigError: there is no such catalog.
    """

    def __init__(self, name: str, catalogs: Sequence[str]) -> None:
        for catalog in catalogs:
            if catalog not in CATALOGS:
                raise ConfigError(f"no catalog of alerts is named {catalog!r}; there are {', '.join(CATALOGS)}")
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
