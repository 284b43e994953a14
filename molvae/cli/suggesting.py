"""Molecules to make next, from a file of measured ones."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from molvae.cli.common import console, print_result, say
from molvae.cli.measured import read_measurements
from molvae.cli.models import load_model
from molvae.errors import SamplingError, pluralize

if TYPE_CHECKING:
    from molvae.cli.measured import Measurements
    from molvae.cli.searching import Place
    from molvae.optimization.settings import SearchConfig

__all__ = ["suggest_in"]

_FEWEST, _MOST = 10, 1_000  # measured molecules that are cross-validated
_USEFUL = 0.3  # rank correlation


def suggest_in(
    place: Place,
    model: str | None,
    file: str,
    column: str | None,
    smiles_column: str | None,
    settings: SearchConfig,
    log: bool,
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
        log: learn log10 of the values.
        options: of `molvae.optimization.run.measured.suggest`.

    Raises:
        MolVAEError: the file, the column, the folder or an option will not do.
        SamplingError: there are fewer molecules than asked for; they are written all the same.
    """
    from molvae.corpus.writing import frame_text
    from molvae.optimization.run.measured import SUGGESTIONS, suggest
    from molvae.storage.output_folder import held, new_folder

    measured = read_measurements(file, column, smiles_column, stereo=settings.stereo, log=log)
    vae = load_model(model, place.device)
    _tell_quality(measured)
    try:
        with held(place.folder), new_folder(place.folder, SUGGESTIONS, overwrite=place.overwrite):
            with console().status("searching"):
                found = suggest(vae, measured.smiles, measured.values, settings=settings, **options)
            if not len(found.table):
                raise _too_few(0, options["n"])
            found.save(place.folder)
    except SamplingError:
        with suppress(OSError):  # an older run is in it again
            place.folder.rmdir()
        raise
    print_result(frame_text(found.table, header=True, digits=6))
    if len(found.table) < options["n"]:
        raise _too_few(len(found.table), options["n"])
    say(f"done: {place.folder}", "bold green")


def _tell_quality(measured: Measurements) -> None:
    """Whether the values can be predicted, from molecules that are known to ones that are not."""
    from molvae.optimization.surrogate import cross_validate

    known = np.isfinite(measured.values)
    if known.sum() < _FEWEST or np.ptp(measured.values[known]) == 0.0:
        return
    rows = np.random.default_rng(0).permutation(np.flatnonzero(known))[:_MOST].tolist()
    with console().status("cross-validating"):
        quality = cross_validate([measured.smiles[row] for row in rows], measured.values[rows])
    said = f"five-fold cross-validation: R2 {quality.r2:.2f}, Spearman {quality.spearman:.2f}, RMSE {quality.rmse:.3g}"
    if quality.spearman >= _USEFUL:
        say(said)
    else:
        say(f"{said}: {measured.name} is hardly predicted from these molecules, and what follows is guesses", "yellow")


def _too_few(found: int, asked: int) -> SamplingError:
    return SamplingError(
        f"only {pluralize(found, 'molecule')} of {asked:,} could be found inside the constraints; loosen them"
    )
