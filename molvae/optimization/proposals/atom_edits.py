"""Edits of single atoms and bonds.

An edit takes a graph, atoms that are to be left alone (bits), and a generator; it gives a draft, or None where it found
no place. What it does at a place is sensible more often than not; `flaws` has the last word.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from molvae.optimization.proposals.draft import Draft
from molvae.optimization.proposals.fragments import ELEMENTS, LINKERS, SUBSTITUENTS, Lottery, fragment, pick
from molvae.optimization.proposals.graphs import Graph, fits

__all__ = [
    "Edit",
    "append_atom",
    "append_group",
    "attach_group",
    "change_bond",
    "delete_atom",
    "insert_linker",
    "neutralize",
    "replace_atom",
    "swap_carbonyl_sulfonyl",
]

Edit = Callable[[Graph, int, np.random.Generator], Draft | None]

_VALENCES = {6: 4, 7: 3, 8: 2, 9: 1, 16: 2, 17: 1, 35: 1, 53: 1}
_DOUBLY_BOUND = Lottery({8: 0.85, 6: 0.15})
_ANY = Lottery(ELEMENTS)
_DOUBLE = 0.12  # of the atoms that are appended
_LARGEST_RING = 6  # that an atom is put into


def append_atom(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """A new atom for a hydrogen, or for two."""
    if not graph.places:
        return None
    atom = pick(rng, graph.places)
    saturated = not graph.aromatic >> atom & 1 and max(graph.bonds[atom].values(), default=1) == 1
    if saturated and graph.elements[atom] == 6 and graph.hydrogens[atom] == 2 and rng.random() < _DOUBLE:
        element, order = _DOUBLY_BOUND.draw(rng), 2
    else:
        element, order = _ANY.draw(rng) if graph.takes_polar(atom) else 6, 1
    draft = Draft(graph)
    draft.join(atom, draft.add(element), order)
    return draft


def append_group(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """A group for a hydrogen."""
    if not graph.places:
        return None
    draft = Draft(graph)
    return draft if attach_group(draft, graph, pick(rng, graph.places), rng) else None


def attach_group(draft: Draft, graph: Graph, atom: int, rng: np.random.Generator, *, without: int = -1) -> bool:
    """Bind one of `SUBSTITUENTS` to an atom, if it fits there.

    Args:
        draft: of `graph`, the same atoms in the same order.
        graph, atom: where.
        rng: of the choice.
        without: a neighbour that will be gone.
    """
    group = fragment(SUBSTITUENTS.draw(rng))
    fit = fits(graph, atom, group, 0, without=(without, -1))
    if fit:
        draft.join(atom, draft.insert(group))
    return fit


def delete_atom(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """An atom at an end, or one in a chain or saturated ring, whose neighbours are joined."""
    able = [
        atom
        for atom, others in enumerate(graph.bonds)
        if len(others) == 1 or (len(others) == 2 and not graph.aromatic >> atom & 1)
        if not (graph.locked | frozen) >> atom & 1
    ]
    if not able:
        return None
    atom = pick(rng, able)
    draft = Draft(graph)
    if len(graph.bonds[atom]) == 2:
        a, b = graph.bonds[atom]
        if b not in graph.bonds[a]:
            if not fits(graph, a, graph, b, without=(atom, atom)):
                return None
            draft.join(a, b)
    draft.drop(1 << atom)
    return draft


def insert_linker(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """An atom or a small linker into a single bond; a ring that is not aromatic grows by an atom."""
    able = [
        (a, b)
        for a, b in graph.pairs
        if graph.bonds[a][b] == 1
        and not (frozen >> a & frozen >> b & 1)
        and not (graph.charges[a] and graph.charges[b])
        if (a, b) not in graph.cyclic or not (graph.aromatic >> a & graph.aromatic >> b & 1)
    ]
    if not able:
        return None
    a, b = pick(rng, able)
    if rng.random() < 0.5:
        a, b = b, a
    smiles, last = LINKERS.draw(rng)
    linker = fragment(smiles)
    if (a, b) in graph.cyclic and (len(linker) > 1 or smallest_ring(graph, a, b) > _LARGEST_RING):
        return None
    if not fits(graph, a, linker, 0, without=(b, -1)) or not fits(graph, b, linker, last, without=(a, -1)):
        return None
    draft = Draft(graph)
    draft.cut(a, b)
    first = draft.insert(linker)
    draft.join(a, first)
    draft.join(b, first + last)
    return draft


def smallest_ring(graph: Graph, a: int, b: int) -> int:
    """The size of the smallest ring that two atoms are in."""
    return min(len(ring) for ring in graph.rings if a in ring and b in ring)


def replace_atom(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """Another element for an atom that is not aromatic."""
    able = [
        atom
        for atom, element in enumerate(graph.elements)
        if not (graph.aromatic | graph.locked | frozen) >> atom & 1
        if element in _VALENCES and graph.order(atom) <= _VALENCES[element]
    ]
    if not able:
        return None
    atom = pick(rng, able)
    weights = {element: weight for element, weight in ELEMENTS.items() if _may_become(graph, atom, element)}
    if not weights:
        return None
    draft = Draft(graph)
    draft.become(atom, Lottery(weights).draw(rng))
    return draft


def _may_become(graph: Graph, atom: int, element: int) -> bool:
    if element == graph.elements[atom] or graph.order(atom) > _VALENCES[element]:
        return False
    return element == 6 or all(graph.takes_polar(other, atom) for other in graph.bonds[atom])


def change_bond(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """One more or one less for the order of a bond of carbon to C, N or O that is not aromatic."""
    able = []
    for a, b in graph.pairs:
        elements = graph.elements[a], graph.elements[b]
        if (graph.aromatic | graph.locked | frozen) & (1 << a | 1 << b):
            continue
        if 6 in elements and {*elements} <= {6, 7, 8}:
            order = graph.bonds[a][b]
            if order > 1:
                able.append((a, b, order - 1))
            if _may_rise(graph, a, b):
                able.append((a, b, order + 1))
    if not able:
        return None
    draft = Draft(graph)
    draft.set_order(*pick(rng, able))
    return draft


def _may_rise(graph: Graph, a: int, b: int) -> bool:
    """Whether both atoms have a hydrogen to spare and no other multiple bond; in rings no bond becomes triple."""
    order = graph.bonds[a][b]
    if not graph.hydrogens[a] or not graph.hydrogens[b] or order > (1 if (a, b) in graph.cyclic else 2):
        return False
    return all(graph.order(atom) - len(graph.bonds[atom]) == order - 1 for atom in (a, b))


def swap_carbonyl_sulfonyl(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """C=O for SO2, or the other way round."""
    able = []
    for atom, others in enumerate(graph.bonds):
        oxo = [
            other
            for other, order in others.items()
            if order == 2 and graph.elements[other] == 8 and not (graph.locked | frozen) >> other & 1
        ]
        if (graph.aromatic | graph.locked | frozen) >> atom & 1 or graph.order(atom) - 2 * len(oxo) != 2:
            continue
        if (graph.elements[atom], len(oxo)) in ((6, 1), (16, 2)):
            able.append((atom, oxo))
    if not able:
        return None
    atom, oxo = pick(rng, able)
    draft = Draft(graph)
    if graph.elements[atom] == 6:
        draft.become(atom, 16)
        draft.join(atom, draft.add(8), 2)
    else:
        draft.become(atom, 6)
        draft.drop(1 << oxo[0])
    return draft


def neutralize(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """A hydrogen taken from a cation, or given to an anion, that has no counterpart beside it."""
    able = [
        atom
        for atom, charge in enumerate(graph.charges)
        if (charge == -1 or (charge == 1 and graph.hydrogens[atom])) and not frozen >> atom & 1
        if not any(graph.charges[other] for other in graph.bonds[atom])
    ]
    if not able:
        return None
    draft = Draft(graph)
    draft.discharge(pick(rng, able))
    return draft
