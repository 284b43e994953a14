"""Molecules that were scored, in the order of the calls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from molvae.optimization.proposal import Proposal
from molvae.optimization.selection import ranked

__all__ = ["Archive"]


class Archive:
    """What is known: molecules with their scores, each once; only ever added to."""

    def __init__(self) -> None:
        self.proposals: list[Proposal] = []
        self._scores: list[float] = []
        self._parts: list[tuple[float, ...]] = []
        self._rows: dict[str, int] = {}

    def add(self, proposal: Proposal, score: float, parts: Sequence[float] = ()) -> None:
        """Take in a molecule.

        Args:
            proposal: not in the archive yet.
            score: NaN where the objective has none.
            parts: K, the scores by each of several objectives, the same K each time.

        Raises:
            ValueError: it is there already.
        """
        if proposal.smiles in self._rows:
            raise ValueError(f"{proposal.smiles} was scored before")
        self._rows[proposal.smiles] = len(self.proposals)
        self.proposals.append(proposal)
        self._scores.append(float(score))
        self._parts.append(tuple(map(float, parts)))

    def __len__(self) -> int:
        return len(self.proposals)

    def __contains__(self, smiles: object) -> bool:
        return smiles in self._rows

    @property
    def smiles(self) -> list[str]:
        """N, in the order of the calls."""
        return list(self._rows)

    @property
    def scores(self) -> NDArray[np.float64]:
        """(N,); NaN where there is none."""
        return np.array(self._scores, dtype=np.float64)

    @property
    def parts(self) -> NDArray[np.float64]:
        """(N, K)"""
        return np.array(self._parts, dtype=np.float64).reshape(len(self), len(self._parts[0]) if self._parts else 0)

    def row(self, smiles: str) -> int:
        """Where a molecule is; KeyError where it is not."""
        return self._rows[smiles]

    def best(self) -> NDArray[np.int64]:
        """(M,) the rows with a score, best first; of equal ones the older first."""
        return ranked(self.scores)
