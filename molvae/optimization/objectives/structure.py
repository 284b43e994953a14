"""The structure of a molecule as numbers: fingerprints by name, similarity to a target, substructures.

All fingerprints but PHCO are counts of features, not folded into bits, as in the tasks of GuacaMol.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from rdkit.DataStructs import TanimotoSimilarity

from molvae.chem import parse, quiet_rdkit
from molvae.errors import ConfigError

__all__ = ["FINGERPRINTS", "fingerprint", "has_pattern", "lacks_pattern", "similarity"]

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
"""A description of each, by name."""


def fingerprint(mol: Chem.Mol, name: str) -> Any:
    """The fingerprint of a molecule; it ignores stereo.

    Args:
        mol: the molecule.
        name: a key of `FINGERPRINTS`.

    Returns:
        What RDKit's similarities take: counts of features, or bits for PHCO.

    Raises:
        ConfigError: there is no such fingerprint.
    """
    return _function(name)(mol)


def similarity(mol: Chem.Mol, target: str, name: str) -> float:
    """The Tanimoto similarity of a molecule to a target, in [0, 1].

    For counts: the sum of the smaller over the sum of the larger of each feature's two counts.

    Args:
        mol: the molecule.
        target: a SMILES.
        name: a key of `FINGERPRINTS`.

    Raises:
        ConfigError: the target is not a molecule, or there is no such fingerprint.
    """
    return float(TanimotoSimilarity(fingerprint(mol, name), _of_target(target, name)))


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


@functools.lru_cache(maxsize=256)
def _of_target(target: str, name: str) -> Any:
    mol = parse(target)
    if mol is None:
        raise ConfigError(f"the target {target!r} is not a molecule; give a SMILES")
    return fingerprint(mol, name)


@functools.cache
def _function(name: str) -> Callable[[Chem.Mol], Any]:
    if name not in FINGERPRINTS:
        raise ConfigError(f"there is no fingerprint {name!r}; there are {', '.join(FINGERPRINTS)}")
    if name == "PHCO":
        # Imported late: it reads a table of features, which takes time that other fingerprints do not need.
        from rdkit.Chem.Pharm2D import Generate, Gobbi_Pharm2D

        generate: Callable[..., Any] = Generate.Gen2DFingerprint
        factory: Any = copy.copy(Gobbi_Pharm2D.factory)
        # Most of the time goes into the number of each bit, and there are no more than 40,000 bits.
        number = functools.cache(factory.GetBitIdx)
        factory.GetBitIdx = lambda kinds, distances, **how: number(tuple(kinds), tuple(distances), **how)
        return lambda mol: generate(mol, factory)
    generator: Any
    if name == "AP":
        generator = rdFingerprintGenerator.GetAtomPairGenerator(maxDistance=10)
    else:
        invariants = rdFingerprintGenerator.GetMorganFeatureAtomInvGen() if name[0] == "F" else None
        radius = int(name[-1]) // 2
        generator = rdFingerprintGenerator.GetMorganGenerator(radius=radius, atomInvariantsGenerator=invariants)
    function: Callable[[Chem.Mol], Any] = generator.GetSparseCountFingerprint
    return function
