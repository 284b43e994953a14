"""Batches of token ids; molecules of similar length share a batch, so that there is little padding."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from molvae.corpus.tokenizer import SmilesTokenizer

__all__ = ["Batch", "TokenizedCorpus", "bucketed"]


class Batch(NamedTuple):
    """B molecules, padded to the longest one."""

    tokens: Tensor
    """(B, T) int64: start token, the molecule, end token, padding"""
    lengths: Tensor
    """(B,) int64: number of tokens of each molecule, with start and end token"""

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on `device`."""
        return Batch(self.tokens.to(device), self.lengths.to(device))


class TokenizedCorpus:
    """N molecules as one flat tensor of ids with two bytes per token: a million molecules take about 80 MB.

    Args:
        smiles: the molecules.
        tokenizer: its vocabulary covers them.

    Attributes:
        lengths: (N,) number of tokens of each molecule, with start and end token; always on the CPU.

    Raises:
        TokenError: a token is not in the vocabulary.
    """

    def __init__(self, smiles: Sequence[str], tokenizer: SmilesTokenizer) -> None:
        self.tokenizer = tokenizer
        ids, self.lengths = tokenizer.encode_all(smiles)
        # Few torch operations support uint16.
        self._ids = torch.from_numpy(ids.astype(np.int16 if len(tokenizer) <= np.iinfo(np.int16).max else np.int32))
        self._ends = torch.from_numpy(np.cumsum(self.lengths))
        self._lengths = torch.from_numpy(self.lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def to(self, device: torch.device) -> TokenizedCorpus:
        """The same corpus with its tokens on `device`; batches are made there."""
        other = copy.copy(self)
        other._ids, other._ends, other._lengths = (one.to(device) for one in (self._ids, self._ends, self._lengths))
        return other

    def batch(self, indices: Sequence[int] | NDArray[np.int64]) -> Batch:
        """The molecules at `indices`, in that order, on the device of the corpus."""
        rows = np.asarray(indices, dtype=np.int64)
        T = int(self.lengths[rows].max(initial=2))  # computed on the CPU, so that nothing waits for the device
        where = torch.from_numpy(rows).to(self._ids.device)
        lengths = self._lengths[where]
        position = torch.arange(T, device=lengths.device)
        real = position < lengths[:, None]
        source = torch.where(real, (self._ends[where] - lengths)[:, None] + position, 0)
        return Batch(torch.where(real, self._ids[source].long(), self.tokenizer.pad_id), lengths)


def bucketed(
    rows: NDArray[np.int64], lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator | None = None
) -> Iterator[NDArray[np.int64]]:
    """Split rows into batches of molecules with similar lengths; every row is in exactly one batch.

    Args:
        rows: indices of molecules.
        lengths: number of tokens of every molecule of the corpus, indexed by `rows`.
        batch_size: rows per batch; the last may have fewer.
        rng: shuffles molecules of the same length and the batches; None sorts them from short to long.
    """
    ties = rng.permutation(len(rows)) if rng else np.arange(len(rows))
    order = rows[ties[np.argsort(lengths[rows[ties]], kind="stable")]]
    starts = np.arange(0, len(order), batch_size)
    for start in rng.permutation(starts) if rng else starts:
        yield order[start : start + batch_size]
