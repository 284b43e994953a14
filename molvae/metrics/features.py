"""Features of molecules that the metrics compare: one pass of RDKit over a set, in worker processes, without torch.

The 502 substructure filters (22 medicinal chemistry filters and the 480 of PAINS, as MOSES writes them) are data of
MOSES, https://github.com/molecularsets/moses, under the MIT licence, Copyright (c) 2018 Insilico Medicine, Inc. The
PAINS filters are by Baell and Holloway (2010), https://doi.org/10.1021/jm901137j.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import FilterCatalog

from molvae.chem import PROPERTIES, canonical, map_chunks, parse
from molvae.chem.fingerprints import morgan_bits
from molvae.chem.molecules import scaffold_of
from molvae.chem.workers import batches

__all__ = ["Features", "canonical_all", "features_of", "passes_filters"]

PROPERTY_NAMES = ("logp", "sa", "qed", "mw")
_CHUNK = 500
_BITS = 1_024
_MIN_RINGS = 2  # scaffolds with fewer rings are not counted
_ELEMENTS = frozenset({"C", "N", "S", "O", "F", "Cl", "Br", "H"})
_MAX_RING_SIZE = 7
_brics_fragments: Callable[[Chem.Mol], Chem.Mol] = Chem.FragmentOnBRICSBonds


@dataclass(frozen=True)
class Features:
    """Features of N molecules; a molecule that occurs twice counts twice."""

    fingerprints: NDArray[np.uint8]
    """(N, 128) Morgan fingerprints of radius 2 and 1,024 bits, packed eight to a byte"""
    fragments: Counter[str]
    """counts of BRICS fragments"""
    scaffolds: Counter[str]
    """counts of Bemis-Murcko scaffolds with at least two rings"""
    properties: NDArray[np.float64]
    """(4, N) logP, SA, QED and weight in Daltons"""
    passed: int
    """number of molecules that pass the filters of MOSES; 0 if the filters did not run"""

    def __len__(self) -> int:
        return len(self.fingerprints)

    @classmethod
    def joined(cls, parts: Sequence[Features]) -> Features:
        """The features of several sets, one after the other."""
        fragments: Counter[str] = Counter()
        scaffolds: Counter[str] = Counter()
        for part in parts:
            fragments.update(part.fragments)
            scaffolds.update(part.scaffolds)
        return cls(
            np.concatenate([part.fingerprints for part in parts]),
            fragments,
            scaffolds,
            np.concatenate([part.properties for part in parts], axis=1),
            sum(part.passed for part in parts),
        )


def canonical_all(
    smiles: Sequence[str], *, workers: int | None = None, on_progress: Callable[[int], None] = lambda _: None
) -> list[str | None]:
    """The canonical SMILES of each text; None where it is not a molecule.

    Args:
        smiles: the texts.
        workers: number of processes; None takes all usable cores.
        on_progress: gets the number of texts done.
    """
    result: list[str | None] = []
    for part in map_chunks(_canonical_chunk, batches(smiles, _CHUNK), workers=workers):
        result += part
        on_progress(len(result))
    return result


def features_of(
    smiles: Sequence[str],
    *,
    filters: bool = False,
    workers: int | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Features:
    """The features of molecules.

    Args:
        smiles: N canonical SMILES.
        filters: also run the filters of MOSES; they double the time.
        workers: number of processes; None takes all usable cores.
        on_progress: gets the number of molecules done.
    """
    parts: list[Features] = []
    done = 0
    for part in map_chunks(partial(_chunk_features, filters), batches(smiles, _CHUNK), workers=workers):
        parts.append(part)
        done += len(part)
        on_progress(done)
    return Features.joined(parts or [_chunk_features(filters, [])])


def _canonical_chunk(smiles: list[str]) -> list[str | None]:
    return [canonical(one) for one in smiles]


def _chunk_features(filters: bool, smiles: list[str]) -> Features:
    mols: list[Any] = [parse(one) for one in smiles]
    measures = [PROPERTIES[name] for name in PROPERTY_NAMES]
    return Features(
        np.packbits(morgan_bits(mols, _BITS), axis=1),
        Counter(fragment for mol in mols for fragment in Chem.MolToSmiles(_brics_fragments(mol)).split(".")),
        Counter(one for mol in mols if (one := _scaffold(mol)) is not None),
        np.array([[measure(mol) for mol in mols] for measure in measures]).reshape(len(measures), len(mols)),
        sum(map(passes_filters, mols)) if filters else 0,
    )


def _scaffold(mol: Chem.Mol) -> str | None:
    core = scaffold_of(mol)
    return Chem.MolToSmiles(core) if core is not None and core.GetRingInfo().NumRings() >= _MIN_RINGS else None


def passes_filters(mol: Chem.Mol) -> bool:
    """Whether a molecule passes the filters of MOSES.

    It has no ring of eight or more atoms, no charged atom, no element other than C, N, S, O, F, Cl, Br and H, and none
    of the substructures (explicit hydrogens count). Source: MOSES (Polykovskiy et al., 2020),
    https://doi.org/10.3389/fphar.2020.565644
    """
    if any(len(ring) > _MAX_RING_SIZE for ring in mol.GetRingInfo().AtomRings()):
        return False
    if any(atom.GetFormalCharge() or atom.GetSymbol() not in _ELEMENTS for atom in mol.GetAtoms()):
        return False
    return not _filter_catalog().HasMatch(Chem.AddHs(mol))


@cache
def _filter_catalog() -> Any:
    catalog = FilterCatalog.FilterCatalog()
    with (Path(__file__).parent / "moses_filters.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            matcher = FilterCatalog.SmartsMatcher(row["name"], row["smarts"], 1)
            catalog.AddEntry(FilterCatalog.FilterCatalogEntry(row["name"], matcher))
    return catalog
