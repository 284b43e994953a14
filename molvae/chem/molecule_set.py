"""A set of molecules as sorted 64-bit hashes: eight bytes each, enough to say what is new and nothing more."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

__all__ = ["GrowingSet", "MoleculeSet", "hash_smiles"]


class MoleculeSet:
    """Knows whether a canonical SMILES is in it; wrong for an outsider once in 2^64 / len(self).

    >>> training = MoleculeSet.from_smiles(["CCO", "c1ccccc1"])
    >>> sorted(training.intersection(["CCO", "CCN"]))
    ['CCO']
    """

    def __init__(self, hashes: NDArray[np.uint64]) -> None:
        self.hashes: NDArray[np.uint64] = np.unique(hashes)

    @classmethod
    def from_smiles(cls, smiles: Collection[str]) -> MoleculeSet:
        """The set of some canonical SMILES."""
        return cls(hash_smiles(smiles))

    def intersection(self, smiles: Collection[str]) -> set[str]:
        """Those of `smiles`, canonical, that are in the set."""
        return {one for one, there in zip(smiles, self.holds(hash_smiles(smiles)), strict=True) if there}

    def holds(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """For each hash, whether it is in the set."""
        return _found(self.hashes, hashes)

    def __len__(self) -> int:
        return len(self.hashes)


class GrowingSet:
    """A set of hashes that grows by blocks: sorted runs, eight bytes a molecule, where a `set` takes seventy.

    A run is merged with the one before it as soon as it is as long, so there are few, and each hash is moved as often
    as the set has doubled.

    >>> seen = GrowingSet()
    >>> seen.add(hash_smiles(["CCO", "CCN", "CCO"])), seen.add(hash_smiles(["CC", "CCN"]))
    (array([ True,  True, False]), array([ True, False]))
    """

    def __init__(self) -> None:
        self._runs: list[NDArray[np.uint64]] = []

    def add(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Take hashes in; for each, whether it is here for the first time."""
        distinct, first = np.unique(hashes, return_index=True)
        new = np.ones(len(distinct), dtype=np.bool_)
        for run in self._runs:
            new &= ~_found(run, distinct)
        self._take(distinct[new])
        result = np.zeros(len(hashes), dtype=np.bool_)
        result[first[new]] = True
        return result

    def _take(self, run: NDArray[np.uint64]) -> None:
        while self._runs and len(self._runs[-1]) <= len(run):
            # Two sorted runs one behind the other: the stable sort merges them in one pass.
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
    """For each hash, whether it is in a sorted array."""
    if not len(ordered):
        return np.zeros(len(hashes), dtype=np.bool_)
    at = np.searchsorted(ordered, hashes)
    found: NDArray[np.bool_] = ordered[np.minimum(at, len(ordered) - 1)] == hashes
    return found
