"""Random screening: molecules of a list, in random order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molvae.benchmarks.searchers.base import Baseline, flat
from molvae.optimization.proposal import Proposal

__all__ = ["Screening"]

_BATCH = 100


class Screening(Baseline):
    """Learns nothing; the least that any search must beat.

    Args:
        library: SMILES.
        seed: of their order.
    """

    def __init__(self, library: Sequence[str], seed: int) -> None:
        super().__init__("screening", _BATCH)
        self._library, self._order = library, iter(np.random.default_rng(seed).permutation(len(library)).tolist())

    def ask(self, n: int | None = None) -> list[Proposal]:
        """The next n."""
        return self._new((flat([self._library[row]])[0] for row in self._order), n or self.batch_size)
