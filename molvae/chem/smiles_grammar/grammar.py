"""Which token may come next, so that a string can still become a molecule that RDKit accepts."""

from __future__ import annotations

from collections.abc import Sequence

from molvae.chem.smiles_grammar.state import SmilesState
from molvae.chem.smiles_grammar.symbols import Symbols
from molvae.chem.smiles_grammar.template import TemplateState

__all__ = ["Grammar"]


class Grammar(Symbols):
    """The strings over a vocabulary that are molecules, as they are written token by token.

    Tokens that stand for no atom, bond, branch or ring closure are never allowed, nor are '*', '~', '$', '->' and '<-'.

    >>> grammar = Grammar(["<eos>", "C", "1", "=", "O"], end=0)
    >>> state = grammar.start(max_length=3)
    >>> state.accept(1), state.allows(4), state.allows(2), state.accept(3), state.allows(0)
    (True, True, False, True, False)
    """

    def start(self, max_length: int, template: Sequence[int | None] | None = None) -> SmilesState:
        """The empty string, which may become one of at most so many tokens, the end not counted.

        Args:
            max_length: the most tokens.
            template: ids of tokens that the string has, as in `TemplateState`; None stands for a group of any tokens.
        """
        return SmilesState(self, max_length) if template is None else TemplateState(self, max_length, template)
