"""Flaws, which an edit must not add to a molecule: counts of strained, unstable and unrealistic motifs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from rdkit import Chem

__all__ = ["Flaws", "flaws_of", "no_worse"]

Flaws = tuple[int, ...]
"""The count of each flaw."""

_HALOGENS = "FIlr"
_MOTIFS = {
    "[#7,#8,#9,#17,#35,#53,#16v2;+0]-[#7,#8,#9,#17,#35,#53,#16v2;+0]": "",  # single bonds between heteroatoms
    "[F,Cl,Br,I]-[!#6]": _HALOGENS,
    "[Cl,Br,I]-[CX4]": "Ilr",
    "F-[CX4]-[NX3,OX2H]": "F",
    "[F,Cl,Br,I]-C=[O,N,S]": _HALOGENS,
    "[#6,#7;+0](=*)=*": "=",  # cumulated double bonds
    "*#@*": "#",
    "[#7,#8,#16]-[CX2]#*": "#",
    "[r3]=,:*": "3",
    "[#7,#8,#15,#16;r3]": "3",
    "[r4]=,:;@[r4]": "4",
    "[nr6]:[nr6]:[nr6]": "n",
    "[!+0;!$(*~[!+0])]": "+-",  # a charge without an opposite one beside it
    "[OX2H,SX2H,NX3H2]-[C;X3]=[C;X3]": "=",  # enols, enethiols, enamines
    "[OX2,NX3]-[CX3]=!@[CX3;!$(C-[CX3,CX2,#16X4,#7X3+])]": "=",  # vinyl ethers and amines, unless they are vinylogous
    "[SX4]-[CX3]=O": "S",
    "[OX2H,SX2H,NX3;!H0;!$(N[C,S]=O)]-[CX4]-[NX3,OX2,SX2]": "",  # hemiacetals, aminals and similar ones
    "[NX2;!$(N-[#7,#8])]=!@[CX3;!$(C-[#7,#8,#16])]": "N",  # imines
    "[NX2H]=[#6;!$(C-[#7])]": "N",
    "[CX3H1](=O)[#6,#7,#8]": "O",  # aldehydes, formamides
    "[#6][SX2H]": "S",
    "[#15X3]": "P",
    "[CX3;!$(C-[#7,#8])](=O)-!@[CX3]=O": "O",  # 1,2-diketones
    "[NX3,OX2]C(=O)[OX2H]": "O",  # carbamic and carbonic acids
    "C(=O)[O,S]C(=O)": "O",
    "[#6]C(=O)[SX2]": "S",
    "[#6]=[#15,#16]": "SP",
    "[#16v4,#16v6;!H0]": "S",
    "[#15;!H0]": "P",
}
"""SMARTS, each with letters of a SMILES or sizes of rings, one of which a molecule must have for a match."""
_PATTERNS = tuple((Chem.MolFromSmarts(motif), frozenset(needs)) for motif, needs in _MOTIFS.items())

_LARGEST_RING = 8
_SMALL_RING = 4
_MOST_BRIDGED = 3  # pairs of rings: norbornane has one, bicyclo[2.2.2]octane three


def flaws_of(mol: Chem.Mol, smiles: str) -> Flaws:
    """Count the flaws of a molecule.

    First motifs: weak bonds between heteroatoms, cumulated double bonds, triple bonds in rings, strained small rings,
    single charges, enols, hemiacetals, acid halides and similar ones. Then rings of more than eight atoms, pairs of
    small rings that share an atom, atoms in more than two rings, pairs of bridged rings beyond three, and double bonds
    at bridgeheads.

    Args:
        mol: sanitized.
        smiles: its SMILES.
    """
    rings = mol.GetRingInfo().AtomRings()
    there = {*smiles, *(str(len(ring)) for ring in rings)}
    motifs = (
        0 if needs and needs.isdisjoint(there) else len(mol.GetSubstructMatches(pattern))
        for pattern, needs in _PATTERNS
    )
    return *motifs, *_ring_flaws(mol, rings)


def no_worse(child: Flaws, parents: Sequence[Flaws]) -> bool:
    """Whether a molecule has no flaw more often than the worst of its parents."""
    return all(own <= max(theirs) for own, *theirs in zip(child, *parents, strict=True))


def _ring_flaws(mol: Chem.Mol, rings: Sequence[Sequence[int]]) -> tuple[int, int, int, int, int]:
    sets = [sum(1 << atom for atom in ring) for ring in rings]
    small = crowded = bridged = bent = 0
    once = twice = 0
    for ring in sets:
        crowded |= twice & ring
        twice |= once & ring
        once |= ring
    for one, other in combinations(sets, 2):
        shared = one & other
        if shared:
            small += one.bit_count() <= _SMALL_RING and other.bit_count() <= _SMALL_RING
            if shared.bit_count() > 2:
                bridged += 1
                bent += _bent(mol, one | other, shared)
    large = sum(len(ring) > _LARGEST_RING for ring in rings)
    return large, small, crowded.bit_count(), max(0, bridged - _MOST_BRIDGED), bent


def _bent(mol: Chem.Mol, rings: int, shared: int) -> int:
    """Multiple bonds at the bridgeheads of two rings."""
    count = 0
    for place in range(shared.bit_length()):
        if shared >> place & 1:
            atom = mol.GetAtomWithIdx(place)
            if sum(rings >> other.GetIdx() & 1 for other in atom.GetNeighbors()) > 2:
                count += any(bond.GetBondTypeAsDouble() > 1 for bond in atom.GetBonds())
    return count
