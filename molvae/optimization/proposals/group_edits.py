"""Edits of whole groups: removed, replaced, moved, exchanged. What an edit is: see `atom_edits`."""

from __future__ import annotations

import numpy as np

from molvae.optimization.proposals.atom_edits import attach_group
from molvae.optimization.proposals.draft import Draft
from molvae.optimization.proposals.fragments import pick
from molvae.optimization.proposals.graphs import Branch, Graph, fits

__all__ = ["delete_branch", "move_branch", "replace_branch", "reverse_link", "swap_branches"]

_FARTHEST = 4  # bonds that a group moves


def delete_branch(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """A hydrogen for a group of at most half of the atoms."""
    able = _loose(graph, frozen)
    if not able:
        return None
    draft = Draft(graph)
    draft.drop(pick(rng, able).atoms)
    return draft


def replace_branch(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """Another group for one of at most half of the atoms."""
    able = _loose(graph, frozen)
    if not able:
        return None
    branch = pick(rng, able)
    draft = Draft(graph)
    if not attach_group(draft, graph, branch.anchor, rng, without=branch.root):
        return None
    draft.drop(branch.atoms)
    return draft


def move_branch(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """A group at another atom, at most four bonds away."""
    able = _loose(graph, frozen)
    if not able:
        return None
    branch = pick(rng, able)
    places = [
        path[-1]
        for path in graph.paths(branch.anchor, _FARTHEST)
        if graph.hydrogens[path[-1]] and not (graph.locked | branch.atoms) >> path[-1] & 1
        if fits(graph, path[-1], graph, branch.root, without=(-1, branch.anchor))
    ]
    if not places:
        return None
    draft = Draft(graph)
    draft.cut(branch.anchor, branch.root)
    draft.join(pick(rng, places), branch.root)
    return draft


def swap_branches(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """Two groups, each at the place of the other."""
    able = _loose(graph, frozen)
    if not able:
        return None
    one = pick(rng, able)
    others = [other for other in able if _may_swap(graph, one, other)]
    if not others:
        return None
    other = pick(rng, others)
    draft = Draft(graph)
    for branch in (one, other):
        draft.cut(branch.anchor, branch.root)
    draft.join(one.anchor, other.root)
    draft.join(other.anchor, one.root)
    return draft


def _may_swap(graph: Graph, one: Branch, other: Branch) -> bool:
    if one.atoms & other.atoms or one.anchor == other.anchor:
        return False
    if (one.atoms >> other.anchor | other.atoms >> one.anchor) & 1:
        return False
    return all(
        fits(graph, old.anchor, graph, new.root, without=(old.root, new.anchor))
        for new, old in ((one, other), (other, one))
    )


def reverse_link(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """Two neighbours in a chain or a saturated ring change places: an amide is turned round, an ether moves on."""
    able = [
        (a, b)
        for a, b in graph.pairs
        if graph.bonds[a][b] == 1 and not (graph.aromatic | graph.locked | frozen) & (1 << a | 1 << b)
        if graph.elements[a] != graph.elements[b] or len(graph.bonds[a]) != len(graph.bonds[b])
    ]
    if not able:
        return None
    a, b = pick(rng, able)
    before = [other for other, order in graph.bonds[a].items() if order == 1 and other != b]
    after = [other for other, order in graph.bonds[b].items() if order == 1 and other != a]
    if not before or not after:
        return None
    first, last = pick(rng, before), pick(rng, after)
    if first == last or b in graph.bonds[first] or a in graph.bonds[last]:
        return None
    if not fits(graph, first, graph, b, without=(a, last)) or not fits(graph, last, graph, a, without=(b, first)):
        return None
    draft = Draft(graph)
    draft.cut(first, a)
    draft.cut(b, last)
    draft.join(first, b)
    draft.join(a, last)
    return draft


def _loose(graph: Graph, frozen: int) -> list[Branch]:
    """Branches of at most half of the atoms, without atoms that are to be left alone."""
    return [branch for branch in graph.branches if 2 * branch.size <= len(graph) and not branch.atoms & frozen]
