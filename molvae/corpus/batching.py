"""Token ids -> batches: molecules of similar length together, so that little is computed on padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from molvae.tokenizer import SmilesTokenizer

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
    """All molecules as one flat array of ids, two bytes a token: a million molecules take about 80 MB.

    Args:
        smiles: the molecules.
        tokenizer: its vocabulary covers them.

    Raises:
        TokenError: a token that the vocabulary lacks.
    """

    def __init__(self, smiles: Sequence[str], tokenizer: SmilesTokenizer) -> None:
        self.tokenizer = tokenizer
        self._ids, self.lengths = tokenizer.encode_all(smiles)
        self._starts = np.cumsum(self.lengths) - self.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, indices: Sequence[int] | NDArray[np.int64]) -> Batch:
        """The molecules at `indices`, in that order."""
        rows = np.asarray(indices, dtype=np.int64)
        lengths = self.lengths[rows]
        T = int(lengths.max(initial=2))
        position = np.arange(T)
        real = position < lengths[:, None]
        source = np.where(real, self._starts[rows][:, None] + position, 0)
        tokens = np.where(real, self._ids[source], self.tokenizer.pad_id).astype(np.int64)
        return Batch(torch.from_numpy(tokens), torch.from_numpy(lengths))


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
