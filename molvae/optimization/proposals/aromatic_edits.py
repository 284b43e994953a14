"""Edits of aromatic rings after which double bonds and hydrogens are placed anew.

What an edit is: see `atom_edits`. Where bonds alternate, an atom cannot take another one's place unless the bonds
follow, and the hydrogen of an azole may have to go to another nitrogen. So these edits leave the bonds aromatic, and an
arrangement is looked for at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from molvae.optimization.proposals.draft import Draft
from molvae.optimization.proposals.fragments import Lottery, pick
from molvae.optimization.proposals.graphs import Graph, atoms_of, fits

__all__ = ["rearrange_aromatic", "swap_aromatic"]

_EXCHANGED = Lottery({(True, True): 0.4, (False, True): 0.4, (True, False): 0.2})  # elements, and what hangs at them
_MOST_NITROGENS = {5: 3, 6: 2}  # of an aromatic ring that gets another one
_TRIES = 8  # arrangements of hydrogens


def swap_aromatic(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """Another element for an aromatic atom: N for C, C for N; NH, O and S for each other."""
    able = [atom for atom in atoms_of(graph.aromatic & ~(graph.locked | frozen)) if _others(graph, atom)]
    if not able:
        return None
    atom = pick(rng, able)
    draft = Draft(graph, aromatic=True)
    draft.become(atom, pick(rng, _others(graph, atom)))
    return draft if _arranged(draft, graph, graph.ring_of(atom), rng) else None


def _others(graph: Graph, atom: int) -> list[int]:
    """Elements that an aromatic atom may be replaced by."""
    element, ring = graph.elements[atom], graph.ring_of(atom)
    bare = len(graph.bonds[atom]) == 2
    if element == 6:
        others = sum(graph.elements[other] != 6 for other in ring)
        takes = bare or (len(ring) == 5 and not _has_double_outside(graph, atom))
        return [7] if takes and others <= _MOST_NITROGENS.get(len(ring), 0) else []
    if element == 7:
        return [6, 8, 16] if bare and graph.order(atom) == 2 else [6]
    return [other for other in (7, 8, 16) if other != element] if element in (8, 16) else []


def rearrange_aromatic(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """Two atoms of an aromatic ring exchange elements, what hangs at them, or both."""
    rings = [ring for ring in graph.rings if all(graph.aromatic >> atom & 1 for atom in ring)]
    if not rings:
        return None
    ring = pick(rng, rings)
    able = [atom for atom in ring if not (graph.locked | frozen) >> atom & 1]
    if len(able) < 2:
        return None
    first, second = (able[place] for place in rng.permutation(len(able))[:2])
    elements, branches = _EXCHANGED.draw(rng)
    if not branches and graph.elements[first] == graph.elements[second]:
        return None
    draft = Draft(graph, aromatic=True)
    if elements:
        draft.become(first, graph.elements[second])
        draft.become(second, graph.elements[first])
    if branches and not _exchange_branches(draft, graph, ring, (first, second), fitting=not elements):
        return None
    return draft if _arranged(draft, graph, ring, rng) else None


def _exchange_branches(
    draft: Draft, graph: Graph, ring: tuple[int, ...], pair: tuple[int, int], *, fitting: bool
) -> bool:
    """Exchange what hangs at two atoms of a ring; False where that cannot be, or nothing hangs there."""
    hanging = [[(a, order) for a, order in graph.bonds[atom].items() if a not in ring] for atom in pair]
    if not any(hanging) or any(graph.is_fused(atom) for atom in pair):
        return False
    moves = [(old, new, *one) for old, new, ones in zip(pair, reversed(pair), hanging, strict=True) for one in ones]
    if fitting and not all(fits(graph, new, graph, root, without=(-1, old)) for old, new, root, _ in moves):
        return False
    for old, _, root, _ in moves:
        draft.cut(old, root)
    for _, new, root, order in moves:
        draft.join(new, root, order)
    return True


def _has_double_outside(graph: Graph, atom: int) -> bool:
    """Whether a double bond leads out of the rings, as to the O of a pyridone."""
    return any(order == 2 and (atom, other) not in graph.cyclic for other, order in graph.bonds[atom].items())


def _arranged(draft: Draft, graph: Graph, ring: tuple[int, ...], rng: np.random.Generator) -> bool:
    """Place the double bonds of the rings that a ring is fused to, and their hydrogens; False where there is no way."""
    system = graph.aromatic_system(ring)
    nitrogens = draft.nitrogens(system)
    bare = [atom for atom, degree in nitrogens.items() if degree == 2]
    before = sum(graph.hydrogens[atom] for atom in system if graph.elements[atom] == 7)
    tries = 0
    for count in (before, before - 1, before + 1):
        for bearing in _subsets(bare, count, rng):
            if draft.arrange([*nitrogens], bearing):
                return True
            tries += 1
            if tries == _TRIES:
                return False
    return False


def _subsets(places: list[int], count: int, rng: np.random.Generator) -> Iterator[tuple[int, ...]]:
    """So many of some places, in random order."""
    if count >= 0:
        yield from combinations([places[place] for place in rng.permutation(len(places))], count)
