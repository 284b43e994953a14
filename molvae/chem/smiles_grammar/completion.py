"""The shortest way to the end of a SMILES: what is open is closed, what is missing is added."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from molvae.chem.smiles_grammar.state import SmilesState

__all__ = ["completion"]

_MOST_STEPS = 60  # of a search; one that finds something takes some ten
_DETOURS = (0, 1, 3, 1 << 30)  # tokens beyond those that close what is open


def completion(state: SmilesState, left: int) -> tuple[int, ...] | None:
    """Some tokens with which the string is whole, at most `left`, the end not counted; None if none are found."""
    least = state.least()
    for most in sorted({min(left, least + detour) for detour in _DETOURS}):
        way = _search(state, most, iter(range(_MOST_STEPS))) if least <= most else None
        if way is not None:
            return way
    return None


def _search(state: SmilesState, left: int, steps: Iterator[int]) -> tuple[int, ...] | None:
    saved = state.save()
    whole = state.end()
    state.restore(saved)
    if whole:
        return ()
    if not left or state.least() > left:
        return None
    for token in state.useful():
        if next(steps, None) is None:
            return None
        way = _search(state, left - 1, steps) if state.step(token) else None
        state.restore(saved)
        if way is not None:
            return (token, *way)
    return None
