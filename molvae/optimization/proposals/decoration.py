"""The operator that keeps a core: groups of a molecule are cut off, and the decoder writes others in their places."""

from __future__ import annotations

import numpy as np
from rdkit import Chem

from molvae.chem import parse

__all__ = ["opened"]

_OPEN = 0.5  # chance that a group is cut off
_GROW = 0.2  # chance that a hydrogen of the core becomes an attachment point


def opened(smiles: str, core: str, rng: np.random.Generator) -> str | None:
    """A molecule with attachment points in place of some of its groups and hydrogens, all of them at a core.

    Rings that are fused to the core stay, and so do double bonds.

    Args:
        smiles: a molecule.
        core: a SMARTS.
        rng: chooses the match of the core, the groups and the hydrogens.

    Returns:
        SMILES with at least one dummy atom; None if the molecule has no such core, or the core no place for a group.
    """
    mol, pattern = parse(smiles), Chem.MolFromSmarts(core)
    places = () if mol is None or pattern is None else mol.GetSubstructMatches(pattern)
    if mol is None or not places:
        return None
    kept = set(places[int(rng.integers(len(places)))])
    groups = [
        bond.GetIdx()
        for atom in sorted(kept)
        for bond in mol.GetAtomWithIdx(atom).GetBonds()
        if bond.GetOtherAtomIdx(atom) not in kept and not bond.IsInRing() and bond.GetBondType() == Chem.BondType.SINGLE
    ]
    hydrogens = [atom for atom in sorted(kept) if mol.GetAtomWithIdx(atom).GetNumImplicitHs()]
    cut = [one for one in groups if rng.random() < _OPEN]
    grown = [atom for atom in hydrogens if rng.random() < _GROW]
    if not cut and not grown:
        if not groups and not hydrogens:
            return None
        place = int(rng.integers(len(groups) + len(hydrogens)))
        cut, grown = groups[place : place + 1], hydrogens[place - len(groups) :][:1] if place >= len(groups) else []
    editable = Chem.RWMol(mol)
    for atom in grown:
        editable.AddBond(atom, editable.AddAtom(Chem.Atom(0)), Chem.BondType.SINGLE)
    whole = editable.GetMol()
    Chem.FastFindRings(whole)
    if cut:
        whole = Chem.FragmentOnBonds(whole, cut, dummyLabels=[(0, 0)] * len(cut))
    anchor = next(iter(kept))
    part = next(one for one in Chem.GetMolFrags(whole) if anchor in one)
    return str(Chem.MolFragmentToSmiles(whole, part))
