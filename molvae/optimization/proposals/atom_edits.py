"""Edits of atoms, bonds and groups.

An edit takes a graph, atoms that it must not change (as bits), and a random generator, and returns a draft. It raises
`NoSiteError` if it finds no place in the graph. Most of its results make sense, and `flaws` decides in the end.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from molvae.optimization.proposals.fragments import (
    ELEMENTS,
    LINKERS,
    SUBSTITUENTS,
    WeightedChoice,
    fragment,
    pick,
    reject_if,
)
from molvae.optimization.proposals.graphs import Branch, Draft, Graph, fits

__all__ = [
    "Edit",
    "append_atom",
    "append_group",
    "change_bond",
    "delete_atom",
    "delete_branch",
    "insert_linker",
    "move_branch",
    "neutralize",
    "replace_atom",
    "replace_branch",
    "reverse_link",
    "swap_branches",
    "swap_carbonyl_sulfonyl",
]

Edit = Callable[[Graph, int, np.random.Generator], Draft]

_VALENCES = {6: 4, 7: 3, 8: 2, 9: 1, 16: 2, 17: 1, 35: 1, 53: 1}
_DOUBLY_BOUND = WeightedChoice({8: 0.85, 6: 0.15})
_ANY = WeightedChoice(ELEMENTS)
_DOUBLE = 0.12  # of the atoms that are appended
_LARGEST_RING = 6  # that an atom is put into
_FARTHEST = 4  # bonds that a group moves


def append_atom(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Replace a hydrogen, or two, by an atom."""
    atom = pick(rng, graph.places)
    saturated = not graph.aromatic >> atom & 1 and max(graph.bonds[atom].values(), default=1) == 1
    if saturated and graph.elements[atom] == 6 and graph.hydrogens[atom] == 2 and rng.random() < _DOUBLE:
        element, order = _DOUBLY_BOUND.draw(rng), 2
    else:
        element, order = _ANY.draw(rng) if graph.takes_polar(atom) else 6, 1
    draft = Draft(graph)
    draft.join(atom, draft.add(element), order)
    return draft


def append_group(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Replace a hydrogen by a group."""
    draft = Draft(graph)
    reject_if(not attach_group(draft, graph, pick(rng, graph.places), rng))
    return draft


def attach_group(draft: Draft, graph: Graph, atom: int, rng: np.random.Generator, *, without: int = -1) -> bool:
    """Bind one of `SUBSTITUENTS` to an atom, if it fits there; whether it does.

    Args:
        draft: of `graph`, the same atoms in the same order.
        graph, atom: the place.
        rng: of the choice.
        without: a neighbour that will be removed.
    """
    group = fragment(SUBSTITUENTS.draw(rng))
    fit = fits(graph, atom, group, 0, without=(without, -1))
    if fit:
        draft.join(atom, draft.insert(group))
    return fit


def delete_atom(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Delete an atom at an end, or one in a chain or saturated ring, whose neighbours are joined."""
    sites = [
        atom
        for atom, others in enumerate(graph.bonds)
        if len(others) == 1 or (len(others) == 2 and not graph.aromatic >> atom & 1)
        if not (graph.locked | frozen) >> atom & 1
    ]
    atom = pick(rng, sites)
    draft = Draft(graph)
    if len(graph.bonds[atom]) == 2:
        a, b = graph.bonds[atom]
        if b not in graph.bonds[a]:
            reject_if(not fits(graph, a, graph, b, without=(atom, atom)))
            draft.join(a, b)
    draft.drop(1 << atom)
    return draft


def insert_linker(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Insert an atom or a small linker into a single bond; a ring that is not aromatic grows by an atom."""
    sites = [
        (a, b)
        for a, b in graph.pairs
        if graph.bonds[a][b] == 1
        and not (frozen >> a & frozen >> b & 1)
        and not (graph.charges[a] and graph.charges[b])
        if (a, b) not in graph.cyclic or not (graph.aromatic >> a & graph.aromatic >> b & 1)
    ]
    a, b = pick(rng, sites)
    if rng.random() < 0.5:
        a, b = b, a
    smiles, last = LINKERS.draw(rng)
    linker = fragment(smiles)
    reject_if((a, b) in graph.cyclic and (len(linker) > 1 or smallest_ring(graph, a, b) > _LARGEST_RING))
    reject_if(not fits(graph, a, linker, 0, without=(b, -1)) or not fits(graph, b, linker, last, without=(a, -1)))
    draft = Draft(graph)
    draft.cut(a, b)
    first = draft.insert(linker)
    draft.join(a, first)
    draft.join(b, first + last)
    return draft


def smallest_ring(graph: Graph, a: int, b: int) -> int:
    """The size of the smallest ring that two atoms are in."""
    return min(len(ring) for ring in graph.rings if a in ring and b in ring)


def replace_atom(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Change the element of an atom that is not aromatic."""
    sites = [
        atom
        for atom, element in enumerate(graph.elements)
        if not (graph.aromatic | graph.locked | frozen) >> atom & 1
        if element in _VALENCES and graph.order(atom) <= _VALENCES[element]
    ]
    atom = pick(rng, sites)
    weights = {element: weight for element, weight in ELEMENTS.items() if _may_become(graph, atom, element)}
    reject_if(not weights)
    draft = Draft(graph)
    draft.become(atom, WeightedChoice(weights).draw(rng))
    return draft


def _may_become(graph: Graph, atom: int, element: int) -> bool:
    if element == graph.elements[atom] or graph.order(atom) > _VALENCES[element]:
        return False
    return element == 6 or all(graph.takes_polar(other, atom) for other in graph.bonds[atom])


def change_bond(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Raise or lower by one the order of a bond of carbon to C, N or O that is not aromatic."""
    sites = []
    for a, b in graph.pairs:
        elements = graph.elements[a], graph.elements[b]
        if (graph.aromatic | graph.locked | frozen) & (1 << a | 1 << b):
            continue
        if 6 in elements and {*elements} <= {6, 7, 8}:
            order = graph.bonds[a][b]
            if order > 1:
                sites.append((a, b, order - 1))
            if _may_rise(graph, a, b):
                sites.append((a, b, order + 1))
    draft = Draft(graph)
    draft.set_order(*pick(rng, sites))
    return draft


def _may_rise(graph: Graph, a: int, b: int) -> bool:
    """Whether both atoms have a hydrogen and no other multiple bond; in rings no bond becomes triple."""
    order = graph.bonds[a][b]
    if not graph.hydrogens[a] or not graph.hydrogens[b] or order > (1 if (a, b) in graph.cyclic else 2):
        return False
    return all(graph.order(atom) - len(graph.bonds[atom]) == order - 1 for atom in (a, b))


def swap_carbonyl_sulfonyl(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Replace SO2 by C=O, or C=O by SO2."""
    sites = []
    for atom, others in enumerate(graph.bonds):
        oxo = [
            other
            for other, order in others.items()
            if order == 2 and graph.elements[other] == 8 and not (graph.locked | frozen) >> other & 1
        ]
        if (graph.aromatic | graph.locked | frozen) >> atom & 1 or graph.order(atom) - 2 * len(oxo) != 2:
            continue
        if (graph.elements[atom], len(oxo)) in ((6, 1), (16, 2)):
            sites.append((atom, oxo))
    atom, oxo = pick(rng, sites)
    draft = Draft(graph)
    if graph.elements[atom] == 6:
        draft.become(atom, 16)
        draft.join(atom, draft.add(8), 2)
    else:
        draft.become(atom, 6)
        draft.drop(1 << oxo[0])
    return draft


def neutralize(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Take a hydrogen from a cation, or give one to an anion, that has no opposite charge beside it."""
    sites = [
        atom
        for atom, charge in enumerate(graph.charges)
        if (charge == -1 or (charge == 1 and graph.hydrogens[atom])) and not frozen >> atom & 1
        if not any(graph.charges[other] for other in graph.bonds[atom])
    ]
    draft = Draft(graph)
    draft.discharge(pick(rng, sites))
    return draft


def delete_branch(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Replace a group of at most half of the atoms by a hydrogen."""
    sites = _loose(graph, frozen)
    draft = Draft(graph)
    draft.drop(pick(rng, sites).atoms)
    return draft


def replace_branch(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Replace a group of at most half of the atoms by another."""
    sites = _loose(graph, frozen)
    branch = pick(rng, sites)
    draft = Draft(graph)
    reject_if(not attach_group(draft, graph, branch.anchor, rng, without=branch.root))
    draft.drop(branch.atoms)
    return draft


def move_branch(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Move a group to another atom, at most four bonds away."""
    sites = _loose(graph, frozen)
    branch = pick(rng, sites)
    places = [
        path[-1]
        for path in graph.paths(branch.anchor, _FARTHEST)
        if graph.hydrogens[path[-1]] and not (graph.locked | branch.atoms) >> path[-1] & 1
        if fits(graph, path[-1], graph, branch.root, without=(-1, branch.anchor))
    ]
    reject_if(not places)
    draft = Draft(graph)
    draft.cut(branch.anchor, branch.root)
    draft.join(pick(rng, places), branch.root)
    return draft


def swap_branches(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Exchange two groups."""
    sites = _loose(graph, frozen)
    one = pick(rng, sites)
    others = [other for other in sites if _may_swap(graph, one, other)]
    reject_if(not others)
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


def reverse_link(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Exchange two neighbours in a chain or a saturated ring: an amide is reversed, an ether moves by one atom."""
    sites = [
        (a, b)
        for a, b in graph.pairs
        if graph.bonds[a][b] == 1 and not (graph.aromatic | graph.locked | frozen) & (1 << a | 1 << b)
        if graph.elements[a] != graph.elements[b] or len(graph.bonds[a]) != len(graph.bonds[b])
    ]
    a, b = pick(rng, sites)
    before = [other for other, order in graph.bonds[a].items() if order == 1 and other != b]
    after = [other for other, order in graph.bonds[b].items() if order == 1 and other != a]
    reject_if(not before or not after)
    first, last = pick(rng, before), pick(rng, after)
    reject_if(first == last or b in graph.bonds[first] or a in graph.bonds[last])
    reject_if(
        not fits(graph, first, graph, b, without=(a, last)) or not fits(graph, last, graph, a, without=(b, first))
    )
    draft = Draft(graph)
    draft.cut(first, a)
    draft.cut(b, last)
    draft.join(first, b)
    draft.join(a, last)
    return draft


def _loose(graph: Graph, frozen: int) -> list[Branch]:
    """Branches of at most half of the atoms, without frozen ones."""
    return [branch for branch in graph.branches if 2 * branch.size <= len(graph) and not branch.atoms & frozen]
