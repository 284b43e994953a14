"""``molvae suggest``, and the file of measured molecules that it reads."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

from molvae.cli.console import command, print_result, print_status
from molvae.cli.optimize import SearchOptions
from molvae.cli.options import MoleculeFile, SmilesColumn, Where, with_options
from molvae.cli.progress import ProgressDisplay
from molvae.errors import ConfigError, SamplingError, pluralize
from molvae.optimization.settings import SearchConfig

if TYPE_CHECKING:
    from molvae.corpus.reading import Table

__all__ = ["MeasuredColumn", "Measurements", "read_measurements", "suggest"]

MeasuredColumn = Annotated[
    str | None, typer.Option("--column", help="Measured column. Default: the only one of numbers.")
]

_CELLS, _LONGEST = 3, 20  # cells without a number that are printed, and characters of each
_FEWEST, _MOST = 10, 1_000  # measured molecules that are cross-validated
_USEFUL = 0.3  # rank correlation


@command
@with_options(options=SearchOptions, search=SearchConfig)
def suggest(
    file: MoleculeFile,
    column: MeasuredColumn = None,
    n: Annotated[int, typer.Option("--n", "-n", help="Number of molecules.")] = 50,
    maximize: Annotated[bool, typer.Option("--maximize/--minimize", help="Large or small values are wanted.")] = True,
    log: Annotated[bool, typer.Option("--log", help="Learn and predict log10 of the values.")] = False,
    smiles_column: SmilesColumn = None,
    where: Where = None,
    *,
    options: SearchOptions,
    search: dict[str, Any],
) -> None:
    """Suggest molecules to make next, from measured molecules.

    A surrogate model learns the measured values. The command searches for new molecules with the best predictions; it
    calls no objective. The result is csv on stdout: the molecule, its prediction and standard deviation, and the most
    similar measured molecule with its value. The folder contains the same table, and pictures of the structures. A
    cross-validation on stderr shows how well the values can be predicted at all.

    molvae suggest series.csv --column pIC50 --n 50 --keep c1ccncc1
    """
    print_status("loading torch and RDKit ...", "dim")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the time limit of a cluster also interrupts
    from molvae.cli.models import load_model
    from molvae.corpus.writing import frame_text
    from molvae.optimization.run.measured import SUGGESTIONS
    from molvae.optimization.run.measured import suggest as find
    from molvae.storage.output_folder import held, new_folder

    rules, settings, folder = options.constraints(), SearchConfig(**search), options.folder("suggest")
    measured = read_measurements(file, column, smiles_column, where, stereo=settings.stereo, log=log)
    vae = load_model(options.model, options.device)
    _print_quality(measured)
    try:
        with held(folder), new_folder(folder, SUGGESTIONS, overwrite=options.overwrite):
            with ProgressDisplay() as show:
                show("searching")
                found = find(
                    vae, measured.smiles, measured.values, n=n, maximize=maximize, constraints=rules,
                    seed=options.seed, settings=settings,
                )  # fmt: skip
            if not len(found.table):
                raise _too_few(0, n)
            found.save(folder)
    except SamplingError:
        with suppress(OSError):  # not empty: the earlier results are in it again
            folder.rmdir()
        raise
    print_result(frame_text(found.table, header=True, digits=6))
    if len(found.table) < n:
        raise _too_few(len(found.table), n)
    print_status(f"done: {folder}", "bold green")


def _print_quality(measured: Measurements) -> None:
    """Print how well the values are predicted for molecules that the surrogate has not seen."""
    from molvae.optimization.surrogate import cross_validate

    known = np.isfinite(measured.values)
    if known.sum() < _FEWEST or np.ptp(measured.values[known]) == 0.0:
        return
    rows = np.random.default_rng(0).permutation(np.flatnonzero(known))[:_MOST].tolist()
    with ProgressDisplay() as show:
        show("cross-validating")
        quality = cross_validate([measured.smiles[row] for row in rows], measured.values[rows])
    text = f"five-fold cross-validation: R2 {quality.r2:.2f}, Spearman {quality.spearman:.2f}, RMSE {quality.rmse:.3g}"
    if quality.spearman >= _USEFUL:
        print_status(text)
    else:
        print_status(f"{text}: {measured.name} can hardly be predicted; the suggestions are guesses", "yellow")


def _too_few(found: int, wanted: int) -> SamplingError:
    molecules = pluralize(found, "molecule")
    return SamplingError(f"only {molecules} of {wanted:,} could be found inside the constraints; relax them")


class Measurements(NamedTuple):
    """Measured molecules of a file."""

    name: str
    smiles: list[str]
    values: NDArray[np.float64]
    """NaN where a molecule was not measured"""


def read_measurements(
    file: str,
    column: str | None,
    smiles_column: str | None,
    where: str | None = None,
    *,
    stereo: bool = True,
    log: bool | None = None,
) -> Measurements:
    """Clean a file of measured molecules and print what it contains.

    Args:
        file: as in `open_table`.
        column: the measured column; may be None where the file has one column of numbers.
        smiles_column: as in `open_table`.
        where: an expression that chooses rows, as `molvae.corpus.row_filter.RowFilter` describes; None takes all.
        stereo: keep stereochemistry.
        log: take log10 of the values; None where a command has no such option.

    Raises:
        ConfigError: there is no such column, or none of its values has a logarithm.
        InputError: the file cannot be read.
    """
    from molvae.config import CleanConfig
    from molvae.corpus.cleaning import clean
    from molvae.corpus.measurements import measurement_of, wide_range
    from molvae.corpus.reading import open_table

    table = open_table(file, smiles_column=smiles_column).where(where)
    print_status(table.describe())
    name = _measured_column(table, column)
    if cells := table.cells_without_number(name):  # a value such as >10 is no measurement
        texts = ", ".join(f"{text[:_LONGEST]!r} ({times:,})" for text, times in cells.most_common(_CELLS))
        print_status(f"{pluralize(cells.total(), 'cell')} of {name} without a number, left out: {texts}", "yellow")
    if (kinds := measurement_of(table, name)) is not None:
        print_status(kinds.describe())
        if warning := kinds.warning():
            print_status(warning, "yellow")
    corpus = clean(table.with_measured([name]), CleanConfig(stereo=stereo))
    print_status(corpus.counts.describe())
    values = corpus.properties[name].to_numpy(np.float64)
    known = values[np.isfinite(values)]
    span = f", from {known.min():.4g} to {known.max():.4g}" if len(known) else ""
    averaged = "; the mean of duplicates" if corpus.counts.duplicates else ""
    print_status(f"{pluralize(len(known), 'molecule')} with {name}{span}{averaged}")
    if log:
        return Measurements(f"log10 {name}", corpus.smiles, _logarithms(values, name))
    if warning := wide_range(name, values, "" if log is None else "--log"):
        print_status(warning, "yellow")
    return Measurements(name, corpus.smiles, values)


def _logarithms(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    from molvae.corpus.measurements import logarithms

    if not (values > 0).any():
        raise ConfigError(f"{name} has no value above 0, and so no logarithm; leave out --log")
    if lost := int((values <= 0).sum()):
        print_status(
            f"{pluralize(lost, 'molecule')} with a value of 0 or below, without a logarithm, left out", "yellow"
        )
    return logarithms(values)


def _measured_column(table: Table, wanted: str | None) -> str:
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
