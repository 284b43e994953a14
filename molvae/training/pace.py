"""How fast a training goes, and how many steps fit into a time."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["Pace"]

_CHECKING = 0.04  # share of the time for the health checks, at most


class Pace(NamedTuple):
    """Seconds, as a rehearsal measured them."""

    step: float
    """of an optimizer step, its share of the transport included"""
    check: float
    """of a health check"""

    def fit(self, seconds: float, steps_per_epoch: int) -> tuple[int, int]:
        """What fills a time.

        Args:
            seconds: the time.
            steps_per_epoch: optimizer steps of an epoch.

        Returns:
            optimizer steps, at least 1, and epochs from one health check to the next
        """
        training = max(0.0, seconds - self.check)
        epochs = training / (self.step * steps_per_epoch)
        between = max(1, math.ceil(epochs * self.check / max(_CHECKING * training, 1e-9))) if epochs > 1 else 1
        training -= int(epochs / between) * self.check
        return max(1, int(training / self.step)), between
