"""What bonds an atom can have: an automaton over the bonds that a token gets, as RDKit's sanitization judges them.

RDKit is asked once for each token of a vocabulary and each set of bonds; a decoder then follows a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rdkit import Chem

from molvae.chem.molecules import quiet_rdkit

__all__ = ["AROMATIC", "BONDS", "DIRECTED", "DOUBLE", "SINGLE", "TRIPLE", "Valences"]

SINGLE, DOUBLE, TRIPLE, AROMATIC, DIRECTED = range(5)

BONDS = {"-": SINGLE, "/": DIRECTED, "\\": DIRECTED, "=": DOUBLE, "#": TRIPLE, ":": AROMATIC}
"""Symbols of bonds; none, or one of direction, is an aromatic bond between two aromatic atoms, else a single one."""

_ORDERS = (1, 2, 3)
_TYPES = (Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE)
_MOST = 8  # bonds of an atom; beyond it are coordination compounds
_MOST_RING = 3  # aromatic bonds; all bonds of an aromatic atom, but for sulfur and the like
_BORON, _CARBON, _NEON = 5, 6, 10

_Bonds = tuple[int, int, int]
"""How many aromatic bonds, how many others, and the orders of those added up"""


@dataclass
class Valences:
    """The states that atoms of a vocabulary can be in, by number.

    Args:
        tokens: the atoms, without '*'; what RDKit does not take for an atom has no state.
        bonds: the symbols of bonds that there are.
    """

    tokens: Iterable[str]
    bonds: frozenset[str]
    start: dict[str, int] = field(default_factory=dict)
    """The state of each token that has no bond yet."""
    after: list[list[int]] = field(default_factory=list)
    """By state and bond: the state that follows, -1 where RDKit would refuse the valence."""
    aromatic: list[bool] = field(default_factory=list)
    needs: list[bool] = field(default_factory=list)
    """Whether an atom that gets no further bond needs a double bond in a Kekule structure."""
    alone: list[bool] = field(default_factory=list)
    """Whether it is an aromatic atom that must get more bonds: it has less than the two of a ring, or would have two
    double bonds."""
    room: list[int] = field(default_factory=list)
    """How many single or aromatic bonds can follow at most."""

    def __post_init__(self) -> None:
        with quiet_rdkit():
            for token in self.tokens:
                atom = _atom(token)
                if atom is not None:
                    self.start[token] = self._explore(atom)
        self.room = [self._room(state) for state in range(len(self.after))]

    def _room(self, state: int) -> int:
        following = [self.after[state][bond] for bond in (SINGLE, AROMATIC)]
        return max((1 + self._room(follower) for follower in following if follower >= 0), default=0)

    def _explore(self, atom: Chem.Atom) -> int:
        """All states of an atom; gives the first."""
        known: dict[_Bonds, int] = {}
        waiting: list[_Bonds] = [(0, 0, 0)]
        while waiting:
            bonds = waiting.pop()
            if bonds in known:
                continue
            needs = _judged(atom, bonds) if bonds[0] + bonds[1] <= _MOST else None
            known[bonds] = -1
            if needs is not None:
                known[bonds] = len(self.after)
                self.after.append([-1] * 4)
                self.aromatic.append(atom.GetIsAromatic())
                self.needs.append(needs)
                self.alone.append(atom.GetIsAromatic() and (sum(bonds[:2]) < 2 or _is_cumulated(atom, bonds, needs)))
                waiting += _followers(bonds, aromatic=atom.GetIsAromatic())
        for bonds, state in known.items():
            for bond, follower in enumerate(_followers(bonds, aromatic=atom.GetIsAromatic()) if state >= 0 else ()):
                self.after[state][bond] = known[follower]
        return known[0, 0, 0]

    @cached_property
    def may_need(self) -> list[list[bool]]:
        """By the number of bonds that must follow: whether it needs a double bond behind those or some more."""
        return [[any(needs) for needs in self._outcomes(bonds)] for bonds in range(_MOST_RING + 2)]

    @cached_property
    def must_need(self) -> list[list[bool]]:
        """Whether it needs a double bond whatever bonds follow, and can get no further neighbor to have it with."""
        return [
            [after[AROMATIC] < 0 and all(needs) for after, needs in zip(self.after, self._outcomes(bonds), strict=True)]
            for bonds in range(_MOST_RING + 2)
        ]

    def _outcomes(self, bonds: int) -> list[set[bool]]:
        """Whether it needs a double bond in the end, in all ways in which at least so many bonds follow."""
        usable = {SINGLE, AROMATIC} | {BONDS[symbol] for symbol in self.bonds} - {DIRECTED}
        outcomes: list[set[bool]] = []
        for start in range(len(self.after)):
            reached, front, steps = set(), {start}, 0
            while front:
                reached |= front if steps >= bonds else set()
                front = {self.after[state][bond] for state in front for bond in usable} - {-1}
                steps += 1
            outcomes.append({self.needs[state] for state in reached if not self.alone[state]})
        return outcomes


def _atom(token: str) -> Chem.Atom | None:
    parameters: Any = Chem.SmilesParserParams()
    parameters.sanitize = parameters.removeHs = parameters.parseName = parameters.allowCXSMILES = False
    mol = Chem.MolFromSmiles(token, parameters)
    return mol.GetAtomWithIdx(0) if mol is not None and mol.GetNumAtoms() == 1 else None


def _is_cumulated(atom: Chem.Atom, bonds: _Bonds, needs: bool) -> bool:
    return needs and bonds[2] > bonds[1] and atom.GetAtomicNum() < _NEON


def _followers(bonds: _Bonds, *, aromatic: bool) -> list[_Bonds]:
    """The bonds with one more of each kind."""
    ring, others, orders = bonds
    more = [(ring, others + 1, orders + order) for order in _ORDERS]
    return [*more, (ring + 1, others, orders)] if aromatic else more


def _judged(atom: Chem.Atom, bonds: _Bonds) -> bool | None:
    """Whether an atom with these bonds needs a double bond in a Kekule structure; None where RDKit refuses them.

    RDKit reads aromatic atoms that it never writes: such as carbon with four neighbors, as if it was none. They are
    refused.
    """
    ring, others, orders = bonds
    if atom.GetIsAromatic() and (ring > _MOST_RING or ring + others > _MOST_RING + (atom.GetAtomicNum() > _NEON)):
        return None
    center = _bonded(atom, [Chem.BondType.AROMATIC] * ring + _types(others, orders))
    if center is None:
        return None
    if not center.GetIsAromatic():
        return False
    needs = _needs(center, bonds)
    # RDKit looks at aromatic atoms with indulgence, and again when all of their bonds are single or double.
    plain = Chem.Atom(atom)
    plain.SetIsAromatic(False)
    kekule = [Chem.BondType.SINGLE] * (ring + needs) + _types(others, orders)
    return None if _bonded(plain, kekule) is None else needs


def _types(others: int, orders: int) -> list[Chem.BondType]:
    """Bonds whose orders add up to a sum."""
    excess = orders - others
    return [_TYPES[max(0, min(2, excess - 2 * index))] for index in range(others)]


def _bonded(atom: Chem.Atom, types: Sequence[Chem.BondType]) -> Chem.Atom | None:
    """The atom in a molecule, with bonds to atoms of no kind; None where that is too many."""
    mol = Chem.RWMol()
    mol.AddAtom(atom)
    for index, bond in enumerate(types):
        mol.AddAtom(Chem.Atom(0))
        mol.AddBond(0, index + 1, bond)
        mol.GetBondWithIdx(index).SetIsAromatic(bond == Chem.BondType.AROMATIC)
    try:
        mol.GetAtomWithIdx(0).UpdatePropertyCache(True)
    except Chem.AtomValenceException:
        return None
    center: Chem.Atom = mol.GetAtomWithIdx(0)
    center.owner = mol  # an atom is a view of its molecule
    return center


def _needs(center: Chem.Atom, bonds: _Bonds) -> bool:
    """As RDKit's ``markDbondCands`` (Code/GraphMol/Kekulize.cpp) has it, for an atom that is no radical."""
    ring, others, orders = bonds
    table, number, charge = Chem.GetPeriodicTable(), center.GetAtomicNum(), center.GetFormalCharge()
    if number == _BORON or (number == _CARBON and charge > 0):
        charge = -charge
    hydrogens, wanted = center.GetTotalNumHs(), 0
    for valence in table.GetValenceList(number):
        wanted = valence + charge
        if valence < 0 or center.GetTotalValence() <= wanted:
            break
    have = ring + orders + hydrogens
    if ring + others + hydrogens >= wanted:
        return False
    return bool(wanted == have + 1 or (center.GetNoImplicit() and wanted == have + 2))
