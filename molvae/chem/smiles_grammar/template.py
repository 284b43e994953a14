"""A SMILES that follows a template: some tokens are given, and groups are written between them.

A group is a part of the string that hangs on one atom by one single bond. Its rings are closed inside it, so a group
never makes a bond to another part of the molecule.
"""

from __future__ import annotations

from collections.abc import Sequence

from molvae.chem.smiles_grammar.state import SmilesState
from molvae.chem.smiles_grammar.symbols import Kind, Symbols
from molvae.chem.smiles_grammar.valences import SINGLE

__all__ = ["TemplateState"]


class TemplateState(SmilesState):
    """One string so far.

    Args:
        grammar: of its vocabulary.
        max_length: tokens that it may have, the end not counted.
        template: ids of tokens; None stands for a group, and comes before the end of a branch or of the string.
    """

    __slots__ = ("_at", "_atoms", "_outer", "_template")

    def __init__(self, grammar: Symbols, max_length: int, template: Sequence[int | None]) -> None:
        super().__init__(grammar, max_length)
        self._template = (*template, grammar.end)
        self._at = 0
        self._atoms = 0  # of the group that is written
        self._outer = (self._depth, self._digits)  # branches and rings that are open around it

    @property
    def forced(self) -> int | None:
        """The token that comes next, if it is given."""
        return self._template[self._at]

    def accept(self, token: int) -> bool:
        """Take a token if it is the given one, or a group may go on or end with it; else nothing changes."""
        forced = self.forced
        if forced is not None:
            if token != forced:
                return False
            self._lost = self._lost or not super().accept(token)
            self._at = min(self._at + 1, len(self._template) - 1)
            self._atoms, self._outer = 0, (self._depth, self._digits)
            return True
        ends = token == self._template[self._at + 1] and (self._depth, self._digits) == self._outer
        if not (self._may_end() if ends else self._may_go_on(token)) or not super().accept(token):
            return False
        if ends:
            self._at = min(self._at + 2, len(self._template) - 1)
            self._atoms, self._outer = 0, (self._depth, self._digits)
        self._atoms += self._grammar.kind[token] is Kind.ATOM
        return True

    def hurry(self) -> None:
        """Change nothing: what is given comes, whatever was to end."""

    def _may_end(self) -> bool:
        return self._atoms > 0

    def _may_go_on(self, token: int) -> bool:
        kind, value = self._grammar.kind[token], self._grammar.value[token]
        if not self._atoms:
            return kind is Kind.ATOM or (kind is Kind.BOND and value == SINGLE)
        if kind is Kind.RING:
            return value not in self._outer[1]
        if kind is Kind.CLOSE:
            return self._depth > self._outer[0]
        return kind not in (Kind.DOT, Kind.END)
