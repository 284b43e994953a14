"""The tokens of a vocabulary as parts of SMILES: what each does to a string."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import cached_property
from typing import Any

from molvae.chem.smiles_grammar.valences import AROMATIC, BONDS, DOUBLE, SINGLE, Valences

__all__ = ["Kind", "Symbols"]

_RING_DIGITS = frozenset("0123456789")
_ORGANIC = frozenset(("B", "C", "N", "O", "P", "S", "F", "Cl", "Br", "I", "b", "c", "n", "o", "p", "s"))
_ROOMS = frozenset((2, 4))


class Kind(IntEnum):
    """What a token does."""

    NEVER, ATOM, BOND, OPEN, CLOSE, RING, DOT, END = range(8)


class Symbols:
    """The tokens of a vocabulary.

    Tokens that stand for no atom, bond, branch or ring closure are never allowed, nor are '*', '~', '$', '->' and '<-'.

    Args:
        tokens: by id.
        end: the id of the token that ends a string.
    """

    def __init__(self, tokens: Sequence[str], *, end: int) -> None:
        atoms = [token for token in tokens if token in _ORGANIC or token.startswith("[")]
        self.valences = Valences(atoms, frozenset(tokens) & BONDS.keys())
        self.kind = [self._kind(token) for token in tokens]
        self.kind[end] = Kind.END
        self.end = end
        self.value: list[Any] = [self._value(token, kind) for token, kind in zip(tokens, self.kind, strict=True)]
        usable = {BONDS[token] for token in tokens if token in BONDS}
        self.branching = [SINGLE, *([DOUBLE] if DOUBLE in usable else []), AROMATIC]
        """Bonds that a branch may begin with at an aromatic atom."""
        self.finishing = self._finishing(tokens)
        self.late = [self._late(token) for token in range(len(tokens))]

    def _kind(self, token: str) -> Kind:
        if token in self.valences.start:
            return Kind.ATOM
        if token in BONDS:
            return Kind.BOND
        if token in _RING_DIGITS or (token.startswith("%") and token.strip("%()").isdigit()):
            return Kind.RING
        return {"(": Kind.OPEN, ")": Kind.CLOSE, ".": Kind.DOT}.get(token, Kind.NEVER)

    def _value(self, token: str, kind: Kind) -> Any:
        """The state of an atom without bonds, the kind of a bond, the number of a ring."""
        if kind is Kind.ATOM:
            return self.valences.start[token]
        return BONDS[token] if kind is Kind.BOND else token.strip("%()")

    def _finishing(self, tokens: Sequence[str]) -> list[int]:
        """The tokens by which strings are ended, the most useful first: one atom of each behaviour."""
        order = (Kind.RING, Kind.CLOSE, Kind.ATOM, Kind.BOND)
        chosen: dict[object, tuple[int, int, int]] = {}
        for token, kind in enumerate(self.kind):
            if kind in order and (kind is not Kind.ATOM or self._connects(self.value[token])):
                rank = (order.index(kind), len(tokens[token]), token)
                behaviour = self._behaviour(token)
                chosen[behaviour] = min(rank, chosen.get(behaviour, rank))
        return [token for _, _, token in sorted(chosen.values())]

    def _behaviour(self, token: int) -> object:
        kind, value = self.kind[token], self.value[token]
        if kind is not Kind.ATOM:
            return kind, value
        table = self.valences
        return table.aromatic[value], table.room[value], table.may_need[0][value], table.must_need[0][value]

    def _connects(self, state: int) -> bool:
        """Whether an atom is one to end a string with: all that is missing can be made of few."""
        return self.valences.aromatic[state] or self.valences.room[state] in _ROOMS or not self._carbonlike

    @cached_property
    def _carbonlike(self) -> bool:
        """Whether there are atoms that are no aromatic ones and have two bonds, and four."""
        starts = self.valences.start.values()
        return {self.valences.room[state] for state in starts if not self.valences.aromatic[state]} >= _ROOMS

    def _late(self, token: int) -> int:
        """When to try a token behind an aromatic atom."""
        kind = self.kind[token]
        if kind is Kind.ATOM:
            return 1 if self.valences.aromatic[self.value[token]] else 3
        return 2 if kind is Kind.BOND else 0
