"""Diversity: a limit on the molecules with the same scaffold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from molvae.chem import quiet_rdkit, scaffold

__all__ = ["ScaffoldLimit", "diverse"]


class ScaffoldLimit:
    """A limit on the molecules with the same Murcko scaffold; all molecules without rings count as one scaffold.

    It decides which molecules are chosen, and never changes a score.

    Args:
        per_scaffold: molecules of one scaffold; None means no limit.
        chosen: molecules that were taken already.
    """

    def __init__(self, per_scaffold: int | None, chosen: Iterable[str] = ()) -> None:
        self._limit = per_scaffold
        with quiet_rdkit():
            self._counts = Counter(map(scaffold, chosen)) if per_scaffold is not None else Counter()

    def take(self, smiles: str) -> bool:
        """Whether a molecule may be taken; if so, it is counted."""
        if self._limit is None:
            return True
        with quiet_rdkit():
            key = scaffold(smiles)
        if self._counts[key] >= self._limit:
            return False
        self._counts[key] += 1
        return True


def diverse(smiles: Sequence[str], k: int, *, per_scaffold: int | None = None) -> list[int]:
    """The first k molecules of a ranking under a limit on each scaffold.

    Args:
        smiles: N molecules, the best first.
        k: how many; fewer if there are no more.
        per_scaffold: as in `ScaffoldLimit`.

    Returns:
        Rows of the ranking, ascending.

    >>> diverse(["Cc1ccccc1", "Oc1ccccc1", "C1CC1"], 2, per_scaffold=1)
    [0, 2]
    """
    limit = ScaffoldLimit(per_scaffold)
    found: list[int] = []
    for place, one in enumerate(smiles):
        if len(found) == k:
            break
        if limit.take(one):
            found.append(place)
    return found
