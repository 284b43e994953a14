"""Distinct molecules from points that are drawn until there are enough of them, or no more come."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from molvae.generator.exploration.space import Points, Space

__all__ = ["Gathered", "gather"]

_BLOCK = 128  # points at a time, whatever the batch size, so that it changes nothing
_PATIENCE = 1_024  # draws in a row without a new molecule, after which there are no more
_EXTRA, _EACH = 1_024, 200  # draws at most: so many, and so many more for each molecule asked


@dataclass
class Gathered:
    """What was found, and what became of the draws."""

    smiles: list[str] = field(default_factory=list)
    """distinct, in the order of the draws"""
    drawn: int = 0
    valid: int = 0
    excluded: int = 0
    """valid draws that are molecules the search started from"""
    refused: int = 0
    """distinct molecules that the filter turned away"""

    @property
    def validity(self) -> float:
        """The share of draws that are molecules."""
        return self.valid / max(1, self.drawn)


def gather(
    space: Space,
    n: int,
    draw: Callable[[int], Points],
    *,
    exclude: Collection[str],
    accept: Callable[[str], bool] = lambda _: True,
    batch_size: int = 512,
) -> Gathered:
    """Decode draws greedily until there are n distinct molecules.

    Ends earlier when 1,024 draws in a row have given nothing new, or after 1,024 draws and 200 more for each molecule.

    Args:
        space: the model.
        n: molecules.
        draw: k points (k, D), new ones each time.
        exclude: canonical SMILES that do not count.
        accept: whether a molecule may be among them.
        batch_size: points decoded at a time; does not change what is found.
    """
    result = Gathered()
    seen: set[str] = set()
    last_new = 0
    while (
        len(result.smiles) < n and result.drawn - last_new < _PATIENCE and result.drawn < _EXTRA + _EACH * n
    ):  # else the space is exhausted
        found = [one for one in space.decode(draw(_BLOCK), batch_size=batch_size) if one is not None]
        result.drawn += _BLOCK
        result.valid += len(found)
        result.excluded += sum(one in exclude for one in found)
        for one in dict.fromkeys(found):
            if one in seen or one in exclude:
                continue
            seen.add(one)
            if not accept(one):
                result.refused += 1
            elif len(result.smiles) < n:
                result.smiles.append(one)
                last_new = result.drawn
    return result
