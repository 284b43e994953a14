"""What a walk through latent space gives: a table of molecules, what to know of it, and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from molvae.chem import PROPERTIES, molecule_grid, property_table
from molvae.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Walk", "check_properties", "walk_of"]

_PANELS = 375  # 75 rows of 5: as many as fit into one PNG


@dataclass(frozen=True)
class Walk:
    """Molecules found in latent space; in a notebook it shows itself as structures."""

    table: pd.DataFrame
    """a row a molecule: ``smiles``, distinct and canonical, and numbers"""
    notes: tuple[str, ...]
    """what a reader of the table should know, a sentence each"""
    shortfall: str | None
    """why there are fewer molecules than asked, and what to do; None where there are as many"""
    drawn: tuple[tuple[str | None, str], ...]
    """SMILES and legend of each panel of the picture; None leaves it empty"""

    @property
    def smiles(self) -> list[str]:
        """The molecules, in the order of the table."""
        return self.table["smiles"].tolist()

    def picture(self, format: str = "svg") -> str | bytes:
        """The first 375 molecules as structures, those they started from included: text for "svg", bytes for "png"."""
        smiles, legends = zip(*self.drawn[:_PANELS], strict=True)
        return molecule_grid(smiles, legends=legends, format=format)

    def _repr_svg_(self) -> str:
        return str(self.picture())

    def __repr__(self) -> str:
        said = (*self.notes, *([self.shortfall] if self.shortfall else []))
        return "\n".join([repr(self.table), *said])


def walk_of(
    smiles: Sequence[str],
    numbers: Mapping[str, Any],
    *,
    properties: Sequence[str],
    notes: Sequence[str],
    drawn: Sequence[tuple[str | None, str]],
    shortfall: str | None = None,
) -> Walk:
    """Put a walk together.

    Args:
        smiles: N molecules.
        numbers: columns of N numbers, by name.
        properties: names of `molvae.chem.PROPERTIES`, more columns.
        notes, drawn, shortfall: as in `Walk`.
    """
    import pandas as pd

    table = pd.DataFrame({"smiles": pd.Series(list(smiles), dtype="str"), **numbers})
    if properties:
        table = pd.concat([table, property_table(smiles, properties)], axis=1)
    return Walk(table, tuple(notes), shortfall, tuple(drawn))


def check_properties(names: Sequence[str]) -> None:
    """Say before the walk begins that a property is unknown.

    Raises:
        ConfigError: there is none of a name.
    """
    for name in names:
        if name not in PROPERTIES:
            raise ConfigError(f"no property is named {name!r}; there are {', '.join(PROPERTIES)}")
