"""Sets of molecules as sorted 64-bit hashes, eight bytes each."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

__all__ = ["GrowingSet", "MoleculeSet", "hash_smiles"]


class MoleculeSet:
    """A set of canonical SMILES; a test for membership is wrong with probability len(self) / 2^64.

    >>> training = MoleculeSet.from_smiles(["CCO", "c1ccccc1"])
    >>> sorted(training.intersection(["CCO", "CCN"]))
    ['CCO']
    """

    def __init__(self, hashes: NDArray[np.uint64]) -> None:
        self.hashes: NDArray[np.uint64] = np.unique(hashes)

    @classmethod
    def from_smiles(cls, smiles: Collection[str]) -> MoleculeSet:
        """The set of these canonical SMILES."""
        return cls(hash_smiles(smiles))

    def intersection(self, smiles: Collection[str]) -> set[str]:
        """The canonical SMILES that are in the set."""
        return {one for one, there in zip(smiles, self.holds(hash_smiles(smiles)), strict=True) if there}

    def holds(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """(N,) whether each hash is in the set."""
        return _found(self.hashes, hashes)

    def __len__(self) -> int:
        return len(self.hashes)


class GrowingSet:
    """A set of hashes that grows in blocks; eight bytes per molecule, where a Python `set` takes seventy.

    The hashes are kept in sorted runs. A run is merged with the previous one as soon as it is as long, so there are few
    runs, and each hash moves only once per doubling of the set.

    >>> seen = GrowingSet()
    >>> seen.add(hash_smiles(["CCO", "CCN", "CCO"])), seen.add(hash_smiles(["CC", "CCN"]))
    (array([ True,  True, False]), array([ True, False]))
    """

    def __init__(self) -> None:
        self._runs: list[NDArray[np.uint64]] = []

    def add(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Add N hashes; returns (N,) whether each occurs for the first time."""
        distinct, first = np.unique(hashes, return_index=True)
        new = np.ones(len(distinct), dtype=np.bool_)
        for run in self._runs:
            new &= ~_found(run, distinct)
        self._append(distinct[new])
        result = np.zeros(len(hashes), dtype=np.bool_)
        result[first[new]] = True
        return result

    def _append(self, run: NDArray[np.uint64]) -> None:
        while self._runs and len(self._runs[-1]) <= len(run):
            # A stable sort merges two sorted runs in one pass.
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        if len(run):
            self._runs.append(run)

    def __len__(self) -> int:
        return sum(map(len, self._runs))


def hash_smiles(smiles: Collection[str]) -> NDArray[np.uint64]:
    """(N,) the 64-bit hashes of N canonical SMILES."""
    digests = (int.from_bytes(hashlib.blake2b(one.encode(), digest_size=8).digest(), "little") for one in smiles)
    return np.fromiter(digests, dtype=np.uint64, count=len(smiles))


def _found(ordered: NDArray[np.uint64], hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """(N,) whether each hash is in a sorted array."""
    if not len(ordered):
        return np.zeros(len(hashes), dtype=np.bool_)
    at = np.searchsorted(ordered, hashes)
    found: NDArray[np.bool_] = ordered[np.minimum(at, len(ordered) - 1)] == hashes
    return found
