"""The inputs of the model at a training step: a function of seed and step only, for any number of processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from molvae.chem import quiet_rdkit, random_spelling
from molvae.corpus.batching import Batch, TokenizedCorpus
from molvae.corpus.tokenizer import SmilesTokenizer, scan
from molvae.runtime.distributed import rank
from molvae.training.objective import mask_tokens
from molvae.training.plan import Plan

__all__ = ["BatchInputs", "ModelInputs", "Randomize", "SmilesRandomization"]

Rows = NDArray[np.int64]
Randomize = Callable[[Rows, Rows], Batch]
"""rows (B,) and seeds (B,) -> the molecules as randomized SMILES; seed 0 gives the canonical SMILES"""


class ModelInputs(NamedTuple):
    """The arguments of `SmilesVAE.forward`, for the molecules of this process, on the device of the corpus."""

    tokens: Tensor
    lengths: Tensor
    noise: Tensor
    coupled: Tensor | None
    decoder_tokens: Tensor
    encoder_tokens: Tensor | None
    encoder_lengths: Tensor | None


@dataclass(frozen=True)
class BatchInputs:
    """Makes the inputs of every step.

    Args:
        corpus: the molecules.
        plan: source of the random numbers, and settings.
        latent_dim: D.
        randomize: gives randomized SMILES for the encoder; None: the encoder reads canonical SMILES.
    """

    corpus: TokenizedCorpus
    plan: Plan
    latent_dim: int
    randomize: Randomize | None

    def at(self, step: int, rows: Rows, mine: slice, draws: Tensor | None) -> ModelInputs:
        """The inputs of a step, made on the device (except randomized SMILES), without waiting for it.

        Args:
            step: number of steps before this one.
            rows: (B,) molecules of the step.
            mine: positions in `rows` that this process trains on.
            draws: (B, D) prior draws coupled with the molecules; None without the coupled term.
        """
        config, tokenizer = self.plan.config, self.corpus.tokenizer
        seed = self.plan.rng(2, step).integers(2**63, size=2).tolist()
        torch.manual_seed(seed[0] + rank())  # dropout uses the global generator
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
        randomized = self._randomized(step, rows, mine)
        coupled = None if draws is None else draws[mine]
        encoder = (None, None) if randomized is None else randomized.to(device)
        return ModelInputs(batch.tokens[mine], batch.lengths[mine], noise[mine], coupled, seen[mine], *encoder)

    def _randomized(self, step: int, rows: Rows, mine: slice) -> Batch | None:
        """What the encoder reads; None if it reads the canonical SMILES."""
        share = self.plan.config.randomized
        if self.randomize is None or share == 0.0:
            return None
        rng = self.plan.rng(5, step)
        seeds = np.where(rng.random(len(rows)) < share, rng.integers(1, 2**31, len(rows)), 0)
        return self.randomize(rows[mine], seeds[mine])


@dataclass(frozen=True)
class SmilesRandomization:
    """Randomized SMILES for the encoder. The decoder still writes canonical SMILES.

    So the encoder learns that different SMILES are the same molecule, and does not memorize the strings of a small
    file. A randomized SMILES with a token that the vocabulary lacks, or with too many tokens, is replaced by the
    canonical one.

    Args:
        smiles: canonical SMILES of a corpus.
        tokenizer: its vocabulary covers the canonical SMILES.
        longest: the largest number of tokens.
    """

    smiles: Sequence[str]
    tokenizer: SmilesTokenizer
    longest: int

    def __call__(self, rows: Rows, seeds: Rows) -> Batch:
        """Molecules (B,) as SMILES of their seeds (B,), 0 for the canonical SMILES."""
        with quiet_rdkit():
            pairs = zip(rows.tolist(), seeds.tolist(), strict=True)
            texts = [self._randomized(self.smiles[row], seed) for row, seed in pairs]
        return TokenizedCorpus(texts, self.tokenizer).batch(np.arange(len(texts)))

    def _randomized(self, smiles: str, seed: int) -> str:
        other = random_spelling(smiles, seed) if seed else None
        if other is None:
            return smiles
        tokens = scan(other)
        return other if len(tokens) <= self.longest and self.tokenizer.ids.keys() >= set(tokens) else smiles
