"""What an epoch adds up to: means of the terms of the objective, and speed."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from torch import Tensor

from molvae.training.objective import Terms

__all__ = ["Meter"]


class Meter:
    """Sums over an epoch.

    Args:
        state: what `state` gave, to go on from; None starts at zero.
    """

    def __init__(self, state: Mapping[str, Tensor] | None = None) -> None:
        self._sums = state["sums"].clone() if state else torch.zeros(3, dtype=torch.float64)
        self._molecules: int = int(state["molecules"][0]) if state else 0
        self._coupled: int = int(state["molecules"][1]) if state else 0
        self._tokens, self._started = 0, time.monotonic()

    def state(self) -> dict[str, Tensor]:
        """What `__init__` takes; the speed starts anew."""
        return {"sums": self._sums, "molecules": torch.tensor([self._molecules, self._coupled])}

    def add(self, terms: Terms, molecules: int, tokens: int, *, coupled: bool) -> None:
        """Take in a step."""
        parts = torch.stack([terms.reconstruction, terms.kl, terms.prior]).detach()
        self._sums += parts.double().cpu() * molecules
        self._molecules += molecules
        self._coupled += molecules if coupled else 0
        self._tokens += tokens

    def means(self) -> tuple[float, float, float]:
        """Reconstruction, KL and coupled prior term in nats per molecule."""
        reconstruction, kl, prior = self._sums.tolist()
        n = max(1, self._molecules)
        return reconstruction / n, kl / n, prior / self._coupled if self._coupled else float("nan")

    @property
    def tokens_per_second(self) -> float:
        """Target tokens a second since the start."""
        return self._tokens / max(1e-9, time.monotonic() - self._started)
