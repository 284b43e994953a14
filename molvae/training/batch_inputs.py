"""What the model is given at a step: a pure function of the seed and the step, whatever the number of processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from molvae.corpus.batching import Batch, TokenizedCorpus
from molvae.runtime.distributed import rank
from molvae.training.objective import mask_tokens
from molvae.training.plan import Plan

__all__ = ["Feed", "Inputs", "Respell"]

Rows = NDArray[np.int64]
Respell = Callable[[Rows, Rows], Batch]
"""rows (B,) and seeds (B,) -> these molecules, each in the spelling of its seed, 0 being that of the corpus"""


class Inputs(NamedTuple):
    """The arguments of `SmilesVAE.forward`, for the molecules of this process, on the device of the corpus."""

    tokens: Tensor
    lengths: Tensor
    noise: Tensor
    coupled: Tensor | None
    decoder_tokens: Tensor
    encoder_tokens: Tensor | None
    encoder_lengths: Tensor | None


@dataclass(frozen=True)
class Feed:
    """Makes the inputs of every step.

    Args:
        corpus: the molecules.
        plan: source of the random numbers, and settings.
        latent_dim: D.
        respell: spells molecules anew for the encoder; None where it reads those of the corpus.
    """

    corpus: TokenizedCorpus
    plan: Plan
    latent_dim: int
    respell: Respell | None

    def at(self, step: int, rows: Rows, mine: slice, draws: Tensor | None) -> Inputs:
        """The inputs of a step. All but what is spelled anew is made on the device; nothing waits for it.

        Args:
            step: steps before it.
            rows: (B,) its molecules.
            mine: positions in `rows` of those that this process trains on.
            draws: (B, D), the prior draws coupled with them; None without the coupled term.
        """
        config, tokenizer = self.plan.config, self.corpus.tokenizer
        seed = self.plan.rng(2, step).integers(2**63, size=2).tolist()
        torch.manual_seed(seed[0] + rank())  # dropout has no generator of its own
        batch = self.corpus.batch(rows)
        device = batch.tokens.device
        generator = torch.Generator(device).manual_seed(seed[1])
        seen = mask_tokens(
            batch.tokens,
            config.token_dropout,
            bos_id=tokenizer.bos_id,
            mask_id=tokenizer.mask_id,
            generator=generator,
        )
        noise = torch.randn(len(rows), self.latent_dim, generator=generator, device=device)
        read = self._respelled(step, rows, mine)
        coupled = None if draws is None else draws[mine]
        others = (None, None) if read is None else read.to(device)
        return Inputs(batch.tokens[mine], batch.lengths[mine], noise[mine], coupled, seen[mine], *others)

    def _respelled(self, step: int, rows: Rows, mine: slice) -> Batch | None:
        """What the encoder reads; None where that is what the decoder writes."""
        share = self.plan.config.randomized
        if self.respell is None or share == 0.0:
            return None
        rng = self.plan.rng(5, step)
        seeds = np.where(rng.random(len(rows)) < share, rng.integers(1, 2**31, len(rows)), 0)
        return self.respell(rows[mine], seeds[mine])
