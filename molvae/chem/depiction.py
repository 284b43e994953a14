"""2-D structures as arrays of small integers, for a web page that draws them: labelled atoms and kinds of bonds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from molvae.chem.drawing import drawing_tools
from molvae.chem.molecules import parse
from molvae.chem.workers import batches, map_chunks

__all__ = ["BondKind", "Depictions", "Label", "depict"]

STEPS = 50
"""Coordinate units per angstrom."""

_LARGEST = 255  # atoms or bonds: an atom's index takes one byte
_CHUNK = 500
_SMALL = 4_000  # fewer molecules take less time than starting a worker


class BondKind(IntEnum):
    """How a bond is drawn. Left and right are seen from its first atom towards its second, with y upwards."""

    SINGLE = 0
    DOUBLE = 1
    DOUBLE_LEFT = 2
    DOUBLE_RIGHT = 3
    TRIPLE = 4
    WEDGE = 5
    HASH = 6
    WAVY = 7
    CROSSED = 8
    AROMATIC_LEFT = 9
    AROMATIC_RIGHT = 10
    DASHED = 11


class Label(NamedTuple):
    """The text at an atom; an empty symbol is a carbon drawn as a bare corner."""

    symbol: str
    hydrogens: int
    charge: int
    isotope: int
    radicals: int


@dataclass(frozen=True, slots=True, eq=False)
class Depictions:
    """The structures of N molecules with A atoms and B bonds in total, molecule after molecule.

    Attributes:
        labels: the distinct labels.
        atoms: (N,) number of atoms; 0 for an invalid molecule and for one with more than 255 atoms or bonds.
        bonds: (N,) number of bonds.
        label: (A,) index in `labels`.
        x, y: (A,) coordinates in 1/50 angstrom, y upwards; a bond is about 75 long.
        begin, end: (B,) indices of atoms in their molecule; a wedge is narrow at `begin`.
        kind: (B,) `BondKind`.
    """

    labels: tuple[Label, ...]
    atoms: NDArray[np.uint8]
    bonds: NDArray[np.uint8]
    label: NDArray[np.uint16]
    x: NDArray[np.int16]
    y: NDArray[np.int16]
    begin: NDArray[np.uint8]
    end: NDArray[np.uint8]
    kind: NDArray[np.uint8]


class _Structure(NamedTuple):
    atoms: list[tuple[Label, int, int]]
    bonds: list[tuple[int, int, int]]


def depict(smiles: Sequence[str], *, workers: int | None = None) -> Depictions:
    """Compute 2-D structures; the result does not depend on the number of workers.

    Args:
        smiles: N texts.
        workers: number of processes; None takes all usable cores for thousands of molecules, and one for fewer.
    """
    if workers is None and len(smiles) < _SMALL:
        workers = 1
    chunks = batches(smiles, _CHUNK)
    structures = [one for part in map_chunks(_structures, chunks, workers=workers) for one in part]
    atoms = [atom for one in structures for atom in one.atoms]
    bonds = np.array([bond for one in structures for bond in one.bonds], dtype=np.uint8).reshape(-1, 3)
    places: dict[Label, int] = {}
    label = [places.setdefault(atom[0], len(places)) for atom in atoms]
    return Depictions(
        labels=tuple(places),
        atoms=np.array([len(one.atoms) for one in structures], dtype=np.uint8),
        bonds=np.array([len(one.bonds) for one in structures], dtype=np.uint8),
        label=np.array(label, dtype=np.uint16),
        x=np.array([atom[1] for atom in atoms], dtype=np.int16),
        y=np.array([atom[2] for atom in atoms], dtype=np.int16),
        begin=bonds[:, 0].copy(),
        end=bonds[:, 1].copy(),
        kind=bonds[:, 2].copy(),
    )


def _structures(smiles: list[str]) -> list[_Structure]:
    return [_structure(one) for one in smiles]


def _structure(smiles: str) -> _Structure:
    mol = parse(smiles)
    if mol is None or mol.GetNumAtoms() > _LARGEST:
        return _Structure([], [])
    try:
        drawn = drawing_tools().PrepareMolForDrawing(mol)
    except (RuntimeError, ValueError):  # it has no Kekule form
        drawn = drawing_tools().PrepareMolForDrawing(mol, kekulize=False)
    if max(drawn.GetNumAtoms(), drawn.GetNumBonds()) > _LARGEST:  # RDKit may have added hydrogens at stereocentres
        return _Structure([], [])
    xy = drawn.GetConformer().GetPositions()[:, :2]
    steps = np.clip(np.rint(xy * STEPS), -(2**15), 2**15 - 1).astype(int).tolist()
    atoms = [(_label(atom), *place) for atom, place in zip(drawn.GetAtoms(), steps, strict=True)]
    centres = _ring_centres(drawn, xy)
    bonds = [
        (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), int(_kind(bond, xy, centres.get(bond.GetIdx()))))
        for bond in drawn.GetBonds()
    ]
    return _Structure(atoms, bonds)


def _label(atom: Any) -> Label:
    charge, isotope, radicals = atom.GetFormalCharge(), atom.GetIsotope(), atom.GetNumRadicalElectrons()
    if atom.GetAtomicNum() == 6 and atom.GetDegree() and not (charge or isotope or radicals):
        return Label("", 0, 0, 0, 0)
    return Label(atom.GetSymbol(), atom.GetTotalNumHs(), charge, isotope, radicals)


def _ring_centres(mol: Chem.Mol, xy: NDArray[np.float64]) -> dict[int, NDArray[np.float64]]:
    """For each ring bond the centre of its ring; the second line is drawn on that side. The ring with most double bonds
    wins."""
    rings = mol.GetRingInfo()
    found: dict[int, tuple[tuple[int, int], NDArray[np.float64]]] = {}
    for atoms, bonds in zip(rings.AtomRings(), rings.BondRings(), strict=True):
        doubles = sum(mol.GetBondWithIdx(bond).GetBondType() == Chem.BondType.DOUBLE for bond in bonds)
        rank = (doubles, -len(bonds))
        for bond in bonds:
            if bond not in found or rank > found[bond][0]:
                found[bond] = (rank, xy[list(atoms)].mean(0))
    return {bond: centre for bond, (_, centre) in found.items()}


_DIRECTED = {
    Chem.BondDir.BEGINWEDGE: BondKind.WEDGE,
    Chem.BondDir.BEGINDASH: BondKind.HASH,
    Chem.BondDir.UNKNOWN: BondKind.WAVY,
    Chem.BondDir.EITHERDOUBLE: BondKind.CROSSED,
}
_PLAIN = {Chem.BondType.SINGLE: BondKind.SINGLE, Chem.BondType.TRIPLE: BondKind.TRIPLE}


def _kind(bond: Any, xy: NDArray[np.float64], centre: NDArray[np.float64] | None) -> BondKind:
    if bond.GetBondDir() in _DIRECTED:
        return _DIRECTED[bond.GetBondDir()]
    order = bond.GetBondType()
    if order not in (Chem.BondType.DOUBLE, Chem.BondType.AROMATIC):
        return _PLAIN.get(order, BondKind.DASHED)
    begin, end = bond.GetBeginAtom(), bond.GetEndAtom()
    if centre is None:
        if min(begin.GetDegree(), end.GetDegree()) == 1 or _is_cumulated(begin) or _is_cumulated(end):
            return BondKind.DOUBLE
        beside = [one.GetIdx() for atom in (begin, end) for one in atom.GetNeighbors()]
        points = xy[[place for place in beside if place not in (begin.GetIdx(), end.GetIdx())]]
    else:
        points = centre[None]
    (dx, dy), away = xy[end.GetIdx()] - xy[begin.GetIdx()], points - xy[begin.GetIdx()]
    left = np.sign(dx * away[:, 1] - dy * away[:, 0]).sum() >= 0
    if order == Chem.BondType.AROMATIC:
        return BondKind.AROMATIC_LEFT if left else BondKind.AROMATIC_RIGHT
    return BondKind.DOUBLE_LEFT if left else BondKind.DOUBLE_RIGHT


def _is_cumulated(atom: Any) -> bool:
    return [bond.GetBondType() for bond in atom.GetBonds()].count(Chem.BondType.DOUBLE) > 1
