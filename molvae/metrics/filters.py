"""The filters of MOSES: what a medicinal chemist would not have, as 502 substructures and four rules.

The substructures (22 medicinal chemistry filters and the 480 of PAINS, in MOSES's spelling) are data of MOSES,
https://github.com/molecularsets/moses, under the MIT licence, Copyright (c) 2018 Insilico Medicine, Inc. The PAINS are
of Baell and Holloway (2010), https://doi.org/10.1021/jm901137j.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Any

from rdkit import Chem
from rdkit.Chem import FilterCatalog

__all__ = ["passes_filters"]

_ELEMENTS = frozenset({"C", "N", "S", "O", "F", "Cl", "Br", "H"})
_LARGEST_RING = 7


def passes_filters(mol: Chem.Mol) -> bool:
    """Whether a molecule passes the filters of MOSES.

    No ring of eight or more atoms, no charged atom, no element but C, N, S, O, F, Cl, Br and H, none of the
    substructures (explicit hydrogens count). Source: MOSES (Polykovskiy et al., 2020),
    https://doi.org/10.3389/fphar.2020.565644
    """
    if any(len(ring) > _LARGEST_RING for ring in mol.GetRingInfo().AtomRings()):
        return False
    if any(atom.GetFormalCharge() or atom.GetSymbol() not in _ELEMENTS for atom in mol.GetAtoms()):
        return False
    return not _catalog().HasMatch(Chem.AddHs(mol))


@cache
def _catalog() -> Any:
    catalog = FilterCatalog.FilterCatalog()
    with (Path(__file__).parent / "moses_filters.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            matcher = FilterCatalog.SmartsMatcher(row["name"], row["smarts"], 1)
            catalog.AddEntry(FilterCatalog.FilterCatalogEntry(row["name"], matcher))
    return catalog
