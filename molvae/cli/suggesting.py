"""Molecules to make next, from a file of measured ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from molvae.cli.common import console, print_result, say
from molvae.cli.measured import read_measurements
from molvae.cli.models import load_model
from molvae.errors import SamplingError
from molvae.wording import count

if TYPE_CHECKING:
    from molvae.cli.searching import Place
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
        column: as in `read_measurements`.
        smiles_column: as in `open_table`.
        settings: how to search.
        options: of `molvae.optimization.session.measured.suggest`.

    Raises:
        MolVAEError: the file, the column, the folder or an option will not do.
        SamplingError: there are fewer molecules than asked for; they are written all the same.
    """
    from molvae.corpus.frames import frame_text
    from molvae.new_folder import new_folder
    from molvae.optimization.session.measured import SUGGESTION_FILES, suggest

    measured = read_measurements(file, column, smiles_column, stereo=settings.stereo)
    vae = load_model(model, place.device)
    with new_folder(place.folder, SUGGESTION_FILES, overwrite=place.overwrite):
        with console().status("searching"):
            found = suggest(vae, measured.smiles, measured.values, settings=settings, **options)
        if len(found.table):
            found.save(place.folder)
    print_result(frame_text(found.table, header=True))
    if len(found.table) < options["n"]:
        raise SamplingError(
            f"only {count(len(found.table), 'molecule')} of {options['n']:,} could be found inside the constraints; "
            "loosen them"
        )
    say(f"done: {place.folder}", "bold green")
