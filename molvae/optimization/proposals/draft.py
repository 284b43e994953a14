"""A molecule while it is edited."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from rdkit import Chem

from molvae.optimization.proposals.graphs import Graph, atoms_of

__all__ = ["Draft"]

_ORDERS = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}


class Draft:
    """A copy of a graph that can be changed; nothing is checked until it is sanitized.

    Stereo of an atom whose neighbours change is lost, and so is that of a double bond at it.

    Args:
        graph: where it starts; indices of atoms are those of the graph until `drop`.
        aromatic: leave aromatic bonds aromatic until `arrange` makes them single and double ones.

    Attributes:
        mol: the molecule; in the end without aromatic bonds.
    """

    def __init__(self, graph: Graph, *, aromatic: bool = False) -> None:
        self.mol = Chem.RWMol(graph.mol if aromatic else graph.kekulized)
        self._stereo = graph.stereo

    def add(self, element: int) -> int:
        """A new atom without bonds; its index."""
        return int(self.mol.AddAtom(Chem.Atom(element)))

    def insert(self, graph: Graph) -> int:
        """Another graph, not bound to this one; the index of its first atom."""
        first = int(self.mol.GetNumAtoms())
        self.mol.InsertMol(graph.kekulized)
        return first

    def join(self, a: int, b: int, order: int = 1) -> None:
        """A new bond."""
        self._forget(a, b)
        self.mol.AddBond(a, b, _ORDERS[order])

    def cut(self, a: int, b: int) -> None:
        """Remove a bond."""
        self._forget(a, b)
        self.mol.RemoveBond(a, b)

    def set_order(self, a: int, b: int, order: int) -> None:
        """Change the order of a bond."""
        self._forget(a, b)
        self.mol.GetBondBetweenAtoms(a, b).SetBondType(_ORDERS[order])

    def become(self, atom: int, element: int) -> None:
        """Change the element of an atom; hydrogens follow."""
        self._forget(atom)
        changed = self.mol.GetAtomWithIdx(atom)
        changed.SetAtomicNum(element)
        _free_hydrogens(changed)

    def discharge(self, atom: int) -> None:
        """Take the charge from an atom; hydrogens follow."""
        self._forget(atom)
        self.mol.GetAtomWithIdx(atom).SetFormalCharge(0)

    def drop(self, atoms: int) -> None:
        """Remove a set of atoms with their bonds; the others are numbered anew."""
        self.mol.BeginBatchEdit()
        for place in atoms_of(atoms):
            if self._stereo:
                self._forget(*(other.GetIdx() for other in self.mol.GetAtomWithIdx(place).GetNeighbors()))
            self.mol.RemoveAtom(place)
        self.mol.CommitBatchEdit()

    def nitrogens(self, atoms: Sequence[int]) -> dict[int, int]:
        """Those of some atoms that are nitrogens without charge, and how many neighbours they have."""
        found = ((place, self.mol.GetAtomWithIdx(place)) for place in atoms)
        return {place: one.GetDegree() for place, one in found if one.GetAtomicNum() == 7 and not one.GetFormalCharge()}

    def arrange(self, nitrogens: Sequence[int], bearing: Collection[int]) -> bool:
        """Make aromatic bonds single and double ones; False, and nothing is changed, where there is no way.

        Args:
            nitrogens: aromatic atoms.
            bearing: those of them that have a hydrogen; the others have none.
        """
        mol = Chem.RWMol(self.mol)
        atoms = [mol.GetAtomWithIdx(place) for place in nitrogens]
        for place, atom in zip(nitrogens, atoms, strict=True):
            atom.SetNoImplicit(True)
            atom.SetNumExplicitHs(int(place in bearing))
        mol.UpdatePropertyCache(strict=False)
        try:
            Chem.Kekulize(mol, clearAromaticFlags=True)
        except (RuntimeError, ValueError):
            return False
        for atom in atoms:
            _free_hydrogens(atom)
        self.mol = mol
        return True

    def _forget(self, *atoms: int) -> None:
        for place in atoms if self._stereo else ():
            atom = self.mol.GetAtomWithIdx(place)
            atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
            for bond in atom.GetBonds():
                bond.SetStereo(Chem.BondStereo.STEREONONE)


def _free_hydrogens(atom: Any) -> None:
    """Let the hydrogens of an atom follow from its bonds."""
    atom.SetNoImplicit(False)
    atom.SetNumExplicitHs(0)
