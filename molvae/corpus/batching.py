"""Token ids -> batches: molecules of similar length together, so that little is computed on padding."""

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
    """B molecules, padded to the longest."""

    tokens: Tensor
    """(B, T) int64: start token, the molecule, end token, padding"""
    lengths: Tensor
    """(B,) int64: tokens of each molecule, start and end included"""

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on `device`."""
        return Batch(self.tokens.to(device), self.lengths.to(device))


class TokenizedCorpus:
    """All molecules as one flat tensor of ids, two bytes a token: a million molecules take about 80 MB.

    Args:
        smiles: the molecules.
        tokenizer: its vocabulary covers them.

    Attributes:
        lengths: (N,) tokens of each molecule, start and end included; on the CPU whatever the device.

    Raises:
        TokenError: a token that the vocabulary lacks.
    """

    def __init__(self, smiles: Sequence[str], tokenizer: SmilesTokenizer) -> None:
        self.tokenizer = tokenizer
        ids, self.lengths = tokenizer.encode_all(smiles)
        # Few operations of torch take unsigned numbers of two bytes.
        self._ids = torch.from_numpy(ids.astype(np.int16 if len(tokenizer) <= np.iinfo(np.int16).max else np.int32))
        self._ends = torch.from_numpy(np.cumsum(self.lengths))
        self._lengths = torch.from_numpy(self.lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def to(self, device: torch.device) -> TokenizedCorpus:
        """The same corpus with its tokens on `device`, where its batches are then made."""
        other = copy.copy(self)
        other._ids, other._ends, other._lengths = (one.to(device) for one in (self._ids, self._ends, self._lengths))
        return other

    def batch(self, indices: Sequence[int] | NDArray[np.int64]) -> Batch:
        """The molecules at `indices`, in that order, on the device of the corpus."""
        rows = np.asarray(indices, dtype=np.int64)
        T = int(self.lengths[rows].max(initial=2))  # known here, so that nothing waits for the device
        where = torch.from_numpy(rows).to(self._ids.device)
        lengths = self._lengths[where]
        position = torch.arange(T, device=lengths.device)
        real = position < lengths[:, None]
        source = torch.where(real, (self._ends[where] - lengths)[:, None] + position, 0)
        return Batch(torch.where(real, self._ids[source].long(), self.tokenizer.pad_id), lengths)


def bucketed(
    rows: NDArray[np.int64], lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator | None = None
) -> Iterator[NDArray[np.int64]]:
    """Cut `rows` into batches of similar length; every row is in exactly one batch.

    Args:
        rows: indices of molecules.
        lengths: tokens of every molecule of the corpus, indexed by `rows`.
        batch_size: rows of a batch; the last may be smaller.
        rng: shuffles ties and the order of the batches; None keeps them sorted from short to long.
    """
    ties = rng.permutation(len(rows)) if rng else np.arange(len(rows))
    order = rows[ties[np.argsort(lengths[rows[ties]], kind="stable")]]
    starts = np.arange(0, len(order), batch_size)
    for start in rng.permutation(starts) if rng else starts:
        yield order[start : start + batch_size]
