"""Edits of rings: closed, opened, fused, removed, made larger or smaller, aromatic or not, and of other elements.

`atom_edits` explains what an edit is. Aromatic rings are alternating single and double bonds here, and stay aromatic if
they still alternate. `swap_aromatic` and `rearrange_aromatic` leave the bonds aromatic at first: when an atom changes,
its bonds may have to follow, and the hydrogen of an azole may have to move to another nitrogen. So they place double
bonds and these hydrogens at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from molvae.optimization.proposals.fragments import (
    FUSED_AROMATIC,
    FUSED_SATURATED,
    WeightedChoice,
    fragment,
    pick,
    reject_if,
)
from molvae.optimization.proposals.graphs import Draft, Graph, atoms_of, fits

__all__ = [
    "aromatize_ring",
    "close_ring",
    "fuse_ring",
    "open_ring",
    "rearrange_aromatic",
    "remove_ring",
    "resize_aromatic",
    "saturate_ring",
    "swap_aromatic",
]

_RING_SIZES = {3: 0.5, 4: 0.3, 5: 4.0, 6: 4.0, 7: 0.7}
_BRIDGED = 0.1  # share of closed rings that may go through another ring
_FIVE_RING = WeightedChoice({7: 0.45, 8: 0.2, 16: 0.35})
_SIX_RING = WeightedChoice({6: 0.75, 7: 0.25})
_MOST_REMOVED = 10
_EXCHANGED = WeightedChoice({(True, True): 0.4, (False, True): 0.4, (True, False): 0.2})  # elements, branches
_MOST_NITROGENS = {5: 3, 6: 2}  # of an aromatic ring that gets another one
_TRIES = 8  # arrangements of hydrogens


def close_ring(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Join atoms that are two to six bonds apart."""
    start = pick(rng, graph.places)
    bridged = rng.random() < _BRIDGED
    ends = {
        path[-1]: _RING_SIZES[len(path)]
        for path in graph.paths(start, max(_RING_SIZES) - 1)
        if len(path) > 2 and graph.hydrogens[path[-1]] and not graph.locked >> path[-1] & 1
        if bridged or _is_open(graph, path)
        if fits(graph, start, graph, path[-1])
    }
    reject_if(not ends)
    draft = Draft(graph)
    draft.join(start, WeightedChoice(ends).draw(rng))
    return draft


def _is_open(graph: Graph, path: tuple[int, ...]) -> bool:
    """Whether a path shares no more than one bond with each ring."""
    return all(len({*ring}.intersection(path)) <= 2 for ring in graph.rings)


def open_ring(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Remove a single bond of a ring that is not aromatic."""
    sites = [
        (a, b)
        for a, b in graph.pairs
        if (a, b) in graph.cyclic and graph.bonds[a][b] == 1
        if not graph.aromatic >> a & graph.aromatic >> b & 1 and not frozen >> a & frozen >> b & 1
        if not (graph.charges[a] or graph.charges[b])
    ]
    draft = Draft(graph)
    draft.cut(*pick(rng, sites))
    return draft


def fuse_ring(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Fuse another ring to a bond of a ring."""
    places = {*graph.places}
    sites = [(a, b) for a, b in graph.pairs if (a, b) in graph.cyclic and a in places and b in places]
    a, b = pick(rng, sites)
    if rng.random() < 0.5:
        a, b = b, a
    draft = Draft(graph)
    aromatic = bool(graph.aromatic >> a & graph.aromatic >> b & 1) and _make_double(draft, graph, a, b)
    chain = fragment((FUSED_AROMATIC if aromatic and rng.random() < 0.6 else FUSED_SATURATED).draw(rng))
    reject_if(not fits(graph, a, chain, 0) or not fits(graph, b, chain, len(chain) - 1))
    first = draft.insert(chain)
    draft.join(a, first)
    draft.join(b, first + len(chain) - 1)
    return draft


def remove_ring(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Remove a ring that is fused at one bond, with its branches."""
    sites = []
    for ring in graph.rings:
        kept = [atom for atom in ring if any(atom in other for other in graph.rings if other is not ring)]
        if len(kept) == 2 and kept[1] in graph.bonds[kept[0]]:
            sites.append((ring, kept))
    ring, kept = pick(rng, sites)
    gone = graph.side(next(atom for atom in ring if atom not in kept), 1 << kept[0] | 1 << kept[1])
    reject_if(gone & frozen or gone.bit_count() > _MOST_REMOVED)
    draft = Draft(graph)
    reject_if(not _mend(draft, graph, kept, gone))
    draft.drop(gone)
    return draft


def _mend(draft: Draft, graph: Graph, kept: list[int], gone: int) -> bool:
    """Make the bond between two atoms double if both lose a double bond; False if only one does."""
    lost = [any(order == 2 and gone >> other & 1 for other, order in graph.bonds[atom].items()) for atom in kept]
    if all(lost):
        draft.set_order(kept[0], kept[1], 2)
    return lost[0] == lost[1]


def resize_aromatic(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Shrink an aromatic ring from six to five atoms, or enlarge it from five to six."""
    sites = [ring for ring in graph.rings if len(ring) in (5, 6) and all(graph.aromatic >> atom & 1 for atom in ring)]
    ring = pick(rng, sites)
    turn = int(rng.random() * len(ring))
    ring = ring[turn:] + ring[:turn]
    if rng.random() < 0.5:
        ring = ring[::-1]
    return (_contracted if len(ring) == 6 else _expanded)(graph, ring, frozen, rng)


def _contracted(graph: Graph, ring: tuple[int, ...], frozen: int, rng: np.random.Generator) -> Draft:
    """The first two atoms of a ring become one: N, O or S."""
    stays, goes, after = ring[0], ring[1], ring[2]
    reject_if((graph.locked | frozen) & (1 << stays | 1 << goes) or len(graph.bonds[goes]) > 2)
    bare = len(graph.bonds[stays]) == 2
    reject_if(not bare and (graph.is_fused(stays) or 2 in _outside(graph, ring, stays)))
    draft = Draft(graph)
    reject_if(not _make_double(draft, graph, stays, goes))
    draft.become(stays, _FIVE_RING.draw(rng) if bare else 7)
    draft.join(stays, after)
    draft.drop(1 << goes)
    return draft


def _expanded(graph: Graph, ring: tuple[int, ...], frozen: int, rng: np.random.Generator) -> Draft:
    """The atom of a ring that has no double bond there, N, O or S, becomes two that have one."""
    single = [atom for atom in ring if all(graph.bonds[atom][other] == 1 for other in _beside(ring, atom))]
    reject_if(not single)
    atom = single[0]
    reject_if((graph.locked | frozen) >> atom & 1 or graph.is_fused(atom))
    draft = Draft(graph)
    after = _beside(ring, atom)[1]
    new = draft.add(_SIX_RING.draw(rng))
    draft.become(atom, 6)
    draft.cut(atom, after)
    draft.join(atom, new, 2)
    draft.join(new, after)
    return draft


def saturate_ring(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Remove the double bonds of an aromatic ring; a ring that is fused to it stays aromatic."""
    sites = [ring for ring in graph.rings if all(graph.aromatic >> atom & 1 for atom in ring)]
    ring = pick(rng, sites)
    fused = [atom for atom in ring if graph.is_fused(atom)]
    own = sum(1 << atom for atom in ring if atom not in fused)
    reject_if(own & (frozen | graph.locked) or len(fused) not in (0, 2))
    draft = Draft(graph)
    reject_if(fused and (fused[1] not in graph.bonds[fused[0]] or not _mend(draft, graph, fused, own)))
    for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
        if own & (1 << a | 1 << b) and graph.bonds[a][b] == 2:
            draft.set_order(a, b, 1)
    return draft


def aromatize_ring(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Give alternating double bonds to a ring of five or six atoms that can have them."""
    sites = []
    for ring in graph.rings:
        if (
            any((graph.locked | frozen) >> atom & 1 for atom in ring)
            or sum(graph.aromatic >> atom & 1 for atom in ring) > 2
        ):
            continue
        for turn in range(len(ring)) if len(ring) == 5 else range(2) if len(ring) == 6 else ():
            turned = ring[turn:] + ring[:turn]
            if _has_room(graph, turned):
                sites.append(turned)
    ring = pick(rng, sites)
    draft = Draft(graph)
    for place, (a, b) in enumerate(zip(ring, ring[1:] + ring[:1], strict=True)):
        draft.set_order(a, b, 1 + place % 2)
    return draft


def _has_room(graph: Graph, ring: tuple[int, ...]) -> bool:
    """Whether every other bond, from the second on, can be double; the first atom of five gives two electrons instead.

    A bond that is aromatic in another ring must have that order already.
    """
    if len(ring) == 5 and (graph.elements[ring[0]] not in (7, 8, 16) or 2 in _outside(graph, ring, ring[0])):
        return False
    for atom in ring[1:] if len(ring) == 5 else ring:
        if sum(_outside(graph, ring, atom)) > {6: 1, 7: 0}.get(graph.elements[atom], -1):
            return False
    return all(
        graph.bonds[a][b] == 1 + place % 2
        for place, (a, b) in enumerate(zip(ring, ring[1:] + ring[:1], strict=True))
        if graph.aromatic >> a & graph.aromatic >> b & 1
    )


def _outside(graph: Graph, ring: tuple[int, ...], atom: int) -> list[int]:
    """The orders of the bonds of an atom that lead out of a ring."""
    return [order for other, order in graph.bonds[atom].items() if other not in ring]


def _beside(ring: tuple[int, ...], atom: int) -> tuple[int, int]:
    """The two neighbours of an atom in its ring."""
    place = ring.index(atom)
    return ring[place - 1], ring[(place + 1) % len(ring)]


def _make_double(draft: Draft, graph: Graph, a: int, b: int) -> bool:
    """Make an aromatic bond double, if it is in a ring of six with alternating bonds; False if that is not possible."""
    if graph.bonds[a][b] == 2:
        return True
    for ring in graph.rings:
        if len(ring) == 6 and a in ring and b in ring:
            around = list(zip(ring, ring[1:] + ring[:1], strict=True))
            orders = [graph.bonds[c][d] for c, d in around]
            if orders in ([1, 2] * 3, [2, 1] * 3):
                for (c, d), order in zip(around, orders, strict=True):
                    draft.set_order(c, d, 3 - order)
                return True
    return False


def swap_aromatic(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Change the element of an aromatic atom: C and N, or NH, O and S, are exchanged."""
    sites = [atom for atom in atoms_of(graph.aromatic & ~(graph.locked | frozen)) if _others(graph, atom)]
    atom = pick(rng, sites)
    draft = Draft(graph, aromatic=True)
    draft.become(atom, pick(rng, _others(graph, atom)))
    reject_if(not _arranged(draft, graph, graph.ring_of(atom), rng))
    return draft


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


def rearrange_aromatic(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft:
    """Exchange the elements of two atoms of an aromatic ring, their branches, or both."""
    rings = [ring for ring in graph.rings if all(graph.aromatic >> atom & 1 for atom in ring)]
    reject_if(not rings)
    ring = pick(rng, rings)
    sites = [atom for atom in ring if not (graph.locked | frozen) >> atom & 1]
    reject_if(len(sites) < 2)
    first, second = (sites[place] for place in rng.permutation(len(sites))[:2])
    elements, branches = _EXCHANGED.draw(rng)
    reject_if(not branches and graph.elements[first] == graph.elements[second])
    draft = Draft(graph, aromatic=True)
    if elements:
        draft.become(first, graph.elements[second])
        draft.become(second, graph.elements[first])
    reject_if(branches and not _exchange_branches(draft, graph, ring, (first, second), fitting=not elements))
    reject_if(not _arranged(draft, graph, ring, rng))
    return draft


def _exchange_branches(
    draft: Draft, graph: Graph, ring: tuple[int, ...], pair: tuple[int, int], *, fitting: bool
) -> bool:
    """Exchange the branches of two atoms of a ring; False if that is not possible, or there are none."""
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
    """Whether a double bond leads out of the rings, such as that to the O of a pyridone."""
    return any(order == 2 and (atom, other) not in graph.cyclic for other, order in graph.bonds[atom].items())


def _arranged(draft: Draft, graph: Graph, ring: tuple[int, ...], rng: np.random.Generator) -> bool:
    """Place the double bonds and hydrogens of a ring and the rings fused to it; False if that is not possible."""
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
    """All choices of `count` places, in random order."""
    if count >= 0:
        yield from combinations([places[place] for place in rng.permutation(len(places))], count)
