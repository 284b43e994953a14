"""Fingerprints by name, and the Tanimoto similarity of molecules."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from rdkit.DataStructs import BulkTanimotoSimilarity, TanimotoSimilarity
from rdkit.SimDivFilters.rdSimDivPickers import MaxMinPicker

from molvae.chem.molecules import parse, quiet_rdkit
from molvae.chem.workers import map_chunks
from molvae.errors import ConfigError

__all__ = [
    "FINGERPRINTS",
    "count_generator",
    "fingerprint",
    "morgan_bits",
    "most_diverse",
    "nearest_similarity",
    "paired_tanimoto",
    "similarity",
    "tanimoto",
]

Similarities = NDArray[np.float64]

FINGERPRINTS: Mapping[str, str] = MappingProxyType(
    {
        "ECFP4": "Morgan, radius 2 (Rogers & Hahn, 2010, https://doi.org/10.1021/ci100050t)",
        "ECFP6": "Morgan, radius 3",
        "FCFP4": "Morgan, radius 2, atoms by their pharmacophoric role",
        "FCFP6": "Morgan, radius 3, atoms by their pharmacophoric role",
        "AP": "atom pairs up to 10 bonds apart (Carhart et al., 1985, https://doi.org/10.1021/ci00046a002)",
        "PHCO": "pharmacophores of two and three points (Gobbi & Poppinger, 1998, "
        "https://doi.org/10.1002/(SICI)1097-0290(199824)61:1<47::AID-BIT9>3.0.CO;2-Z), slow",
    }
)
"""The fingerprints that `fingerprint` computes, with a description. All ignore stereo."""

_CHUNK = 2_000


def fingerprint(mol: Chem.Mol, name: str) -> Any:
    """Compute the fingerprint of a molecule: unfolded feature counts, or bits for PHCO.

    Args:
        mol: the molecule.
        name: one of `FINGERPRINTS`.

    Returns:
        An RDKit vector that RDKit's similarity functions accept.

    Raises:
        ConfigError: the name is unknown.
    """
    return _function(name)(mol)


def similarity(mol: Chem.Mol, target: str, name: str) -> float:
    """Compute the Tanimoto similarity of a molecule to a target, in [0, 1].

    For counts this is the sum of the smaller counts of each feature divided by the sum of the larger ones.

    Args:
        mol: the molecule.
        target: a SMILES.
        name: one of `FINGERPRINTS`.

    Raises:
        ConfigError: the target is not a molecule, or the name is unknown.
    """
    return float(TanimotoSimilarity(fingerprint(mol, name), _target_fingerprint(target, name)))


@functools.lru_cache(maxsize=256)
def _target_fingerprint(target: str, name: str) -> Any:
    mol = parse(target)
    if mol is None:
        raise ConfigError(f"{target!r} is not a molecule; give a SMILES as the target of the similarity")
    return fingerprint(mol, name)


@functools.cache
def _function(name: str) -> Callable[[Chem.Mol], Any]:
    if name not in FINGERPRINTS:
        raise ConfigError(f"there is no fingerprint {name!r}; choose from {', '.join(FINGERPRINTS)}")
    if name == "PHCO":
        # Imported here because the import reads a table of features.
        from rdkit.Chem.Pharm2D import Generate, Gobbi_Pharm2D

        generate: Callable[..., Any] = Generate.Gen2DFingerprint
        factory: Any = copy.copy(Gobbi_Pharm2D.factory)
        # Most of the time goes into computing bit numbers, of which there are at most 40,000: cache them.
        number = functools.cache(factory.GetBitIdx)
        factory.GetBitIdx = lambda kinds, distances, **how: number(tuple(kinds), tuple(distances), **how)
        return lambda mol: generate(mol, factory)
    function: Callable[[Chem.Mol], Any] = count_generator(name).GetSparseCountFingerprint
    return function


@functools.cache
def count_generator(name: str) -> Any:
    """The RDKit generator behind one of `FINGERPRINTS` other than PHCO."""
    if name == "AP":
        return rdFingerprintGenerator.GetAtomPairGenerator(maxDistance=10)
    invariants = rdFingerprintGenerator.GetMorganFeatureAtomInvGen() if name[0] == "F" else None
    return rdFingerprintGenerator.GetMorganGenerator(radius=int(name[-1]) // 2, atomInvariantsGenerator=invariants)


@functools.cache
def _morgan(size: int) -> Any:
    return rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=size)


def morgan_bits(mols: Iterable[Chem.Mol], size: int = 2_048) -> NDArray[np.uint8]:
    """(N, size) Morgan fingerprints of radius 2, folded to `size` bits: 0 or 1."""
    bits = [_morgan(size).GetFingerprintAsNumPy(mol) for mol in mols]
    return np.array(bits, dtype=np.uint8).reshape(len(bits), size)


def nearest_similarity(smiles: Sequence[str], reference: Sequence[str], *, workers: int | None = None) -> Similarities:
    """The Tanimoto similarity of each molecule to its nearest molecule in a reference set.

    Fingerprints are Morgan, radius 2, folded to 2,048 bits.

    Args:
        smiles: N molecules.
        reference: the reference set; worker processes search a large one.
        workers: as in `map_chunks`.

    Returns:
        (N,) in [0, 1]; 0 if the reference set is empty, NaN for a text that is not a molecule.
    """
    with quiet_rdkit():
        fingerprints = _folded(smiles)
    known = [row for row, one in enumerate(fingerprints) if one is not None]
    best = np.zeros(len(known))
    chunks = (reference[at : at + _CHUNK] for at in range(0, len(reference), _CHUNK))
    search = functools.partial(_nearest, [fingerprints[row] for row in known])
    for part in map_chunks(search, chunks, workers=workers):
        np.maximum(best, part, out=best)
    nearest = np.full(len(smiles), np.nan)
    nearest[known] = best
    return nearest


def tanimoto(smiles: Sequence[str], others: Sequence[str]) -> Similarities:
    """(N, M) Tanimoto similarities of N molecules to M others, as in `nearest_similarity`; NaN where either is not a
    molecule.
    """
    with quiet_rdkit():
        rows, columns = _folded(smiles), _folded(others)
    known = [column for column, one in enumerate(columns) if one is not None]
    result = np.full((len(rows), len(columns)), np.nan)
    for row, one in enumerate(rows):
        if one is not None:
            result[row, known] = BulkTanimotoSimilarity(one, [columns[column] for column in known])
    return result


def most_diverse(smiles: Sequence[str], k: int) -> list[int]:
    """Rows (k,) of molecules that are far from each other.

    The first molecule is taken. Each further one has the lowest similarity, as in `nearest_similarity`, to the nearest
    of those taken before: MaxMin (Ashton et al., 2002, https://doi.org/10.1002/qsar.200290002).

    Args:
        smiles: N molecules.
        k: how many, from 1 to N.

    >>> most_diverse(["CCO", "CCN", "c1ccccc1"], 2)
    [0, 2]
    """
    with quiet_rdkit():
        bits = _folded(smiles)
    return list(MaxMinPicker().LazyBitVectorPick(bits, len(bits), k, firstPicks=[0], seed=0))


def paired_tanimoto(smiles: Sequence[str | None], others: Sequence[str | None]) -> Similarities:
    """(N,) Tanimoto similarities of N molecules to N others, pair by pair; NaN where either is not a molecule."""
    with quiet_rdkit():
        pairs = zip(_folded(smiles), _folded(others), strict=True)
        return np.array([np.nan if a is None or b is None else TanimotoSimilarity(a, b) for a, b in pairs], dtype=float)


def _nearest(queries: list[Any], reference: Sequence[str]) -> Similarities:
    """(N,) the similarity of N fingerprints to the nearest of some molecules."""
    best = np.zeros(len(queries))
    for one in _folded(reference) if queries else ():
        if one is not None:
            np.maximum(best, BulkTanimotoSimilarity(one, queries), out=best)
    return best


def _folded(smiles: Sequence[str | None]) -> list[Any]:
    """The Morgan fingerprint of each text; None where it is not a molecule."""
    mols = (parse(one) for one in smiles)
    return [None if mol is None else _morgan(2_048).GetFingerprint(mol) for mol in mols]
