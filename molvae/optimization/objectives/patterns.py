"""Substructures that a molecule should have or should not have."""

from __future__ import annotations

import functools

from rdkit import Chem

from molvae.chem import quiet_rdkit
from molvae.errors import ConfigError

__all__ = ["forbids", "has_pattern", "keeps"]


def has_pattern(mol: Chem.Mol, smarts: str) -> bool:
    """Whether a molecule has a substructure.

    Raises:
        ConfigError: the text is no SMARTS.
    """
    return bool(mol.HasSubstructMatch(_pattern(smarts)))


def keeps(mol: Chem.Mol, smarts: str) -> float:
    """1 where a molecule has a substructure, else 0."""
    return float(has_pattern(mol, smarts))


def forbids(mol: Chem.Mol, smarts: str) -> float:
    """0 where a molecule has a substructure, else 1."""
    return 1.0 - keeps(mol, smarts)


@functools.lru_cache(maxsize=256)
def _pattern(smarts: str) -> Chem.Mol:
    with quiet_rdkit():
        pattern = Chem.MolFromSmarts(smarts)
    if pattern is None or not pattern.GetNumAtoms():
        raise ConfigError(f"{smarts!r} is no SMARTS that RDKit can read")
    return pattern
