"""Molecules to make next, from a file of measured ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from molvae.cli.common import console, print_result, say
from molvae.cli.models import load_model
from molvae.errors import ConfigError, SamplingError
from molvae.wording import count

if TYPE_CHECKING:
    from molvae.cli.searching import Place
    from molvae.corpus.reading import Table
    from molvae.optimization.settings import SearchConfig

__all__ = ["suggest_in"]


def suggest_in(
    place: Place,
    model: str | None,
    file: str,
    column: str | None,
    smiles_column: str | None,
    settings: SearchConfig,
    options: dict[str, Any],
) -> None:
    """Read a file, learn what was measured, and print and write what might be better.

    Args:
        place: where to write and compute.
        model: as in `load_model`.
        file: the measured molecules.
        column: what was measured; it may be left out where the file has one column of numbers.
        smiles_column: as in `open_table`.
        settings: how to search.
        options: of `molvae.optimization.session.measured.suggest`.

    Raises:
        MolVAEError: the file, the column, the folder or an option will not do.
        SamplingError: there are fewer molecules than asked for; they are written all the same.
    """
    from molvae.config import CleanConfig
    from molvae.corpus.cleaning import clean
    from molvae.corpus.frames import frame_text
    from molvae.corpus.reading import open_table
    from molvae.new_folder import new_folder
    from molvae.optimization.session.measured import SUGGESTION_FILES, suggest

    table = open_table(file, smiles_column=smiles_column)
    say(table.describe())
    name = _column(table, column)
    corpus = clean(table.carrying([name]), CleanConfig(stereo=settings.stereo))
    say(corpus.counts.describe())
    values = corpus.properties[name].to_numpy(np.float64)
    known = values[np.isfinite(values)]
    span = f", from {known.min():.4g} to {known.max():.4g}" if len(known) else ""
    say(f"{count(len(known), 'molecule')} with {name}{span}")
    vae = load_model(model, place.device)
    with new_folder(place.folder, SUGGESTION_FILES, overwrite=place.overwrite):
        with console().status("searching"):
            found = suggest(vae, corpus.smiles, values, settings=settings, **options)
        if len(found.table):
            found.save(place.folder)
    print_result(frame_text(found.table, header=True))
    if len(found.table) < options["n"]:
        raise SamplingError(
            f"only {count(len(found.table), 'molecule')} of {options['n']:,} could be found inside the constraints; "
            "loosen them"
        )
    say(f"done: {place.folder}", "bold green")


def _column(table: Table, wanted: str | None) -> str:
    numeric = [name for name in table.numeric_columns if name != table.smiles_column]
    if wanted is None and len(numeric) == 1:
        return numeric[0]
    if wanted in table.columns and wanted != table.smiles_column:
        return str(wanted)
    has = f"{table.name} has columns of numbers {', '.join(map(repr, numeric))}" if numeric else "there are no numbers"
    what = "which column was measured? give --column" if wanted is None else f"there is no column {wanted!r}"
    raise ConfigError(f"{what}; {has}")
