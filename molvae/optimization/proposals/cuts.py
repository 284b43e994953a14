"""Where molecules are taken apart to be put together with pieces of others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from molvae.optimization.proposals.fragments import pick
from molvae.optimization.proposals.graphs import Branch, Graph

__all__ = ["RingCut", "ring_cut", "two_branches"]

_RINGS = range(4, 9)  # sizes of rings that are cut
_DRAWS = 6


class RingCut(NamedTuple):
    """A part of a molecule that two bonds of one ring held to the rest."""

    atoms: int
    """the part, as bits"""
    ends: tuple[int, int]
    """the atoms that the bonds were at, perhaps the same"""
    orders: tuple[int, int]
    """of these bonds"""
    length: int
    """how many atoms of the ring are in the part"""
    electrons: int
    """pi electrons that they give to the ring, if it was aromatic; else 0"""
    aromatic: bool
    """whether the ring was"""

    def turned(self) -> RingCut:
        """The same with the two bonds in the other order."""
        return self._replace(ends=self.ends[::-1], orders=self.orders[::-1])


def ring_cut(graph: Graph, rng: np.random.Generator) -> RingCut | None:
    """A part at random; None where some draws come to nothing."""
    rings = [ring for ring in graph.rings if len(ring) in _RINGS]
    for _ in range(_DRAWS if rings else 0):
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
    # The rest of the ring is out of reach, so that what is reached from this part of it is all of the part.
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
    """What an aromatic atom gives: 1 by a double bond in a ring, 0 by one that leads out, 2 without any."""
    doubly = [other for other, order in graph.bonds[atom].items() if order == 2]
    return int((atom, doubly[0]) in graph.cyclic) if doubly else 2


def two_branches(graph: Graph, frozen: int, rng: np.random.Generator) -> tuple[Branch, Branch] | None:
    """Two ends of a molecule with something between them that may go; None where some draws come to nothing."""
    if len(graph.branches) < 4:
        return None
    for _ in range(_DRAWS):
        one, other = pick(rng, graph.branches), pick(rng, graph.branches)
        ends = one.atoms | other.atoms
        if not (one.atoms & other.atoms or one.size + other.size >= len(graph) or frozen & ~ends):
            return one, other
    return None
