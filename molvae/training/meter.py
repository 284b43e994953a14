"""What an epoch adds up to: means of the terms of the objective, and speed."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from torch import Tensor

from molvae.runtime.distributed import total
from molvae.training.objective import Terms

__all__ = ["Meter"]


class Meter:
    """Sums over an epoch, over the molecules that this process trained on.

    Args:
        device: where the terms are; they are added up there, so that no step waits for them.
        state: what `state` gave, to go on from; None starts at zero.
    """

    def __init__(self, device: torch.device, state: Mapping[str, Tensor] | None = None) -> None:
        number = torch.float32 if device.type == "mps" else torch.float64
        self._sums = torch.zeros(6, dtype=number, device=device)  # four terms, molecules, coupled molecules
        if state:
            self._sums += state["sums"].to(self._sums)
        self._tokens, self._started = 0, time.monotonic()

    def state(self) -> dict[str, Tensor]:
        """The sums of all processes, for `__init__` of one of them; the speed starts anew."""
        return {"sums": total(self._sums.clone())}

    def add(self, terms: Terms, molecules: int, tokens: int, *, coupled: bool) -> None:
        """Take in a step.

        Args:
            terms: means over the molecules of this process.
            molecules: how many these are.
            tokens: target tokens of all processes.
            coupled: whether there is a coupled prior term.
        """
        parts = torch.stack([terms.reconstruction, terms.kl, terms.prior, terms.properties]).detach().to(self._sums)
        self._sums[:4] += parts * molecules
        self._sums[4] += molecules
        self._sums[5] += molecules * coupled
        self._tokens += tokens

    def means(self) -> tuple[float, float, float, float]:
        """Reconstruction, KL, coupled prior term and properties in nats per molecule, over all processes."""
        reconstruction, kl, prior, properties, molecules, coupled = self.state()["sums"].tolist()
        n = max(1, molecules)
        return reconstruction / n, kl / n, prior / coupled if coupled else float("nan"), properties / n

    @property
    def tokens_per_second(self) -> float:
        """Target tokens a second since the start."""
        return self._tokens / max(1e-9, time.monotonic() - self._started)
