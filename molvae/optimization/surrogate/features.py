"""Features of molecules for the surrogate: sets of counted features, and descriptors; each is computed once.

A vector of counts is kept as the set of its levels: a feature with the count 3 has the levels 0, 1 and 2. The Tanimoto
similarity of two such sets is the MinMax similarity of the counts, sum of the smaller over sum of the larger.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors

from molvae.chem import PROPERTIES, parse, quiet_rdkit
from molvae.chem.fingerprints import fingerprint
from molvae.optimization.objectives.quantities import QUANTITIES

__all__ = ["DESCRIPTORS", "FINGERPRINTS", "FeatureCache", "Features"]

Features = Mapping[str, NDArray[Any]]
"""By view: the levels of a fingerprint, (n,) uint64, distinct; or descriptors in units of their scale, (D,) float64."""

_View = Callable[[Sequence[str]], NDArray[Any]]
_Measures = dict[str, tuple[Callable[[Chem.Mol], float], float]]

_LEVEL_BITS = 16
_coarse: Any = rdFingerprintGenerator.GetMorganGenerator(radius=2)
_FORMULA = re.compile(r"([A-Z][a-z]?)(\d*)")


def _rotatable_bonds(mol: Chem.Mol) -> float:
    # Amides and similar bonds count here: leaving them out takes four times as long.
    return float(rdMolDescriptors.CalcNumRotatableBonds(mol, rdMolDescriptors.NumRotatableBondsOptions.NonStrict))


# Units: one standard deviation over ZINC-250k, or half an atom for elements that are rare there. They are fixed: the
# similarity of two molecules does not depend on other molecules.
_ELEMENTS = {"C": 3.7, "N": 1.4, "O": 1.3, "S": 0.6, "P": 0.5, "F": 0.8, "Cl": 0.5, "Br": 0.5, "I": 0.5, "H": 5.7}
_PLAIN: _Measures = {
    "heavy_atoms": (PROPERTIES["heavy_atoms"], 4.5),
    "rings": (PROPERTIES["rings"], 1.0),
    "aromatic_rings": (QUANTITIES["aromatic_rings"], 1.0),
    "tpsa": (PROPERTIES["tpsa"], 23.0),
    "mw": (PROPERTIES["mw"], 62.0),
    "hbd": (PROPERTIES["hbd"], 0.9),
}
_DEARER: _Measures = {
    "logp": (PROPERTIES["logp"], 1.4),
    "rotatable_bonds": (_rotatable_bonds, 1.9),
}

DESCRIPTORS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"composition": (*_ELEMENTS, *_PLAIN), "physics": (*_ELEMENTS, *_PLAIN, *_DEARER)}
)
"""The descriptors of the views that have some. `composition` takes an eighth of the time of `physics`."""

FINGERPRINTS: Mapping[str, str] = MappingProxyType(
    {
        "circular": "Morgan, radius 3 (ECFP6; Rogers & Hahn, 2010, https://doi.org/10.1021/ci100050t)",
        "coarse": "Morgan, radius 2, of an atom only its element and whether it is aromatic",
        "pairs": "atom pairs up to 10 bonds apart (Carhart et al., 1985, https://doi.org/10.1021/ci00046a002)",
    }
)
"""A description of the view of each fingerprint. All ignore stereo."""


class FeatureCache:
    """Features by SMILES; the most recently used ones are kept.

    Args:
        size: molecules to keep, some 2 kB each.
        more: further views by name, each a function from M molecules to numbers (M, D), which are compared like
            descriptors.
    """

    def __init__(self, size: int = 20_000, *, more: Mapping[str, _View] = MappingProxyType({})) -> None:
        self._size, self._more = size, more
        self._known: dict[str, dict[str, NDArray[Any]] | None] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __call__(self, smiles: Sequence[str], views: Sequence[str]) -> list[Features | None]:
        """The features of molecules.

        Args:
            smiles: N texts.
            views: keys of `FINGERPRINTS`, `DESCRIPTORS` and further ones.

        Returns:
            N; each has these views, and perhaps others; None for what is not a molecule.
        """
        with quiet_rdkit():
            found = [self._of(one, [view for view in views if view not in self._more]) for one in smiles]
        for view in (one for one in views if one in self._more):
            self._add(view, {one: known for one, known in zip(smiles, found, strict=True) if known is not None})
        for one in list(self._known)[: max(0, len(self._known) - self._size)]:
            del self._known[one]
        return list(found)

    def _of(self, smiles: str, views: Sequence[str]) -> dict[str, NDArray[Any]] | None:
        is_new = smiles not in self._known
        known = self._known.pop(smiles, {})  # added again below, as the most recent one
        missing = [] if known is None else [view for view in views if view not in known]
        if known is not None and (missing or is_new):
            mol = parse(smiles)
            known = None if mol is None else known | {view: _compute(mol, view) for view in missing}
        self._known[smiles] = known
        return known

    def _add(self, view: str, known: Mapping[str, dict[str, NDArray[Any]]]) -> None:
        """Compute a further view of all molecules that lack it, together."""
        without = [smiles for smiles, one in known.items() if view not in one]
        if without:
            for smiles, row in zip(without, self._more[view](without), strict=True):
                known[smiles][view] = np.asarray(row, dtype=np.float64)


def _compute(mol: Chem.Mol, view: str) -> NDArray[Any]:
    if view in DESCRIPTORS:
        return _descriptors(mol, _PLAIN | _DEARER if view == "physics" else _PLAIN)
    if view == "coarse":
        invariants = [2 * atom.GetAtomicNum() + atom.GetIsAromatic() for atom in mol.GetAtoms()]
        return _levels(_coarse.GetSparseCountFingerprint(mol, customAtomInvariants=invariants))
    return _levels(fingerprint(mol, "AP" if view == "pairs" else "ECFP6"))


def _levels(fingerprint: Any) -> NDArray[np.uint64]:
    elements: dict[int, int] = fingerprint.GetNonzeroElements()
    features = np.fromiter(elements, dtype=np.uint64, count=len(elements))
    counts = np.fromiter(elements.values(), dtype=np.int64, count=len(elements))
    level = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return (np.repeat(features, counts) << np.uint64(_LEVEL_BITS)) | level.astype(np.uint64)


def _descriptors(mol: Chem.Mol, measures: _Measures) -> NDArray[np.float64]:
    formula = {element: int(n or 1) for element, n in _FORMULA.findall(rdMolDescriptors.CalcMolFormula(mol))}
    atoms = [formula.get(element, 0) / scale for element, scale in _ELEMENTS.items()]
    values = np.array(atoms + [measure(mol) / scale for measure, scale in measures.values()], dtype=np.float64)
    return np.nan_to_num(values)  # where RDKit has no value
