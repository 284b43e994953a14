"""Double bonds in aromatic systems: a matching that is kept up to date while atoms and bonds come.

Paths, Trees, and Flowers (Edmonds, 1965), https://doi.org/10.4153/CJM-1965-045-4. Atoms that need no partner by now may
have one, and give it away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["find_partner"]

Neighbors = Sequence[Sequence[int]]
Set = Callable[[int, int], None]


def find_partner(
    root: int, neighbors: Neighbors, mate: list[int], needs: list[bool], free: list[bool], put: Set
) -> bool:
    """Give an atom a partner, and change those of others so that none that needs one loses its own.

    Args:
        root: has no partner.
        neighbors: of each atom.
        mate: the partner of each; -1 is none.
        needs: whether it must keep a partner.
        free: whether it can have one.
        put: sets an entry of `mate`.

    Returns:
        Whether there is a way; if not, nothing has changed.
    """
    for other in neighbors[root]:
        if mate[other] < 0 and free[other]:
            put(root, other)
            put(other, root)
            return True
    for other in neighbors[root]:
        third = mate[other]
        if third >= 0 and free[other] and not needs[third]:
            put(third, -1)
            put(root, other)
            put(other, root)
            return True
    return _Search(root, neighbors, mate, needs, free).run(put)


class _Search:
    """A search for an alternating path, with blossoms shrunk to their base."""

    def __init__(self, root: int, neighbors: Neighbors, mate: list[int], needs: list[bool], free: list[bool]) -> None:
        self.root, self.neighbors, self.mate, self.needs, self.free = root, neighbors, mate, needs, free
        self.before: dict[int, int] = {}  # of an inner atom: the outer one that it was reached from
        self.base: dict[int, int] = {}
        self.outer = {root}
        self.queue = [root]

    def run(self, put: Set) -> bool:
        for atom in self.queue:
            for other in self.neighbors[atom]:
                if not self.free[other] or self._base(atom) == self._base(other) or self.mate[atom] == other:
                    continue
                if other in self.outer:
                    end = self._shrink(atom, other)
                elif other not in self.before:
                    end = self._grow(atom, other)
                else:
                    continue
                if end >= 0:
                    self._flip(end, put)
                    return True
        return False

    def _base(self, atom: int) -> int:
        return self.base.get(atom, atom)

    def _grow(self, atom: int, other: int) -> int:
        """Take a pair into the tree; gives the end of a path that has been found, or -1."""
        self.before[other] = atom
        third = self.mate[other]
        if third < 0:
            return other
        self.outer.add(third)
        self.queue.append(third)
        return -1 if self.needs[third] else other

    def _shrink(self, one: int, two: int) -> int:
        """Make the atoms of a cycle outer ones; gives the end of a path that has been found, or -1."""
        base = self._meeting(one, two)
        blossom: set[int] = set()
        self._mark(one, base, two, blossom)
        self._mark(two, base, one, blossom)
        for atom in [*self.outer, *self.before]:
            if self._base(atom) in blossom:
                self.base[atom] = base
                if atom not in self.outer:
                    self.outer.add(atom)
                    self.queue.append(atom)
                    if not self.needs[atom]:
                        return self.mate[atom]
        return -1

    def _meeting(self, one: int, two: int) -> int:
        seen = set()
        at = self._base(one)
        while True:
            seen.add(at)
            if at == self.root or self.mate[at] < 0:
                break
            at = self._base(self.before[self.mate[at]])
        at = self._base(two)
        while at not in seen:
            at = self._base(self.before[self.mate[at]])
        return at

    def _mark(self, atom: int, base: int, child: int, blossom: set[int]) -> None:
        while self._base(atom) != base:
            blossom.add(self._base(atom))
            blossom.add(self._base(self.mate[atom]))
            self.before[atom] = child
            child = self.mate[atom]
            atom = self.before[child]

    def _flip(self, end: int, put: Set) -> None:
        """Pair the atoms of a path anew; `end` is unpaired, or its partner gives it away."""
        if self.mate[end] >= 0:
            put(self.mate[end], -1)
        at = end
        while at >= 0:
            other = self.before[at]
            following = self.mate[other]
            put(at, other)
            put(other, at)
            at = following
