"""One SMILES while it is written: valences, branches, rings, and a matching of its aromatic atoms.

All of it is kept up to date token by token. What can no longer be put right is found at once: an atom that gets no
further bond must have its double bond, an aromatic atom must be in a ring or come into one.
"""

from __future__ import annotations

from typing import Any

from molvae.chem.smiles_grammar.completion import completion
from molvae.chem.smiles_grammar.matching import find_partner
from molvae.chem.smiles_grammar.symbols import Kind, Symbols
from molvae.chem.smiles_grammar.valences import AROMATIC, DIRECTED, SINGLE

__all__ = ["SmilesState"]

_NO_BOND = -1
_UNBOUND = (_NO_BOND, AROMATIC, DIRECTED)  # what the atom before a symbol has not got yet when the symbol has come
_FAR = 1 << 30
_SLACK = 5  # tokens that aromatic atoms may need to be in a ring and to have their double bonds
_DETOUR = 2  # tokens that a string which has to end soon may have beyond the shortest way
_MOST_FAILURES = 2  # of the search for a way to the end; then only the way that is known is left

_Link = tuple[int, "_Link | None"]
"""A stack: what lies on top, and the stack below."""


class SmilesState:
    """One string so far.

    Args:
        grammar: of its vocabulary.
        max_length: tokens that it may have, the end not counted.
    """

    __slots__ = (
        *("_adjacent", "_below", "_bonded", "_current", "_depth", "_digits", "_failures", "_fresh"),
        *("_grammar", "_hurried", "_inside", "_length", "_log", "_loose", "_lost", "_mate", "_max_length"),
        *("_may", "_must", "_on_path", "_parent", "_pending", "_plan", "_promised", "_stack", "_state"),
        *("_tied", "_unsure"),
    )

    def __init__(self, grammar: Symbols, max_length: int) -> None:
        self._grammar, self._max_length, self._length = grammar, max_length, 0
        self._log: list[tuple[list[Any], int, Any]] = []  # what the last token has changed
        self._lost = self._hurried = False
        self._plan: tuple[int, ...] | None = None  # the way to the end, where one was looked for
        self._failures = 0  # to find one for the next token
        # By atom:
        self._state: list[int] = []  # its bonds, as a state of the valences
        self._parent: list[int] = []  # the atom before it
        self._below: list[int] = []  # the atom behind it on the path to the current atom
        self._on_path: list[bool] = []
        self._promised: list[int] = []  # open rings without a symbol
        self._adjacent: list[tuple[int, ...]] = []  # by bonds that may become double bonds of an aromatic system
        self._mate: list[int] = []  # the other end of its double bond
        self._may: list[bool] = []  # whether it may have one
        self._must: list[bool] = []  # whether it must
        self._inside: list[bool] = []  # of a closed ring
        self._tied: list[bool] = []  # whether the bond to its parent is in a closed ring
        # These are replaced, never changed:
        self._current, self._pending, self._fresh = -1, _NO_BOND, False
        self._stack: _Link | None = None
        self._depth = 0
        self._digits: dict[str, tuple[int, int]] = {}
        self._bonded: tuple[tuple[int, int], ...] = ()
        self._loose: tuple[int, ...] = ()  # aromatic atoms in no closed ring
        self._unsure: tuple[int, ...] = ()  # atoms with an aromatic bond to their parent, in no closed ring

    @property
    def forced(self) -> int | None:
        """The token that comes next, if it is given; here it never is."""
        return None

    def allows(self, token: int) -> bool:
        """Whether a molecule can come of the string with this token behind it."""
        if self._lost:
            return True
        saved = self.save()
        allowed = self._try(token)
        self.restore(saved)
        return allowed

    def accept(self, token: int) -> bool:
        """Take a token if it is allowed; else nothing changes."""
        if self._lost:
            return True
        saved = self.save()
        if self._try(token):
            self._log.clear()
            self._failures = 0
            return True
        failures = self._failures
        self.restore(saved)
        self._failures = failures
        return False

    def advance(self, token: int) -> None:
        """Take a token, come what may; behind one that is not allowed everything is."""
        self._lost = not self.accept(token)

    def hurry(self) -> None:
        """Come to an end soon: for a string that was to end here, but is not whole; elsewhere nothing changes."""
        way = None if self._lost else completion(self, self._max_length - self._length)
        if way is not None:
            self._plan, self._hurried = way, True
            self._max_length = min(self._max_length, self._length + len(way) + _DETOUR)

    def _try(self, token: int) -> bool:
        if not self.step(token):
            return False
        left = self._max_length - self._length
        # So many tokens always do; where fewer are left, a way to the end has to be at hand.
        if left > self._depth + 2 * len(self._digits) + _SLACK + 2 * bool(self._loose):
            self._plan = None  # it was of another string
            return True
        return self._grammar.kind[token] is Kind.END or (left >= 0 and self._follow(token, left))

    def step(self, token: int) -> bool:
        """Take a token, however many may follow; what it has changed is to be restored where it is not allowed."""
        grammar = self._grammar
        kind = grammar.kind[token]
        if kind == Kind.ATOM:
            done = self._add_atom(grammar.value[token])
        elif kind == Kind.RING:
            done = self._add_ring(grammar.value[token])
        elif kind == Kind.BOND:
            done = self._add_bond(grammar.value[token])
        elif kind == Kind.OPEN:
            done = self._open()
        elif kind == Kind.CLOSE:
            done = self._close()
        elif kind == Kind.END:
            return self.end()
        else:
            done = kind == Kind.DOT and self._dot()
        if not done or not self._settled():
            return False
        self._length += 1
        return True

    def _add_atom(self, state: int) -> bool:
        current, pending, table = self._current, self._pending, self._grammar.valences
        after, aromatic = table.after, table.aromatic[state]
        atom = len(self._state)
        bond = pending
        if current >= 0:
            if bond in _UNBOUND:
                bond = AROMATIC if aromatic and table.aromatic[self._state[current]] else SINGLE
                if pending == AROMATIC != bond or not self._bind(current, bond):
                    return False
            state = after[state][bond]
            if state < 0:
                return False
            self._put(self._below, current, atom)
        self._state.append(state)
        self._parent.append(current)
        self._below.append(_FAR)
        self._on_path.append(True)
        self._promised.append(0)
        self._adjacent.append(())
        self._mate.append(-1)
        self._may.append(False)
        self._must.append(False)
        self._inside.append(False)
        self._tied.append(False)
        self._current, self._pending, self._fresh = atom, _NO_BOND, False
        if aromatic:
            self._loose = (*self._loose, atom)
            if bond == AROMATIC and current >= 0:
                self._unsure = (*self._unsure, atom)
                self._join(current, atom)
            if not self._weigh(atom):
                return False
        return current < 0 or self._weigh(current)

    def _add_bond(self, bond: int) -> bool:
        current = self._current
        if current < 0 or self._pending != _NO_BOND:
            return False
        if bond in _UNBOUND:  # as if there was no symbol, but that both ends of an aromatic bond must be aromatic
            table, state = self._grammar.valences, self._state[current]
            if (bond == AROMATIC and not table.aromatic[state]) or table.room[state] <= self._promised[current]:
                return False
        elif not self._bind(current, bond):
            return False
        self._pending = bond
        return self._weigh(current)

    def _open(self) -> bool:
        current = self._current
        if current < 0 or self._pending != _NO_BOND or self._fresh:
            return False
        if self._grammar.valences.room[self._state[current]] <= self._promised[current]:
            return False
        self._stack, self._depth, self._fresh = (current, self._stack), self._depth + 1, True
        return self._could_grow(current)

    def _could_grow(self, atom: int) -> bool:
        """Whether an atom with room for a bond could have one, and the aromatic atoms still their double bonds."""
        if not self._may[atom] or self._grammar.valences.room[self._state[atom]] - self._promised[atom] > 1:
            return True
        return any(self._could_bind(atom, bond) for bond in self._grammar.branching)

    def _could_bind(self, atom: int, bond: int) -> bool:
        mark = len(self._log)
        could = self._bind(atom, bond)
        if could and bond == AROMATIC and self._grammar.valences.may_need[self._promised[atom]][self._state[atom]]:
            # The new neighbor would be a partner if it could be in a ring with this atom.
            could = bool(self._digits) or len(set(self._sites())) > 1
        else:
            could = could and self._weigh(atom)
        self._undo(mark)
        return could

    def _close(self) -> bool:
        if self._stack is None or self._pending != _NO_BOND or self._fresh:
            return False
        last = at = self._current
        self._current, self._stack = self._stack
        self._depth -= 1
        while at != self._current:
            self._put(self._on_path, at, False)
            at = self._parent[at]
        self._put(self._below, self._current, _FAR)
        return self._weigh(last)

    def _dot(self) -> bool:
        if self._stack is not None or self._digits or self._pending != _NO_BOND or self._current < 0:
            return False
        last, self._current = self._current, -1
        return self._weigh(last)

    def end(self) -> bool:
        """Take the end, as `step` takes a token."""
        if self._stack is not None or self._digits or self._pending != _NO_BOND or self._current < 0:
            return False
        last, self._current = self._current, -1
        return self._weigh(last) and self._settled()

    def _add_ring(self, digit: str) -> bool:
        current = self._current
        if current < 0 or self._fresh:
            return False
        opened = self._digits.get(digit)
        if opened is not None:
            return self._close_ring(digit, *opened)
        if self._pending in _UNBOUND:
            if self._grammar.valences.room[self._state[current]] <= self._promised[current]:
                return False
            self._put(self._promised, current, self._promised[current] + 1)
        self._digits = {**self._digits, digit: (current, self._pending)}
        self._pending = _NO_BOND
        return self._weigh(current)

    def _close_ring(self, digit: str, first: int, wanted: int) -> bool:
        """The second end of a ring bond, whose first end had a symbol or not."""
        current, given = self._current, self._pending
        if first == current or self._are_bonded(first, current):
            return False
        if wanted != _NO_BOND != given and wanted != given:
            return False
        bond = wanted if given == _NO_BOND else given
        aromatic, state = self._grammar.valences.aromatic, self._state
        if bond in (_NO_BOND, DIRECTED):
            bond = AROMATIC if aromatic[state[first]] and aromatic[state[current]] else SINGLE
        elif bond == AROMATIC and not (aromatic[state[first]] and aromatic[state[current]]):
            return False
        if wanted in _UNBOUND:
            self._put(self._promised, first, self._promised[first] - 1)
            if not self._bind(first, bond):
                return False
        if given in _UNBOUND and not self._bind(current, bond):
            return False
        self._digits = {key: value for key, value in self._digits.items() if key != digit}
        self._pending = _NO_BOND
        self._bonded = (*self._bonded, (first, current))
        self._tie(first, current)
        if bond == AROMATIC:
            self._join(first, current)
        return self._weigh(first) and self._weigh(current)

    def _are_bonded(self, one: int, two: int) -> bool:
        if self._parent[one] == two or self._parent[two] == one:
            return True
        return (one, two) in self._bonded or (two, one) in self._bonded

    def _tie(self, one: int, two: int) -> None:
        """All atoms and bonds between two are in a ring; an atom has a higher number than its parent."""
        inside, tied = self._inside, self._tied
        while one != two:
            if one < two:
                one, two = two, one
            if not tied[one]:
                self._put(tied, one, True)
                if not inside[one]:
                    self._put(inside, one, True)
            one = self._parent[one]
        if not inside[one]:
            self._put(inside, one, True)
        if self._loose:
            self._loose = tuple(atom for atom in self._loose if not self._inside[atom])
            self._unsure = tuple(atom for atom in self._unsure if not self._tied[atom])

    def _bind(self, atom: int, bond: int) -> bool:
        """Give an atom one more bond, if it has room for it and the rings that it has opened."""
        table = self._grammar.valences
        state = table.after[self._state[atom]][bond]
        if state < 0 or table.room[state] < self._promised[atom]:
            return False
        self._put(self._state, atom, state)
        return True

    def _weigh(self, atom: int) -> bool:
        """Whether an atom may or must have a double bond, and whether it and the others can still have theirs."""
        table, state = self._grammar.valences, self._state[atom]
        if not table.aromatic[state]:
            return True
        growing = atom == self._current or self._promised[atom] > 0 or self._is_root(atom)
        if not growing and table.alone[state]:
            return False
        if growing:
            bonds = self._promised[atom]
            may, must = table.may_need[bonds][state], table.must_need[bonds][state]
        else:
            may = must = table.needs[state]
        if may != self._may[atom]:
            self._put(self._may, atom, may)
        if must != self._must[atom]:
            self._put(self._must, atom, must)
        if not may and self._mate[atom] >= 0:
            return self._part(atom, self._mate[atom])
        return not must or self._mate[atom] >= 0 or self._pair(atom)

    def _is_root(self, atom: int) -> bool:
        link = self._stack
        while link is not None:
            if link[0] == atom:
                return True
            link = link[1]
        return False

    def _part(self, one: int, two: int) -> bool:
        """Undo a double bond; whoever needs one must find another."""
        self._put(self._mate, one, -1)
        self._put(self._mate, two, -1)
        return all(not self._must[atom] or self._mate[atom] >= 0 or self._pair(atom) for atom in (one, two))

    def _pair(self, atom: int) -> bool:
        return find_partner(
            atom, self._adjacent, self._mate, self._must, self._may, lambda at, value: self._put(self._mate, at, value)
        )

    def _join(self, one: int, two: int) -> None:
        self._put(self._adjacent, one, (*self._adjacent[one], two))
        self._put(self._adjacent, two, (*self._adjacent[two], one))

    def _settled(self) -> bool:
        """Whether open rings can be closed, aromatic atoms come into rings, and only bonds of rings become double."""
        if not self._digits and not self._loose and not self._unsure:
            return True
        sites = self._sites()
        if self._digits and self._pending == _NO_BOND and not any(map(self._could_grow, sites)):
            return False
        if not self._loose and not self._unsure:
            return True
        ports = sites + [atom for atom, _ in self._digits.values()]
        return self._can_close(len(ports), min(ports, default=_FAR), max(ports, default=-1))

    def _can_close(self, ports: int, low: int, high: int) -> bool:
        """The part of `_settled` on aromatic atoms, with the number of places from which bonds go out.

        On the path to the current atom, what lies between two such places can be in a ring.
        """
        aside, on_path, below = self._aside(), self._on_path, self._below
        for atom in self._loose:
            if on_path[atom] and self._current >= 0:
                if ports < 2 or low >= below[atom] or high < atom:
                    return False
            elif atom not in aside:
                return False
        for atom in self._unsure:
            if not (low < atom <= high if on_path[atom] else atom in aside) and not self._cut(atom):
                return False
        return True

    def _sites(self) -> list[int]:
        """Where the string can go on: an atom for each bond that it can get, two at most."""
        sites: list[int] = []
        room, promised, state = self._grammar.valences.room, self._promised, self._state
        if self._current >= 0:
            free = room[state[self._current]] - promised[self._current] + (self._pending not in _UNBOUND)
            sites += [self._current] * min(free, 2)
        link = self._stack
        while link is not None:
            atom, link = link
            if atom != self._current:
                sites += [atom] * min(room[state[atom]] - promised[atom], 2)
        return sites

    def _aside(self) -> set[int]:
        """The atoms off the path to the current one from which an open ring can be reached without it."""
        aside: set[int] = set()
        for atom, _ in self._digits.values():
            at = atom
            while not self._on_path[at] and at not in aside:
                aside.add(at)
                at = self._parent[at]
        return aside

    def _cut(self, atom: int) -> bool:
        """The bond to the parent comes into no ring, and so is a single one."""
        parent = self._parent[atom]
        self._unsure = tuple(other for other in self._unsure if other != atom)
        self._put(self._adjacent, atom, tuple(other for other in self._adjacent[atom] if other != parent))
        self._put(self._adjacent, parent, tuple(other for other in self._adjacent[parent] if other != atom))
        return self._mate[atom] != parent or self._part(atom, parent)

    def _follow(self, token: int, left: int) -> bool:
        """Whether there is a way to the end in so many tokens; it is kept for the next token."""
        plan = self._plan
        if plan and plan[0] == token and len(plan) - 1 <= left:
            self._plan = plan[1:]
            return True
        if self._failures >= _MOST_FAILURES or (self._hurried and plan is not None and left < len(plan)):
            return False
        self._plan = completion(self, left)
        self._failures += self._plan is None
        return self._plan is not None

    def _put(self, values: list[Any], at: int, value: Any) -> None:
        self._log.append((values, at, values[at]))
        values[at] = value

    def _undo(self, mark: int) -> None:
        log = self._log
        while len(log) > mark:
            values, at, value = log.pop()
            values[at] = value

    def save(self) -> tuple[Any, ...]:
        """What `restore` needs to take back all that comes after."""
        return (
            (len(self._state), len(self._log)),
            (self._current, self._pending, self._fresh, self._stack, self._depth, self._digits),
            (self._bonded, self._loose, self._unsure, self._length, self._plan, self._failures),
        )

    def restore(self, saved: tuple[Any, ...]) -> None:
        """Take back what came after `save`."""
        (size, mark), syntax, rings = saved
        self._undo(mark)
        self._current, self._pending, self._fresh, self._stack, self._depth, self._digits = syntax
        self._bonded, self._loose, self._unsure, self._length, self._plan, self._failures = rings
        if len(self._state) > size:
            for values in (self._state, self._parent, self._below, self._on_path, self._promised, self._adjacent):
                del values[size:]
            for values in (self._mate, self._may, self._must, self._inside, self._tied):
                del values[size:]

    def least(self) -> int:
        """Tokens that are needed at least before the string can end."""
        return self._depth + len(self._digits) + (self._pending != _NO_BOND or self._fresh or self._current < 0)

    def useful(self) -> list[int]:
        """Tokens that may lead to an end soon, the most useful first."""
        grammar = self._grammar
        opened = {token for token in grammar.finishing if grammar.value[token] in self._digits}
        lonely = bool(self._loose) and self._loose[-1] == self._current
        chosen = []
        for token in grammar.finishing:
            if grammar.kind[token] is Kind.RING and token not in opened:
                if not lonely:
                    continue
                lonely = False  # one new ring is as good as another
            chosen.append(token)
        ends = [self._current, *(atom for atom, _ in self._digits.values())]
        if self._loose or any(grammar.valences.aromatic[self._state[atom]] for atom in ends if atom >= 0):
            chosen.sort(key=grammar.late.__getitem__)
        return chosen
