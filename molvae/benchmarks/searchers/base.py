"""What all of them share: an archive, and a state that is nothing but the order of things."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from molvae.chem import canonical, quiet_rdkit
from molvae.optimization.archive import Archive
from molvae.optimization.proposal import Proposal

__all__ = ["Baseline", "flat"]


class Baseline(ABC):
    """A search that is begun anew where it was interrupted: it has no state to go on from.

    Args:
        name: the operator of its proposals.
        batch_size: molecules asked for at a time.
    """

    def __init__(self, name: str, batch_size: int) -> None:
        self.archive = Archive()
        self._name, self._batch_size = name, batch_size
        self._asked: set[str] = set()

    @property
    def batch_size(self) -> int:
        """Molecules that it asks for at a time."""
        return self._batch_size

    @abstractmethod
    def ask(self, n: int | None = None) -> list[Proposal]:
        """At most n molecules that were never asked for before; none where there is nothing new."""

    def tell(
        self,
        proposals: Sequence[Proposal],
        scores: Sequence[float] | NDArray[np.float64],
        parts: Sequence[Sequence[float]] | NDArray[np.float64] | None = None,
    ) -> None:
        """Take in the scores of N molecules."""
        for row, (proposal, score) in enumerate(zip(proposals, scores, strict=True)):
            self.archive.add(proposal, score, () if parts is None else parts[row])

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Nothing."""
        return {}, {}

    def restore(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Nothing."""
        del tensors, metadata

    def _new(self, texts: Iterable[str | None], n: int) -> list[Proposal]:
        """The first n molecules among texts that were never asked for."""
        found: list[Proposal] = []
        for text in texts:
            if text is not None and text not in self._asked:
                self._asked.add(text)
                found.append(Proposal(text, self._name))
                if len(found) == n:  # before another text is taken, which would be lost
                    break
        return found


def flat(texts: Iterable[str | None]) -> list[str | None]:
    """Canonical SMILES without stereo; None for what is no molecule of one piece."""
    with quiet_rdkit():
        molecules = [canonical(text, stereo=False) for text in texts]
    return [None if one is None or "." in one else one for one in molecules]
