"""A file of measured molecules."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, NamedTuple, Optional

import numpy as np
import typer
from numpy.typing import NDArray

from molvae.cli.common import say
from molvae.errors import ConfigError, pluralize

if TYPE_CHECKING:
    from molvae.corpus.reading import Table

__all__ = ["MeasuredColumn", "Measurements", "no_columns", "read_measurements"]

MeasuredColumn = Annotated[
    Optional[str],
    typer.Option(help="Measured column; may be left out where the file has one column of numbers.", show_default=False),
]


_WIDE = 1_000.0  # times the least value
_NAMED, _LONGEST = 3, 20  # cells that are named, and characters of each


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


def read_measurements(
    file: str, column: str | None, smiles_column: str | None, *, stereo: bool = True, log: bool | None = None
) -> Measurements:
    """Clean a file and say what is in it.

    Args:
        file: as in `open_table`.
        column: what was measured; it may be left out where the file has one column of numbers.
        smiles_column: as in `open_table`.
        stereo: keep stereochemistry.
        log: take log10 of the values; None where a command has no such option.

    Raises:
        ConfigError: there is no such column, or it has a logarithm nowhere.
        InputError: the file cannot be read.
    """
    from molvae.config import CleanConfig
    from molvae.corpus.cleaning import clean
    from molvae.corpus.reading import open_table

    table = open_table(file, smiles_column=smiles_column)
    say(table.describe())
    name = _column(table, column)
    _tell_unread(table.cells_without_number(name), name)
    corpus = clean(table.with_numeric([name]), CleanConfig(stereo=stereo))
    say(corpus.counts.describe())
    values = corpus.properties[name].to_numpy(np.float64)
    known = values[np.isfinite(values)]
    span = f", from {known.min():.4g} to {known.max():.4g}" if len(known) else ""
    averaged = "; of duplicates the mean" if corpus.counts.duplicates else ""
    say(f"{pluralize(len(known), 'molecule')} with {name}{span}{averaged}")
    if log:
        return Measurements(f"log10 {name}", corpus.smiles, _logarithms(values, name))
    if len(known) and known.min() > 0 and known.max() >= _WIDE * known.min():
        say(
            f"{name} goes over {np.log10(known.max() / known.min()):.1f} powers of ten, and its largest values decide "
            f"what is learned; give logarithms, such as pIC50 for IC50{'' if log is None else ', or --log'}",
            "yellow",
        )
    return Measurements(name, corpus.smiles, values)


def _logarithms(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    positive = values > 0
    if not positive.any():
        raise ConfigError(f"{name} has no value above 0, and so no logarithm; leave out --log")
    if lost := int((values <= 0).sum()):
        say(
            f"{pluralize(lost, 'molecule')} with a value that is not above 0, and so without a logarithm, left out",
            "yellow",
        )
    return np.log10(values, where=positive, out=np.full(len(values), np.nan))


def _tell_unread(cells: Counter[str], name: str) -> None:
    """A qualified value is no measurement, and what is left out is said."""
    if cells:
        texts = ", ".join(f"{text[:_LONGEST]!r} ({times:,})" for text, times in cells.most_common(_NAMED))
        say(f"{pluralize(cells.total(), 'cell')} of {name} with no number, left out: {texts}", "yellow")


def _column(table: Table, wanted: str | None) -> str:
    from molvae.corpus.columns import alike

    if wanted in table.columns and wanted != table.smiles_column:
        return str(wanted)
    numeric = table.mostly_numeric()
    if wanted is None and len(numeric) == 1:
        return numeric[0]
    has = f"{table.name} has columns of numbers {', '.join(map(repr, numeric))}" if numeric else "there are no numbers"
    what = "which column was measured? give --column" if wanted is None else f"there is no column {wanted!r}"
    near = alike(wanted, numeric) if wanted else []
    raise ConfigError(f"{what}; {has}" + (f"; did you mean {near[0]!r}?" if near else ""))
