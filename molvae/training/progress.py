"""What a training tells: after a step, and after an epoch."""

from __future__ import annotations

from typing import NamedTuple

from molvae.training.health import Health
from molvae.training.labels import Fit

__all__ = ["Epoch", "Progress"]


class Progress(NamedTuple):
    """Where a training is, after a step."""

    step: int
    """steps done"""
    steps: int
    """steps in all"""
    tokens_per_second: float
    """target tokens trained on, since the start of the epoch"""


class Epoch(NamedTuple):
    """One line of history.csv."""

    epoch: int
    """epochs done"""
    seconds: float
    """training time so far, the health checks included"""
    tokens_per_second: float
    """target tokens trained on in this epoch"""
    train_reconstruction: float
    """nats per molecule, mean over the epoch"""
    train_kl: float
    """nats per molecule, mean over the epoch"""
    train_prior: float
    """nats per molecule at coupled prior draws, mean over the epoch; NaN without them"""
    train_properties: float
    """nats per molecule, loss of the heads, summed over the properties, mean over the epoch; 0 without heads"""
    objective: float
    """nats per molecule, the held-out objective that early stopping watches"""
    best: bool
    """whether no epoch before had a lower one"""
    health: Health
    """held-out figures of the averaged weights"""
    fits: dict[str, Fit]
    """how near their heads come on held-out molecules, by property"""

    def flat(self) -> dict[str, float]:
        """All figures by name, those of the health check and of the heads too."""
        without = {"health", "fits"} | (set() if self.fits else {"train_properties"})
        own = {name: value for name, value in self._asdict().items() if name not in without}
        heads = {f"{name}_{key}": getattr(fit, key) for name, fit in self.fits.items() for key in ("r2", "mae")}
        return {**own, **self.health._asdict(), **heads}
