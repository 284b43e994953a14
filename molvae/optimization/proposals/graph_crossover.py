"""Crossover: molecules made of pieces of two others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import exp
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np

from molvae.optimization.proposal import Proposal
from molvae.optimization.proposals.fragments import NoSiteError, WeightedChoice, pick, reject_if
from molvae.optimization.proposals.graph_proposer import GraphProposer
from molvae.optimization.proposals.graphs import Branch, Draft, Graph, fits

__all__ = ["CROSSINGS", "GraphCrossover"]

Piece = TypeVar("Piece")
Crossing = Callable[[Graph, Graph, int, float, np.random.Generator], Draft]
"""From a graph, a mate, atoms to be kept, the wanted number of atoms, and a generator, to a child; or `NoSiteError`."""

_TRIES = 12
_SPREAD = 2.0  # atoms: the larger, the more the size of a child may differ from the wanted one
_FARTHEST = 6.0  # atoms: no child differs more
_NOISE = 2.0  # atoms: standard deviation of the wanted size
_DRAWS = 8  # of pieces of the mate, if they are drawn and not listed
_RING_SIZES = range(5, 8)
_AROMATIC = 6  # pi electrons
_CUT_RINGS = range(4, 9)  # sizes of rings that are cut
_CUTS = 6  # tries to cut a molecule


class RingCut(NamedTuple):
    """A part of a molecule that two bonds of one ring connect to the rest."""

    atoms: int
    """the part, as bits"""
    ends: tuple[int, int]
    """the atoms of the part at these bonds, perhaps the same"""
    orders: tuple[int, int]
    """of these bonds"""
    length: int
    """number of atoms of the ring in the part"""
    electrons: int
    """pi electrons that they give to the ring, if it is aromatic; else 0"""
    aromatic: bool
    """whether the ring is"""

    def turned(self) -> RingCut:
        """The same with the two bonds in the other order."""
        return self._replace(ends=self.ends[::-1], orders=self.orders[::-1])


def ring_cut(graph: Graph, rng: np.random.Generator) -> RingCut | None:
    """A random part; None if several draws fail."""
    rings = [ring for ring in graph.rings if len(ring) in _CUT_RINGS]
    for _ in range(_CUTS if rings else 0):
        cut = _cut(graph, pick(rng, rings), rng)
        if cut is not None:
            return cut
    return None


def _cut(graph: Graph, ring: tuple[int, ...], rng: np.random.Generator) -> RingCut | None:
    turn, length = int(rng.random() * len(ring)), 1 + int(rng.random() * (len(ring) - 1))
    ring = ring[turn:] + ring[:turn]
    bonds = (ring[0], ring[-1]), (ring[length - 1], ring[length])
    if any(sum(a in other and b in other for other in graph.rings) > 1 for a, b in bonds):
        return None
    if any(graph.charges[a] and graph.charges[b] for a, b in bonds):
        return None
    # The rest of the ring is blocked, so that all atoms reached from this part of it belong to the part.
    atoms = 0
    rest = sum(1 << atom for atom in ring[length:])
    for atom in ring[:length]:
        atoms |= graph.side(atom, rest)
    if sum((graph.neighbours[atom] & atoms).bit_count() for atom in ring[length:]) > 2:
        return None
    aromatic = all(graph.aromatic >> atom & 1 for atom in ring)
    electrons = sum(_electrons(graph, atom) for atom in ring[:length]) if aromatic else 0
    (a, before), (b, after) = bonds
    return RingCut(atoms, (a, b), (graph.bonds[a][before], graph.bonds[b][after]), length, electrons, aromatic)


def _electrons(graph: Graph, atom: int) -> int:
    """Pi electrons of an aromatic atom: 1 with a double bond in a ring, 0 with one that leads out, 2 without any."""
    doubly = [other for other, order in graph.bonds[atom].items() if order == 2]
    return int((atom, doubly[0]) in graph.cyclic) if doubly else 2


def two_branches(graph: Graph, frozen: int, rng: np.random.Generator) -> tuple[Branch, Branch] | None:
    """Two ends of a molecule with a removable part between them; None if several draws fail."""
    if len(graph.branches) < 4:
        return None
    for _ in range(_CUTS):
        one, other = pick(rng, graph.branches), pick(rng, graph.branches)
        ends = one.atoms | other.atoms
        if not (one.atoms & other.atoms or one.size + other.size >= len(graph) or frozen & ~ends):
            return one, other
    return None


def cross_branches(graph: Graph, mate: Graph, frozen: int, wanted: float, rng: np.random.Generator) -> Draft:
    """One cut in each: replace a branch by one of the mate."""
    sites = [branch for branch in graph.branches if not branch.atoms & frozen]
    branch = pick(rng, sites)
    rest = len(graph) - branch.size
    differences = {
        other: rest + other.size - wanted
        for other in mate.branches
        if fits(graph, branch.anchor, mate, other.root, without=(branch.root, other.anchor))
    }
    other = _nearest(differences, rng)
    draft = Draft(graph)
    first = draft.insert(mate)
    draft.join(branch.anchor, first + other.root)
    draft.drop(branch.atoms | (_all(mate) & ~other.atoms) << first)
    return draft


def cross_middles(graph: Graph, mate: Graph, frozen: int, wanted: float, rng: np.random.Generator) -> Draft:
    """Two cuts in each: replace the link between two branches by one of the mate."""
    ends = two_branches(graph, frozen, rng)
    if ends is None:
        raise NoSiteError
    kept = ends[0].size + ends[1].size
    differences = {}
    for _ in range(_DRAWS):
        others = two_branches(mate, 0, rng)
        if others is not None and all(
            fits(graph, end.root, mate, other.anchor, without=(end.anchor, other.root))
            for end, other in zip(ends, others, strict=True)
        ):
            differences[others] = kept + len(mate) - others[0].size - others[1].size - wanted
    others = _nearest(differences, rng)
    draft = Draft(graph)
    first = draft.insert(mate)
    for end, other in zip(ends, others, strict=True):
        draft.join(end.root, first + other.anchor)
    middle = _all(graph) & ~(ends[0].atoms | ends[1].atoms)
    draft.drop(middle | (others[0].atoms | others[1].atoms) << first)
    return draft


def cross_rings(graph: Graph, mate: Graph, frozen: int, wanted: float, rng: np.random.Generator) -> Draft:
    """Two cuts of a ring in each: make one ring of parts of two, either both aromatic or neither."""
    part = ring_cut(graph, rng)
    if part is None or frozen & ~part.atoms:
        raise NoSiteError
    differences = {}
    for _ in range(_DRAWS):
        other = ring_cut(mate, rng)
        if other is None or other.aromatic != part.aromatic or part.length + other.length not in _RING_SIZES:
            continue
        if part.aromatic and part.electrons + other.electrons != _AROMATIC:
            continue
        if rng.random() < 0.5:
            other = other.turned()
        if other.orders == part.orders and all(
            fits(graph, a, mate, b) for a, b in zip(part.ends, other.ends, strict=True)
        ):
            differences[other] = part.atoms.bit_count() + other.atoms.bit_count() - wanted
    other = _nearest(differences, rng)
    draft = Draft(graph)
    first = draft.insert(mate)
    for a, b, order in zip(part.ends, other.ends, part.orders, strict=True):
        draft.join(a, first + b, order)
    draft.drop((_all(graph) & ~part.atoms) | (_all(mate) & ~other.atoms) << first)
    return draft


CROSSINGS: Mapping[Crossing, float] = MappingProxyType({cross_branches: 0.6, cross_middles: 0.2, cross_rings: 0.2})
"""The relative frequency of each kind of crossing."""

_KINDS = WeightedChoice(CROSSINGS)


class GraphCrossover(GraphProposer):
    """A piece of the parent and a piece of the mate: see `CROSSINGS`.

    The size of the child is roughly between those of the two. No new bond joins two heteroatoms.

    Source: A graph-based genetic algorithm and generative model/Monte Carlo tree search for the exploration of
    chemical space (Jensen, 2019), https://doi.org/10.1039/C8SC05372C; the cuts are others.

    Arguments and errors as of `GraphProposer`; the mate needs no core.

    >>> GraphCrossover().propose(["Clc1ccccc1"], ["CCOCC"], np.random.default_rng(0))[0].parents
    ('Clc1ccccc1', 'CCOCC')
    """

    @property
    def name(self) -> str:
        """The operator of its proposals."""
        return "graph crossover"

    def _child(self, parent: str, mate: str, rng: np.random.Generator) -> Proposal | None:
        graph, other = self._read(parent), self._read(mate)
        if graph is None or other is None:
            return None
        for _ in range(_TRIES):
            frozen = self._frozen(graph, rng)
            if frozen is None:
                return None
            wanted = len(graph) + (len(other) - len(graph)) * rng.random() + _NOISE * rng.standard_normal()
            try:
                draft = _KINDS.draw(rng)(graph, other, frozen, wanted, rng)
            except NoSiteError:
                continue
            smiles = self._accepted(draft, [graph, other])
            if smiles is not None and smiles not in (parent, mate):
                return Proposal(smiles, self.name, (parent, mate))
        return None


def _nearest(pieces: Mapping[Piece, float], rng: np.random.Generator) -> Piece:
    """A random piece; a large difference, in atoms, between the child with it and the wanted size makes it unlikely."""
    weights = {
        one: exp(-abs(difference) / _SPREAD) for one, difference in pieces.items() if abs(difference) <= _FARTHEST
    }
    reject_if(not weights)
    return WeightedChoice(weights).draw(rng)


def _all(graph: Graph) -> int:
    return (1 << len(graph)) - 1
