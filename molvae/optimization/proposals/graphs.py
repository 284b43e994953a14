"""A molecule for the edits: `Graph` has its atoms and bonds, and is read once; `Draft` is a copy that is edited."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from rdkit import Chem

from molvae.chem import parse
from molvae.chem.molecules import settled
from molvae.optimization.proposals.flaws import Flaws, flaws_of

__all__ = ["Branch", "Draft", "Graph", "atoms_of", "fits", "graph_of", "read"]

_BONDS = {Chem.BondType.SINGLE: 1, Chem.BondType.DOUBLE: 2, Chem.BondType.TRIPLE: 3}
_ORDERS = {order: bond for bond, order in _BONDS.items()}
_ORDINARY = frozenset({5, 6, 7, 8, 9, 14, 15, 16, 17, 34, 35, 53})
_POLAR = frozenset({7, 8, 9, 16, 17, 34, 35, 53})
_MARKS = frozenset("@/\\")
_KEPT = 2_048  # graphs of parents, some ten kilobytes each


class Branch(NamedTuple):
    """The part of a molecule on one side of a single bond that is in no ring."""

    anchor: int
    root: int
    """the atom of the branch that is bound to the anchor"""
    atoms: int
    """the whole branch, as bits"""
    size: int


class Graph:
    """The atoms and bonds of a molecule, aromatic rings as alternating single and double bonds.

    Sets of atoms are integers: bit i stands for atom i.

    Attributes:
        smiles: canonical; "" between two edits.
        mol: sanitized.
        kekulized: the same without aromatic bonds, and with hydrogens that follow from the bonds; it is edited.
        stereo: whether it may have stereo.
        elements, charges, hydrogens: of each atom; hydrogens that are not atoms of the graph.
        bonds: for each atom its neighbours, with the order of the bond.
        rings: the atoms of each ring, in order.
        aromatic: the aromatic atoms.
        cyclic: the bonds that are in a ring, as pairs in both directions.
        locked: atoms that must not be edited alone: charged ones and those bound to them by a multiple bond, isotopes,
            and elements that are unusual in drugs.
    """

    def __init__(self, smiles: str, mol: Chem.Mol, kekulized: Chem.Mol, stereo: bool) -> None:
        self.smiles, self.mol, self.kekulized, self.stereo = smiles, mol, kekulized, stereo
        self.elements: list[int] = []
        self.charges: list[int] = []
        self.hydrogens: list[int] = []
        self.aromatic = self.locked = 0
        for place in range(mol.GetNumAtoms()):  # several times faster than RDKit's iterators
            atom = mol.GetAtomWithIdx(place)
            self.elements.append(atom.GetAtomicNum())
            self.charges.append(atom.GetFormalCharge())
            self.hydrogens.append(atom.GetTotalNumHs())
            self.aromatic |= atom.GetIsAromatic() << place
            if self.charges[-1] or self.elements[-1] not in _ORDINARY or atom.GetIsotope():
                self.locked |= 1 << place
        self.rings: list[tuple[int, ...]] = list(mol.GetRingInfo().AtomRings())
        self.cyclic = {pair for ring in self.rings for pair in zip(ring, ring[1:] + ring[:1], strict=True)}
        self.cyclic |= {(b, a) for a, b in self.cyclic}
        self.bonds: list[dict[int, int]] = [{} for _ in self.elements]
        for place in range(kekulized.GetNumBonds()):
            bond = kekulized.GetBondWithIdx(place)
            a, b, order = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), _BONDS[bond.GetBondType()]
            self.bonds[a][b] = self.bonds[b][a] = order
            if order > 1 and (self.charges[a] or self.charges[b]):
                self.locked |= 1 << a | 1 << b

    def __len__(self) -> int:
        return len(self.elements)

    @cached_property
    def flaws(self) -> Flaws:
        """As `flaws_of`."""
        return flaws_of(self.mol, self.smiles)

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """The bonds, each once."""
        return [(a, b) for a, others in enumerate(self.bonds) for b in others if a < b]

    @cached_property
    def places(self) -> list[int]:
        """Atoms with a hydrogen that can be replaced."""
        return [atom for atom, count in enumerate(self.hydrogens) if count and not self.locked >> atom & 1]

    @cached_property
    def branches(self) -> list[Branch]:
        """Both sides of every single bond outside of rings; not between charges, as in a nitro group."""
        found = []
        for a, b in self.pairs:
            if self.bonds[a][b] == 1 and (a, b) not in self.cyclic and not (self.charges[a] and self.charges[b]):
                atoms = self.side(b, 1 << a)
                size = atoms.bit_count()
                found.append(Branch(a, b, atoms, size))
                found.append(Branch(b, a, ~atoms & (1 << len(self)) - 1, len(self) - size))
        return found

    @cached_property
    def neighbours(self) -> list[int]:
        """For each atom its neighbours, as bits."""
        return [sum(1 << other for other in others) for others in self.bonds]

    def side(self, start: int, without: int) -> int:
        """The atoms that are reached from an atom without passing those of `without`."""
        reached = fresh = 1 << start
        while fresh:
            atom = fresh & -fresh
            new = self.neighbours[atom.bit_length() - 1] & ~reached & ~without
            reached |= new
            fresh = fresh & ~atom | new
        return reached

    def paths(self, start: int, longest: int) -> Iterator[tuple[int, ...]]:
        """A shortest path from an atom to each other one that is at most `longest` bonds away, nearest first."""
        reached = 1 << start
        ends: list[tuple[int, ...]] = [(start,)]
        for _ in range(longest):
            longer = []
            for path in ends:
                for atom in atoms_of(self.neighbours[path[-1]] & ~reached):
                    reached |= 1 << atom
                    longer.append((*path, atom))
            yield from longer
            ends = longer

    def is_fused(self, atom: int) -> bool:
        """Whether it is in several rings."""
        return sum(atom in ring for ring in self.rings) > 1

    def ring_of(self, atom: int) -> tuple[int, ...]:
        """The smallest ring that it is in."""
        return min((ring for ring in self.rings if atom in ring), key=len)

    def aromatic_system(self, ring: tuple[int, ...]) -> list[int]:
        """The atoms of an aromatic ring and of all rings fused to it, directly or through others."""
        system, size = sum(1 << atom for atom in ring), 0
        others = [sum(1 << atom for atom in other) for other in self.rings]
        aromatic = [other for other in others if other & self.aromatic == other]
        while size != system.bit_count():
            size = system.bit_count()
            for other in aromatic:
                system |= other if other & system else 0
        return list(atoms_of(system))

    def is_polar(self, atom: int) -> bool:
        """Whether it is N, O, S, Se or a halogen, but not the sulfur of a sulfoxide or sulfone."""
        return self.elements[atom] in _POLAR and not (self.elements[atom] == 16 and self.order(atom) > 2)

    def takes_polar(self, atom: int, without: int = -1) -> bool:
        """Whether a polar atom may be bound to an atom: not to a polar one, nor to an sp3 carbon that has one already.

        Args:
            atom: index.
            without: a neighbour that will be removed.
        """
        if self.elements[atom] != 6:
            return not self.is_polar(atom)
        others = [(other, order) for other, order in self.bonds[atom].items() if other != without]
        return any(order > 1 for _, order in others) or not any(self.is_polar(other) for other, _ in others)

    def order(self, atom: int) -> int:
        """The sum of the orders of its bonds, without those to hydrogens."""
        return sum(self.bonds[atom].values())


def fits(graph: Graph, a: int, other: Graph, b: int, *, without: tuple[int, int] = (-1, -1)) -> bool:
    """Whether a bond between atoms of two graphs, which may be the same, makes sense.

    Args:
        graph, a: an atom.
        other, b: another atom.
        without: a neighbour of each that will be removed.
    """
    return (not other.is_polar(b) or graph.takes_polar(a, without[0])) and (
        not graph.is_polar(a) or other.takes_polar(b, without[1])
    )


def atoms_of(mask: int) -> Iterator[int]:
    """The atoms of a set, by rising index."""
    while mask:
        atom = mask & -mask
        yield atom.bit_length() - 1
        mask ^= atom


@lru_cache(maxsize=_KEPT)
def read(smiles: str, stereo: bool) -> Graph | None:
    """The graph of a molecule, without stereo unless asked for; None if it cannot be edited.

    Not edited are texts that are not one single molecule, radicals, bonds of other orders than 1 to 3, and hydrogens
    that do not follow from the bonds.
    """
    mol = parse(smiles)
    if mol is None or "." in smiles:
        return None
    if not stereo and not _MARKS.isdisjoint(smiles):
        Chem.RemoveStereochemistry(mol)
        last = settled(str(Chem.MolToSmiles(mol)), stereo=False)
        return graph_of(last[1], last[0], stereo) if last is not None else None
    return graph_of(mol, smiles, stereo)


def graph_of(mol: Chem.Mol, smiles: str, stereo: bool) -> Graph | None:
    """As `read`, for a sanitized molecule of one fragment."""
    kekulized = Chem.RWMol(mol)
    try:
        Chem.Kekulize(kekulized, clearAromaticFlags=True)
    except (RuntimeError, ValueError):
        return None
    for place in range(mol.GetNumBonds()):
        if kekulized.GetBondWithIdx(place).GetBondType() not in _BONDS:
            return None
    for place in range(mol.GetNumAtoms()):
        atom = kekulized.GetAtomWithIdx(place)
        if atom.GetNumRadicalElectrons():
            return None
        if atom.GetNoImplicit() or atom.GetNumExplicitHs():
            atom.SetNoImplicit(False)
            atom.SetNumExplicitHs(0)
            atom.UpdatePropertyCache(strict=False)
            if atom.GetTotalNumHs() != mol.GetAtomWithIdx(place).GetTotalNumHs():
                return None
    return Graph(smiles, mol, kekulized, stereo)


class Draft:
    """A copy of a graph that can be changed; nothing is checked until it is sanitized.

    An atom whose neighbours change loses its stereo, and so does a double bond at it.

    Args:
        graph: the original; indices of atoms are those of the graph until `drop`.
        aromatic: keep aromatic bonds until `arrange` makes them single and double ones.

    Attributes:
        mol: the molecule; without aromatic bonds when the edit is done.
    """

    def __init__(self, graph: Graph, *, aromatic: bool = False) -> None:
        self.mol = Chem.RWMol(graph.mol if aromatic else graph.kekulized)
        self._stereo = graph.stereo

    def add(self, element: int) -> int:
        """Add an atom without bonds; its index."""
        return int(self.mol.AddAtom(Chem.Atom(element)))

    def insert(self, graph: Graph) -> int:
        """Add another graph, not bound to this one; the index of its first atom."""
        first = int(self.mol.GetNumAtoms())
        self.mol.InsertMol(graph.kekulized)
        return first

    def join(self, a: int, b: int, order: int = 1) -> None:
        """Add a bond."""
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
        """Change the element of an atom, and its hydrogens."""
        self._forget(atom)
        changed = self.mol.GetAtomWithIdx(atom)
        changed.SetAtomicNum(element)
        _free_hydrogens(changed)

    def discharge(self, atom: int) -> None:
        """Remove the charge of an atom, and adapt its hydrogens."""
        self._forget(atom)
        self.mol.GetAtomWithIdx(atom).SetFormalCharge(0)

    def drop(self, atoms: int) -> None:
        """Remove a set of atoms with their bonds; the others get new indices."""
        self.mol.BeginBatchEdit()
        for place in atoms_of(atoms):
            if self._stereo:
                self._forget(*(other.GetIdx() for other in self.mol.GetAtomWithIdx(place).GetNeighbors()))
            self.mol.RemoveAtom(place)
        self.mol.CommitBatchEdit()

    def nitrogens(self, atoms: Sequence[int]) -> dict[int, int]:
        """The nitrogens without charge among some atoms, each with its number of neighbours."""
        found = ((place, self.mol.GetAtomWithIdx(place)) for place in atoms)
        return {place: one.GetDegree() for place, one in found if one.GetAtomicNum() == 7 and not one.GetFormalCharge()}

    def arrange(self, nitrogens: Sequence[int], bearing: Collection[int]) -> bool:
        """Make aromatic bonds single and double ones; False, and nothing is changed, if that is not possible.

        Args:
            nitrogens: aromatic atoms.
            bearing: those of them with a hydrogen; the others have none.
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
