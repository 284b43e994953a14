"""Edits of rings: closed, opened, fused, removed, made larger or smaller, aromatic or not.

What an edit is: see `atom_edits`. Aromatic rings are alternating single and double bonds here, and stay aromatic where
they go on to alternate.
"""

from __future__ import annotations

import numpy as np

from molvae.optimization.proposals.draft import Draft
from molvae.optimization.proposals.fragments import FUSED_AROMATIC, FUSED_SATURATED, Lottery, fragment, pick
from molvae.optimization.proposals.graphs import Graph, fits

__all__ = [
    "aromatize_ring",
    "close_ring",
    "fuse_ring",
    "open_ring",
    "remove_ring",
    "resize_aromatic",
    "saturate_ring",
]

_RING_SIZES = {3: 0.5, 4: 0.3, 5: 4.0, 6: 4.0, 7: 0.7}
_BRIDGED = 0.1  # of the closed rings may go through another ring
_FIVE_RING = Lottery({7: 0.45, 8: 0.2, 16: 0.35})
_SIX_RING = Lottery({6: 0.75, 7: 0.25})
_MOST_REMOVED = 10


def close_ring(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """A bond between atoms that are two to six bonds apart."""
    if not graph.places:
        return None
    start = pick(rng, graph.places)
    bridged = rng.random() < _BRIDGED
    ends = {
        path[-1]: _RING_SIZES[len(path)]
        for path in graph.paths(start, max(_RING_SIZES) - 1)
        if len(path) > 2 and graph.hydrogens[path[-1]] and not graph.locked >> path[-1] & 1
        if bridged or _is_open(graph, path)
        if fits(graph, start, graph, path[-1])
    }
    if not ends:
        return None
    draft = Draft(graph)
    draft.join(start, Lottery(ends).draw(rng))
    return draft


def _is_open(graph: Graph, path: tuple[int, ...]) -> bool:
    """Whether a path shares no more than one bond with each ring."""
    return all(len({*ring}.intersection(path)) <= 2 for ring in graph.rings)


def open_ring(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """Remove a single bond of a ring that is not aromatic."""
    able = [
        (a, b)
        for a, b in graph.pairs
        if (a, b) in graph.cyclic and graph.bonds[a][b] == 1
        if not graph.aromatic >> a & graph.aromatic >> b & 1 and not frozen >> a & frozen >> b & 1
        if not (graph.charges[a] or graph.charges[b])
    ]
    if not able:
        return None
    draft = Draft(graph)
    draft.cut(*pick(rng, able))
    return draft


def fuse_ring(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """Another ring on a bond of a ring."""
    places = {*graph.places}
    able = [(a, b) for a, b in graph.pairs if (a, b) in graph.cyclic and a in places and b in places]
    if not able:
        return None
    a, b = pick(rng, able)
    if rng.random() < 0.5:
        a, b = b, a
    draft = Draft(graph)
    aromatic = bool(graph.aromatic >> a & graph.aromatic >> b & 1) and _make_double(draft, graph, a, b)
    chain = fragment((FUSED_AROMATIC if aromatic and rng.random() < 0.6 else FUSED_SATURATED).draw(rng))
    if not fits(graph, a, chain, 0) or not fits(graph, b, chain, len(chain) - 1):
        return None
    first = draft.insert(chain)
    draft.join(a, first)
    draft.join(b, first + len(chain) - 1)
    return draft


def remove_ring(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """Remove a ring that is fused at one bond, with all that hangs at it."""
    able = []
    for ring in graph.rings:
        kept = [atom for atom in ring if any(atom in other for other in graph.rings if other is not ring)]
        if len(kept) == 2 and kept[1] in graph.bonds[kept[0]]:
            able.append((ring, kept))
    if not able:
        return None
    ring, kept = pick(rng, able)
    gone = graph.side(next(atom for atom in ring if atom not in kept), 1 << kept[0] | 1 << kept[1])
    if gone & frozen or gone.bit_count() > _MOST_REMOVED:
        return None
    draft = Draft(graph)
    if not _mend(draft, graph, kept, gone):
        return None
    draft.drop(gone)
    return draft


def _mend(draft: Draft, graph: Graph, kept: list[int], gone: int) -> bool:
    """Make the bond between two atoms double where both lose a double bond; False where one does."""
    lost = [any(order == 2 and gone >> other & 1 for other, order in graph.bonds[atom].items()) for atom in kept]
    if all(lost):
        draft.set_order(kept[0], kept[1], 2)
    return lost[0] == lost[1]


def resize_aromatic(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """Five atoms for an aromatic ring of six, or six for one of five."""
    able = [ring for ring in graph.rings if len(ring) in (5, 6) and all(graph.aromatic >> atom & 1 for atom in ring)]
    if not able:
        return None
    ring = pick(rng, able)
    turn = int(rng.random() * len(ring))
    ring = ring[turn:] + ring[:turn]
    if rng.random() < 0.5:
        ring = ring[::-1]
    return (_contracted if len(ring) == 6 else _expanded)(graph, ring, frozen, rng)


def _contracted(graph: Graph, ring: tuple[int, ...], frozen: int, rng: np.random.Generator) -> Draft | None:
    """The first two atoms of a ring become one: N, O or S."""
    stays, goes, after = ring[0], ring[1], ring[2]
    if (graph.locked | frozen) & (1 << stays | 1 << goes) or len(graph.bonds[goes]) > 2:
        return None
    bare = len(graph.bonds[stays]) == 2
    if not bare and (graph.is_fused(stays) or 2 in _outside(graph, ring, stays)):
        return None
    draft = Draft(graph)
    if not _make_double(draft, graph, stays, goes):
        return None
    draft.become(stays, _FIVE_RING.draw(rng) if bare else 7)
    draft.join(stays, after)
    draft.drop(1 << goes)
    return draft


def _expanded(graph: Graph, ring: tuple[int, ...], frozen: int, rng: np.random.Generator) -> Draft | None:
    """The atom of a ring that has no double bond there, N, O or S, becomes two that have one."""
    atom = next((atom for atom in ring if all(graph.bonds[atom][other] == 1 for other in _beside(ring, atom))), None)
    if atom is None or (graph.locked | frozen) >> atom & 1 or graph.is_fused(atom):
        return None
    draft = Draft(graph)
    after = _beside(ring, atom)[1]
    new = draft.add(_SIX_RING.draw(rng))
    draft.become(atom, 6)
    draft.cut(atom, after)
    draft.join(atom, new, 2)
    draft.join(new, after)
    return draft


def saturate_ring(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """An aromatic ring without its double bonds; another one that it is fused to stays aromatic."""
    able = [ring for ring in graph.rings if all(graph.aromatic >> atom & 1 for atom in ring)]
    if not able:
        return None
    ring = pick(rng, able)
    fused = [atom for atom in ring if graph.is_fused(atom)]
    own = sum(1 << atom for atom in ring if atom not in fused)
    if own & (frozen | graph.locked) or len(fused) not in (0, 2):
        return None
    draft = Draft(graph)
    if fused and (fused[1] not in graph.bonds[fused[0]] or not _mend(draft, graph, fused, own)):
        return None
    for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
        if own & (1 << a | 1 << b) and graph.bonds[a][b] == 2:
            draft.set_order(a, b, 1)
    return draft


def aromatize_ring(graph: Graph, frozen: int, rng: np.random.Generator) -> Draft | None:
    """Alternating double bonds for a ring of five or six that has room for them."""
    able = []
    for ring in graph.rings:
        if (
            any((graph.locked | frozen) >> atom & 1 for atom in ring)
            or sum(graph.aromatic >> atom & 1 for atom in ring) > 2
        ):
            continue
        for turn in range(len(ring)) if len(ring) == 5 else range(2) if len(ring) == 6 else ():
            turned = ring[turn:] + ring[:turn]
            if _has_room(graph, turned):
                able.append(turned)
    if not able:
        return None
    ring = pick(rng, able)
    draft = Draft(graph)
    for place, (a, b) in enumerate(zip(ring, ring[1:] + ring[:1], strict=True)):
        draft.set_order(a, b, 1 + place % 2)
    return draft


def _has_room(graph: Graph, ring: tuple[int, ...]) -> bool:
    """Whether every other bond, from the second on, can be double; the first atom of five gives two electrons instead.

    A bond that is aromatic in another ring must be so already.
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
    """Make an aromatic bond one of the double ones, where it is in a ring of six that alternates all around."""
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
