"""The archive: all molecules that were scored, in the order of the calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from molvae.chem import canonical, quiet_rdkit
from molvae.errors import InputError, pluralize
from molvae.optimization.proposal import Proposal

__all__ = ["Archive", "best_first", "validated"]

Numbers = NDArray[np.float64]

_FEWEST = 2  # objectives of a front


class Archive:
    """Molecules with their scores, each once; molecules are only ever added."""

    def __init__(self) -> None:
        self.proposals: list[Proposal] = []
        self._scores: list[float] = []
        self._parts: list[tuple[float, ...]] = []
        self._rows: dict[str, int] = {}

    def add(self, proposal: Proposal, score: float, parts: Sequence[float] = ()) -> None:
        """Add a molecule.

        Args:
            proposal: not in the archive yet.
            score: NaN where the objective has none.
            parts: K, the scores by each of several objectives, the same K each time.

        Raises:
            ValueError: it is in the archive.
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
    def scores(self) -> Numbers:
        """(N,); NaN where there is none."""
        return np.array(self._scores, dtype=np.float64)

    @property
    def parts(self) -> Numbers:
        """(N, K)"""
        return np.array(self._parts, dtype=np.float64).reshape(len(self), len(self._parts[0]) if self._parts else 0)

    def row(self, smiles: str) -> int:
        """The row of a molecule; KeyError if it is not in the archive."""
        return self._rows[smiles]

    def best(self) -> NDArray[np.int64]:
        """(M,) the rows with a score, best first; of equal ones the older first."""
        return best_first(self.scores)


def best_first(scores: Numbers, rng: np.random.Generator | None = None) -> NDArray[np.int64]:
    """(M,) the rows of scores (N,) that are not NaN, best first; of equal ones the older first, or in random order.

    A search on a plateau has many equal scores, and should not return to the oldest of them every time.
    """
    known = np.flatnonzero(~np.isnan(scores))
    if rng is not None:
        known = rng.permutation(known)
    return known[np.argsort(-scores[known], kind="stable")]


def validated(
    proposals: Sequence[Proposal], scores: Any, parts: Any, known: Archive, asked: Container[str], *, front: bool
) -> tuple[Numbers, Numbers]:
    """Check what a search is told, and return scores (N,) and parts (N, K) for the archive; NaN for what is not finite.

    Args:
        proposals: N, whether the search asked for them or not.
        scores: should be N numbers.
        parts: should be (N, K) numbers; None for K = 0.
        known: all molecules that were scored before.
        asked: SMILES that the search asked for; others may be any text.
        front: whether the search is for a front of several objectives.

    Raises:
        InputError: as in `Optimizer.tell`.
    """
    n = len(proposals)
    try:
        values = np.asarray(scores, dtype=np.float64)
        each = np.asarray(np.empty((n, 0)) if parts is None else parts, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"scores must be numbers, the same number for each molecule ({error})") from None
    shape = (n, known.parts.shape[1] if len(known) else each.shape[-1])
    if values.shape != (n,) or (n and each.shape != shape):
        raise InputError(
            f"{pluralize(n, 'molecule')} cannot have scores of shape {values.shape} and parts of shape {each.shape}; "
            f"give ({n},) and {shape}"
        )
    if front and n and shape[1] < _FEWEST:
        raise InputError("a search for a front needs the scores by each of two or more objectives: give parts (N, K)")
    with quiet_rdkit():
        odd = next((one for one, *_ in proposals if not (one in asked or canonical(one) == one)), None)
    if odd is not None:
        raise InputError(f"{odd!r} is not a molecule in canonical SMILES; molvae.chem.canonical writes them")
    times = Counter(one.smiles for one in proposals)
    twice = next((one for one, number in times.items() if number > 1 or one in known), None)
    if twice is not None:
        raise InputError(f"{twice} was scored before; tell each molecule once")
    return np.where(np.isfinite(values), values, np.nan), np.where(np.isfinite(each), each, np.nan)
