"""A file of measured molecules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple, Optional

import numpy as np
import typer
from numpy.typing import NDArray

from molvae.cli.common import say
from molvae.errors import ConfigError
from molvae.wording import count

if TYPE_CHECKING:
    from molvae.corpus.reading import Table

__all__ = ["MeasuredColumn", "Measurements", "no_columns", "read_measurements"]

MeasuredColumn = Annotated[
    Optional[str],
    typer.Option(help="Measured column; may be left out where the file has one column of numbers.", show_default=False),
]


class Measurements(NamedTuple):
    """Molecules of a file with what was measured of them."""

    name: str
    smiles: list[str]
    values: NDArray[np.float64]
    """NaN where a molecule was not measured"""


def no_columns(**options: str | None) -> None:
    """For a command without a file: refuse options, by name, that tell of its columns.

    Raises:
        ConfigError: one of them was given.
    """
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if given:
        raise ConfigError(f"{' and '.join(given)} {'go' if len(given) > 1 else 'goes'} with a file; name the file too")


def read_measurements(file: str, column: str | None, smiles_column: str | None, *, stereo: bool = True) -> Measurements:
    """Clean a file and say what is in it.

    Args:
        file: as in `open_table`.
        column: what was measured; it may be left out where the file has one column of numbers.
        smiles_column: as in `open_table`.
        stereo: keep stereochemistry.

    Raises:
        ConfigError: there is no such column.
        InputError: the file cannot be read.
    """
    from molvae.config import CleanConfig
    from molvae.corpus.cleaning import clean
    from molvae.corpus.reading import open_table

    table = open_table(file, smiles_column=smiles_column)
    say(table.describe())
    name = _column(table, column)
    corpus = clean(table.carrying([name]), CleanConfig(stereo=stereo))
    say(corpus.counts.describe())
    values = corpus.properties[name].to_numpy(np.float64)
    known = values[np.isfinite(values)]
    span = f", from {known.min():.4g} to {known.max():.4g}" if len(known) else ""
    say(f"{count(len(known), 'molecule')} with {name}{span}")
    return Measurements(name, corpus.smiles, values)


def _column(table: Table, wanted: str | None) -> str:
    numeric = [name for name in table.numeric_columns if name != table.smiles_column]
    if wanted is None and len(numeric) == 1:
        return numeric[0]
    if wanted in table.columns and wanted != table.smiles_column:
        return str(wanted)
    has = f"{table.name} has columns of numbers {', '.join(map(repr, numeric))}" if numeric else "there are no numbers"
    what = "which column was measured? give --column" if wanted is None else f"there is no column {wanted!r}"
    raise ConfigError(f"{what}; {has}")
