"""What a training tells: after a step, and after an epoch."""

from __future__ import annotations

from typing import NamedTuple

from molvae.training.health import Health

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
    objective: float
    """nats per molecule, the held-out objective that early stopping watches"""
    best: bool
    """whether no epoch before had a lower one"""
    health: Health
    """held-out figures of the averaged weights"""

    def flat(self) -> dict[str, float]:
        """All figures by name, those of the health check too."""
        return {**{k: v for k, v in self._asdict().items() if k != "health"}, **self.health._asdict()}
