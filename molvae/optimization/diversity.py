"""Diversity: which molecules are alike, and limits on how many of them are chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit.DataStructs import BulkTanimotoSimilarity

from molvae.chem import parse, quiet_rdkit, scaffold
from molvae.chem.fingerprints import count_generator

__all__ = ["ScaffoldLimit", "alike", "diverse", "leaders", "unlike_first"]

_ALIKE = 0.6
_CROWDED = 100  # first molecules of a ranking that are compared with each other
_KEPT = 32_768  # fingerprints


def alike(smiles: Sequence[str], row: int) -> NDArray[np.bool_]:
    """Which molecules are like one of them: positional isomers are, and analogues with one other group.

    Two molecules are alike if their Morgan counts of radius 1 have a Tanimoto similarity of 0.6 or more. Of ZINC-250k,
    95 % of all pairs are below 0.35. With radius 2 or with scaffolds, positional isomers would differ.

    Args:
        smiles: N molecules.
        row: the one to compare with.

    Returns:
        (N,), True for itself.
    """
    with quiet_rdkit():
        counts = [_counts(one) for one in smiles]
    return np.array(BulkTanimotoSimilarity(counts[row], counts)) >= _ALIKE


def leaders(smiles: Sequence[str]) -> list[int]:
    """Rows of the molecules that are not `alike` to an earlier one of these rows; the first row always is one."""
    with quiet_rdkit():
        counts = [_counts(one) for one in smiles]
    found: list[int] = []
    for row, one in enumerate(counts):
        if not found or max(BulkTanimotoSimilarity(one, [counts[place] for place in found])) < _ALIKE:
            found.append(row)
    return found


def unlike_first(smiles: Sequence[str]) -> list[int]:
    """A ranking in which molecules that are like many better ones come later.

    A molecule of rank r, from 1, with c better ones that are like it, is sorted by r (1 + c). So the copies of the best
    do not displace all other molecules; the best stays the first.

    Args:
        smiles: N molecules, the best first. Those after the first hundred are not compared.

    Returns:
        N rows of the ranking.
    """
    with quiet_rdkit():
        counts = [_counts(one) for one in smiles[:_CROWDED]]
    crowd = np.zeros(len(smiles))
    for row in range(1, len(counts)):
        crowd[row] = np.sum(np.array(BulkTanimotoSimilarity(counts[row], counts[:row])) >= _ALIKE)
    order: list[int] = np.argsort(np.arange(1, len(smiles) + 1) * (1.0 + crowd), kind="stable").tolist()
    return order


@lru_cache(maxsize=_KEPT)
def _counts(smiles: str) -> Any:
    return count_generator("ECFP2").GetSparseCountFingerprint(parse(smiles))


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
