"""Molecules put together from pieces of two others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import exp
from types import MappingProxyType
from typing import TypeVar

import numpy as np

from molvae.optimization.proposal import Proposal
from molvae.optimization.proposals.cuts import ring_cut, two_branches
from molvae.optimization.proposals.draft import Draft
from molvae.optimization.proposals.fragments import Lottery, pick
from molvae.optimization.proposals.graph_proposer import GraphProposer
from molvae.optimization.proposals.graphs import Graph, fits

__all__ = ["CROSSINGS", "GraphCrossover"]

Piece = TypeVar("Piece")
Crossing = Callable[[Graph, Graph, int, float, np.random.Generator], Draft | None]
"""From a graph, a mate, atoms to be kept, the number of atoms wanted, and a generator, to a child."""

_TRIES = 12
_SPREAD = 2.0  # atoms: how fast a piece gets less likely by which the size of a child differs from what is wanted
_FARTHEST = 6.0  # atoms: no child differs more
_NOISE = 2.0  # atoms: standard deviation of what is wanted
_DRAWS = 8  # of pieces of the mate, where they are drawn and not listed
_RING_SIZES = range(5, 8)
_AROMATIC = 6  # pi electrons


def cross_branches(graph: Graph, mate: Graph, frozen: int, wanted: float, rng: np.random.Generator) -> Draft | None:
    """One cut in each: a branch for another one."""
    able = [branch for branch in graph.branches if not branch.atoms & frozen]
    if not able:
        return None
    branch = pick(rng, able)
    rest = len(graph) - branch.size
    differences = {
        other: rest + other.size - wanted
        for other in mate.branches
        if fits(graph, branch.anchor, mate, other.root, without=(branch.root, other.anchor))
    }
    other = _nearest(differences, rng)
    if other is None:
        return None
    draft = Draft(graph)
    first = draft.insert(mate)
    draft.join(branch.anchor, first + other.root)
    draft.drop(branch.atoms | (_all(mate) & ~other.atoms) << first)
    return draft


def cross_middles(graph: Graph, mate: Graph, frozen: int, wanted: float, rng: np.random.Generator) -> Draft | None:
    """Two cuts in each: what links two branches for another link."""
    ends = two_branches(graph, frozen, rng)
    if ends is None:
        return None
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
    if others is None:
        return None
    draft = Draft(graph)
    first = draft.insert(mate)
    for end, other in zip(ends, others, strict=True):
        draft.join(end.root, first + other.anchor)
    middle = _all(graph) & ~(ends[0].atoms | ends[1].atoms)
    draft.drop(middle | (others[0].atoms | others[1].atoms) << first)
    return draft


def cross_rings(graph: Graph, mate: Graph, frozen: int, wanted: float, rng: np.random.Generator) -> Draft | None:
    """Two bonds of a ring cut in each: one ring of parts of two, either both aromatic or neither."""
    part = ring_cut(graph, rng)
    if part is None or frozen & ~part.atoms:
        return None
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
    if other is None:
        return None
    draft = Draft(graph)
    first = draft.insert(mate)
    for a, b, order in zip(part.ends, other.ends, part.orders, strict=True):
        draft.join(a, first + b, order)
    draft.drop((_all(graph) & ~part.atoms) | (_all(mate) & ~other.atoms) << first)
    return draft


CROSSINGS: Mapping[Crossing, float] = MappingProxyType({cross_branches: 0.6, cross_middles: 0.2, cross_rings: 0.2})
"""How often each kind of crossing is tried."""

_KINDS = Lottery(CROSSINGS)


class GraphCrossover(GraphProposer):
    """A piece of the parent and a piece of the mate: see `CROSSINGS`.

    The child's size is about one between those of the two. No bonds come to be between heteroatoms that neither has.

    Proposing: A graph-based genetic algorithm and generative model/Monte Carlo tree search for the exploration of
    chemical space (Jensen, 2019), https://doi.org/10.1039/C8SC05372C; the cuts are others.

    Args, raises: as of `GraphProposer`; of the mate no core is asked.

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
            draft = _KINDS.draw(rng)(graph, other, frozen, wanted, rng)
            smiles = None if draft is None else self._accepted(draft, [graph, other])
            if smiles is not None and smiles not in (parent, mate):
                return Proposal(smiles, self.name, (parent, mate))
        return None


def _nearest(pieces: Mapping[Piece, float], rng: np.random.Generator) -> Piece | None:
    """A piece, by how many atoms the child with it differs from what is wanted; None where all differ too much."""
    weights = {
        one: exp(-abs(difference) / _SPREAD) for one, difference in pieces.items() if abs(difference) <= _FARTHEST
    }
    return Lottery(weights).draw(rng) if weights else None


def _all(graph: Graph) -> int:
    return (1 << len(graph)) - 1
