"""Molecules drawn with their parents: what a search has made of what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from molvae.chem import molecule_grid

__all__ = ["Member", "families"]

_PARENTS = 2  # drawn of each molecule: the best
_ALONE = 5  # molecules in a row, where none has parents


class Member(NamedTuple):
    """A molecule and where it comes from."""

    smiles: str
    operator: str
    """what has made it; may be empty"""
    parents: list[str]
    """the best first"""


def families(members: Sequence[Member], said: Callable[[str], str], format: str) -> str | bytes:
    """Draw molecules, each followed by its parents.

    Args:
        members: the best first.
        said: what stands below a molecule: its score; nothing where it has none.
        format: "svg" gives text, "png" bytes.

    Raises:
        ConfigError: there are no molecules, too many for a PNG, or the format is another.
    """
    width = 1 + max((min(_PARENTS, len(one.parents)) for one in members), default=0)
    panels: list[tuple[str | None, str]] = []
    for place, one in enumerate(members):
        text = f"{place + 1}:  {said(one.smiles)}   {one.operator}".rstrip()
        family: list[tuple[str | None, str]] = [(one.smiles, text)]
        family += [(parent, f"from  {said(parent)}".rstrip()) for parent in one.parents[:_PARENTS]]
        gap = width > 1 and place % 2 == 0  # a panel between the two families of a row
        panels += family + [(None, "")] * (width - len(family) + gap)
    smiles, texts = [one for one, _ in panels], [text for _, text in panels]
    return molecule_grid(smiles, legends=texts, columns=_ALONE if width == 1 else 2 * width + 1, format=format)
