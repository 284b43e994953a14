"""A set of molecules as sorted 64-bit hashes: eight bytes each, enough to say what is new and nothing more."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["MoleculeSet"]


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
        return cls(_hashes(smiles, len(smiles)))

    def intersection(self, smiles: Collection[str]) -> set[str]:
        """Those of `smiles`, canonical, that are in the set."""
        wanted = _hashes(smiles, len(smiles))
        at = np.searchsorted(self.hashes, wanted)
        found = (
            self.hashes[np.minimum(at, len(self.hashes) - 1)] == wanted if len(self) else np.zeros(len(wanted), bool)
        )
        return {one for one, there in zip(smiles, found, strict=True) if there}

    def __len__(self) -> int:
        return len(self.hashes)


def _hashes(smiles: Iterable[str], n: int) -> NDArray[np.uint64]:
    digests = (int.from_bytes(hashlib.blake2b(one.encode(), digest_size=8).digest(), "little") for one in smiles)
    return np.fromiter(digests, dtype=np.uint64, count=n)
