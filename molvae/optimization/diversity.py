"""Molecules that are not all of one scaffold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from molvae.chem import quiet_rdkit, scaffold

__all__ = ["ScaffoldLimit", "diverse"]


class ScaffoldLimit:
    """Lets at most so many molecules of one Murcko scaffold pass; all without rings count as of one.

    What it decides on is which molecules are chosen; the score of a molecule is never changed by it.

    Args:
        per_scaffold: molecules of one scaffold; None lets all pass.
        chosen: molecules that have passed already.
    """

    def __init__(self, per_scaffold: int | None, chosen: Iterable[str] = ()) -> None:
        self._limit = per_scaffold
        with quiet_rdkit():
            self._counts = Counter(map(scaffold, chosen)) if per_scaffold is not None else Counter()

    def take(self, smiles: str) -> bool:
        """Whether a molecule passes; if so, it is counted."""
        if self._limit is None:
            return True
        with quiet_rdkit():
            key = scaffold(smiles)
        if self._counts[key] >= self._limit:
            return False
        self._counts[key] += 1
        return True


def diverse(smiles: Sequence[str], k: int, *, per_scaffold: int | None = None) -> list[int]:
    """The first k molecules of a ranking, of which at most so many share a scaffold.

    Args:
        smiles: N molecules, the best first.
        k: how many; fewer where there are no more.
        per_scaffold: as in `ScaffoldLimit`.

    Returns:
        Places in the ranking, ascending.

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
