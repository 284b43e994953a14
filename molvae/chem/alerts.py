"""Structural alerts: substructures that often cause problems in assays or in medicinal chemistry."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from rdkit.Chem import rdfiltercatalog

from molvae.chem.molecules import parse, quiet_rdkit
from molvae.chem.workers import usable_cores

__all__ = ["CATALOGS", "structural_alerts"]

CATALOGS = {"PAINS": "assay interference", "BRENK": "unstable, reactive or toxic"}
"""RDKit's catalogs by name, with the problem they warn about.

New Substructure Filters for Removal of Pan Assay Interference Compounds (Baell & Holloway, 2010),
https://doi.org/10.1021/jm901137j; Lessons Learnt from Assembling Screening Libraries (Brenk et al., 2008),
https://doi.org/10.1002/cmdc.200700139
"""


def structural_alerts(smiles: Sequence[str], catalog: str) -> list[tuple[str, ...]]:
    """The alerts in each molecule.

    Args:
        smiles: N texts.
        catalog: one of `CATALOGS`.

    Returns:
        N tuples of names, empty for a molecule without alerts and for an invalid text.
    """
    with quiet_rdkit():
        texts = [one if parse(one) is not None else "" for one in smiles]
        found = rdfiltercatalog.RunFilterCatalog(_catalog(catalog), texts, numThreads=usable_cores())
    return [
        tuple(str(match.GetDescription()) for match in matches) if text else ()
        for text, matches in zip(texts, found, strict=True)
    ]


@functools.cache
def _catalog(name: str) -> Any:
    catalogs = rdfiltercatalog.FilterCatalogParams.FilterCatalogs
    return rdfiltercatalog.FilterCatalog(rdfiltercatalog.FilterCatalogParams(getattr(catalogs, name)))
