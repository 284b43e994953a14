"""Molecules as the encoder may read them in training: in a spelling that is drawn anew each time.

The encoder learns that the spellings of a molecule are one molecule, which in a small file is what keeps it from
learning the strings by heart; the decoder still writes the canonical one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from molvae.chem import quiet_rdkit, random_spelling
from molvae.corpus.batching import Batch, TokenizedCorpus
from molvae.corpus.tokenizer import SmilesTokenizer, scan

__all__ = ["Respelling"]


@dataclass(frozen=True)
class Respelling:
    """Spells molecules as their seeds say.

    A spelling that has a token the vocabulary lacks (``%10``, a chirality that no canonical SMILES of the file has),
    or too many tokens, gives way to the canonical one.

    Args:
        smiles: canonical SMILES of a corpus.
        tokenizer: its vocabulary covers them.
        longest: tokens of a spelling, at most.
    """

    smiles: Sequence[str]
    tokenizer: SmilesTokenizer
    longest: int

    def __call__(self, rows: NDArray[np.int64], seeds: NDArray[np.int64]) -> Batch:
        """The molecules of some rows.

        Args:
            rows: (B,)
            seeds: (B,), 0 for the canonical spelling.
        """
        with quiet_rdkit():
            pairs = zip(rows.tolist(), seeds.tolist(), strict=True)
            spelled = [self._spelled(self.smiles[row], seed) for row, seed in pairs]
        return TokenizedCorpus(spelled, self.tokenizer).batch(np.arange(len(spelled)))

    def _spelled(self, smiles: str, seed: int) -> str:
        other = random_spelling(smiles, seed) if seed else None
        if other is None:
            return smiles
        tokens = scan(other)
        return other if len(tokens) <= self.longest and self.tokenizer.ids.keys() >= set(tokens) else smiles
