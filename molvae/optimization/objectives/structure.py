"""Substructures of a molecule as numbers."""

from __future__ import annotations

import functools

from rdkit import Chem

from molvae.chem import quiet_rdkit
from molvae.errors import ConfigError

__all__ = ["has_pattern", "lacks_pattern"]


def has_pattern(mol: Chem.Mol, smarts: str) -> bool:
    """Whether a molecule has a substructure.

    Raises:
        ConfigError: the text is not a SMARTS.
    """
    return bool(mol.HasSubstructMatch(_pattern(smarts)))


def lacks_pattern(mol: Chem.Mol, smarts: str) -> bool:
    """The opposite of `has_pattern`."""
    return not has_pattern(mol, smarts)


@functools.lru_cache(maxsize=256)
def _pattern(smarts: str) -> Chem.Mol:
    with quiet_rdkit():
        pattern = Chem.MolFromSmarts(smarts)
    if pattern is None or not pattern.GetNumAtoms():
        raise ConfigError(f"{smarts!r} is not a SMARTS that RDKit can read")
    return pattern
