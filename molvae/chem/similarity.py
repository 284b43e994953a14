"""How near molecules are to others: Tanimoto similarity of Morgan fingerprints, counted in RDKit's C++.

Fingerprints have radius 2 and are folded to 2,048 bits. Extended-Connectivity Fingerprints (Rogers and Hahn, 2010),
https://doi.org/10.1021/ci100050t
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit.Chem import rdFingerprintGenerator
from rdkit.DataStructs import BulkTanimotoSimilarity, TanimotoSimilarity

from molvae.chem.molecules import parse, quiet_rdkit
from molvae.chem.workers import map_chunks

__all__ = ["nearest_similarity", "paired_tanimoto", "tanimoto"]

Similarities = NDArray[np.float64]

_CHUNK = 2_000
_morgan: Any = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)


def nearest_similarity(smiles: Sequence[str], reference: Sequence[str], *, workers: int | None = None) -> Similarities:
    """The Tanimoto similarity of each molecule to the nearest one of a reference.

    Args:
        smiles: N molecules.
        reference: molecules; a large one is gone through in worker processes.
        workers: as in `map_chunks`.

    Returns:
        (N,) in [0, 1]; 0 where the reference is empty, NaN for what is no molecule.
    """
    with quiet_rdkit():
        fingerprints = _fingerprints(smiles)
    known = [row for row, one in enumerate(fingerprints) if one is not None]
    best = np.zeros(len(known))
    chunks = (reference[at : at + _CHUNK] for at in range(0, len(reference), _CHUNK))
    for part in map_chunks(partial(_nearest, [fingerprints[row] for row in known]), chunks, workers=workers):
        np.maximum(best, part, out=best)
    nearest = np.full(len(smiles), np.nan)
    nearest[known] = best
    return nearest


def tanimoto(smiles: Sequence[str], others: Sequence[str]) -> Similarities:
    """The Tanimoto similarity of each molecule to each of some others.

    Args:
        smiles: N molecules.
        others: M molecules.

    Returns:
        (N, M) in [0, 1]; NaN for what is no molecule.
    """
    with quiet_rdkit():
        rows, columns = _fingerprints(smiles), _fingerprints(others)
    known = [column for column, one in enumerate(columns) if one is not None]
    result = np.full((len(rows), len(columns)), np.nan)
    for row, one in enumerate(rows):
        if one is not None:
            result[row, known] = BulkTanimotoSimilarity(one, [columns[column] for column in known])
    return result


def paired_tanimoto(smiles: Sequence[str | None], others: Sequence[str | None]) -> Similarities:
    """The Tanimoto similarity of each molecule to the one at its place among others.

    Args:
        smiles: N molecules.
        others: N molecules.

    Returns:
        (N,) in [0, 1]; NaN where one of the two is no molecule.
    """
    with quiet_rdkit():
        pairs = zip(_fingerprints(smiles), _fingerprints(others), strict=True)
        return np.array([np.nan if a is None or b is None else TanimotoSimilarity(a, b) for a, b in pairs], dtype=float)


def _nearest(queries: list[Any], reference: Sequence[str]) -> Similarities:
    """(N,) for N fingerprints the similarity to the nearest of some molecules."""
    best = np.zeros(len(queries))
    for one in _fingerprints(reference) if queries else ():
        if one is not None:
            np.maximum(best, BulkTanimotoSimilarity(one, queries), out=best)
    return best


def _fingerprints(smiles: Sequence[str | None]) -> list[Any]:
    """The fingerprint of each molecule; None for what is none."""
    mols = (parse(one) for one in smiles)
    return [None if mol is None else _morgan.GetFingerprint(mol) for mol in mols]
