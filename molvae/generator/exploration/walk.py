"""The result of an exploration: a table of molecules, notes and a picture; and how to collect distinct molecules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from molvae.chem import PROPERTIES, molecule_grid, property_table
from molvae.chem.known_molecules import KnownMolecules, Novel
from molvae.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Collected", "Walk", "check_properties", "collect", "make_walk"]

_PANELS = 375  # 75 rows of 5: as many as fit into one PNG
_BLOCK = 128  # points decoded between two checks, whatever the batch size, so that it does not change the result
_PATIENCE = 1_024  # draws in a row without a new molecule after which the search ends
_EXTRA, _EACH = 1_024, 200  # the most draws: a constant, and a number for each molecule


@dataclass(frozen=True)
class Walk:
    """Molecules found in latent space; a notebook shows it as structures."""

    table: pd.DataFrame
    """a row a molecule: ``smiles``, distinct and canonical, and numbers"""
    notes: tuple[str, ...]
    """remarks on the table, a sentence each"""
    shortfall: str | None
    """why there are fewer molecules than requested, and what to do; None if there are enough"""
    drawn: tuple[tuple[str | None, str], ...]
    """SMILES and legend of each panel of the picture; None leaves it empty"""

    @property
    def smiles(self) -> list[str]:
        """The molecules, in the order of the table."""
        return self.table["smiles"].tolist()

    def picture(self, format: str = "svg") -> str | bytes:
        """Draw the first 375 molecules, starting molecules included: text for "svg", bytes for "png"."""
        smiles, legends = zip(*self.drawn[:_PANELS], strict=True)
        return molecule_grid(smiles, legends=legends, format=format)

    def _repr_svg_(self) -> str:
        return str(self.picture())

    def __repr__(self) -> str:
        return "\n".join([repr(self.table), *self.notes, *([self.shortfall] if self.shortfall else [])])


def make_walk(
    smiles: Sequence[str],
    numbers: Mapping[str, Any],
    *,
    properties: Sequence[str],
    notes: Sequence[str],
    drawn: Sequence[tuple[str | None, str]],
    shortfall: str | None = None,
) -> Walk:
    """Assemble a walk.

    Args:
        smiles: N molecules.
        numbers: columns of N numbers, by name.
        properties: names of `molvae.chem.PROPERTIES`, added as columns.
        notes, drawn, shortfall: as in `Walk`.
    """
    import pandas as pd

    table = pd.DataFrame({"smiles": pd.Series(list(smiles), dtype="str"), **numbers})
    if properties:
        table = pd.concat([table, property_table(smiles, properties)], axis=1)
    return Walk(table, tuple(notes), shortfall, tuple(drawn))


def check_properties(names: Sequence[str]) -> None:
    """Check the names of properties before the work begins.

    Raises:
        ConfigError: a property is unknown.
    """
    for name in names:
        if name not in PROPERTIES:
            raise ConfigError(f"no property is named {name!r}; there are {', '.join(PROPERTIES)}")


@dataclass
class Collected:
    """Molecules found, and counts of the draws."""

    smiles: list[str] = field(default_factory=list)
    """distinct, in the order of the draws"""
    drawn: int = 0
    valid: int = 0
    """draws that give a plausible molecule"""
    excluded: int = 0
    """valid draws that are starting molecules"""
    known: int = 0
    """distinct molecules that are in the training file, left out"""
    refused: int = 0
    """distinct molecules that the filter rejected"""

    @property
    def validity(self) -> float:
        """Share of valid draws."""
        return self.valid / max(1, self.drawn)


def collect(
    make: Callable[[int], Sequence[str | None]],
    n: int,
    *,
    exclude: Collection[str] = (),
    accept: Callable[[str], bool] = lambda _: True,
    known: KnownMolecules | None = None,
    novel: Novel = True,
) -> Collected:
    """Decode draws until there are n distinct molecules.

    It ends earlier if 1,024 draws in a row give nothing new, or after 1,024 draws and 200 more for each molecule.

    Args:
        make: draws k points and decodes them, to canonical SMILES; None is an invalid one.
        n: number of molecules.
        exclude: canonical SMILES of the starting molecules, which are left out.
        accept: whether a molecule passes the filter.
        known: more molecules to leave out; None for none.
        novel: in which forms these are compared.
    """
    result = Collected()
    seen: set[str] = set()
    last_new = 0
    while len(result.smiles) < n and result.drawn - last_new < _PATIENCE and result.drawn < _EXTRA + _EACH * n:
        found = [one for one in make(_BLOCK) if one is not None]
        result.drawn += _BLOCK
        result.valid += len(found)
        result.excluded += sum(one in exclude for one in found)
        new = [one for one in dict.fromkeys(found) if one not in seen and one not in exclude]
        seen.update(new)
        is_known = known.holds(new, novel) if known is not None else [False] * len(new)
        for one, there in zip(new, is_known, strict=True):
            if there:
                result.known += 1
            elif not accept(one):
                result.refused += 1
            elif len(result.smiles) < n:
                result.smiles.append(one)
                last_new = result.drawn
    return result
