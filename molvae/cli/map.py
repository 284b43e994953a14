"""``molvae map``"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvae.cli.common import command, print_result, say
from molvae.cli.options import BatchSize, Device, ModelName, MoleculeFile, SmilesColumn, Standardize, Stereo, Workers
from molvae.errors import pluralize

if TYPE_CHECKING:
    import pandas as pd

    from molvae.corpus.annotated import AnnotatedTable
    from molvae.generator.exploration.latent_map import LatentMap

__all__ = ["map"]

_NAMED = 5  # molecules that are named with the reason why they are not in the map
_SHOWN = 60  # characters of each
_MANY = 5_000  # molecules for which t-SNE and UMAP take long


@command
def map(
    file: MoleculeFile,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            help="File: html, png, svg or csv; may be given several times. Else csv.",
            show_default=False,
        ),
    ] = None,
    color_by: Annotated[
        list[str] | None,
        typer.Option(
            "--color-by",
            "-c",
            help="Column or property (qed, logp, ...); may be given several times.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[str, typer.Option(help="pca, tsne or umap.")] = "pca",
    max_points: Annotated[int, typer.Option(min=1, help="A longer file is subsampled at random.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the subsampling, t-SNE and UMAP.")] = 0,
    model: ModelName = None,
    smiles_column: SmilesColumn = None,
    standardize: Standardize = False,
    stereo: Stereo = True,
    batch_size: BatchSize = 512,
    device: Device = "auto",
    workers: Workers = None,
) -> None:
    """Draw a map of molecules: their points in the latent space, in two dimensions.

    An html file is a page of its own that needs no network: point at a dot to see the structure, search, select and
    save. png and svg are pictures, csv holds row, x, y, smiles and the other columns. PCA is quick and keeps
    directions; t-SNE and UMAP keep neighbours together.
    """  # fmt: skip
    say("loading torch and RDKit ...", "dim")
    from molvae.cli.models import load_model
    from molvae.corpus.annotated import AnnotatedTable
    from molvae.corpus.cells import mostly_numbers
    from molvae.corpus.frames import frame_text
    from molvae.corpus.reading import open_table
    from molvae.corpus.writing import check_output
    from molvae.generator.exploration import latent_map as maps
    from molvae.generator.exploration.projection import METHODS, check_method, subsample

    check_method(method)
    for path in output or ():
        check_output(path, maps.KINDS)
    table = open_table(file, smiles_column=smiles_column)
    say(table.describe())
    rows = AnnotatedTable(table, standardize=standardize, stereo=stereo)
    own = table.smiles_column if table.has_header and table.smiles_column else "smiles"
    others = [name for name in rows.types if name != own]
    colors = maps.choose_colors(color_by or (), others, table.name)
    texts = {name for name in colors if rows.types.get(name) is str} - {*table.codes}
    numbers = [name for name in mostly_numbers(table) if name in texts] if texts else []
    for name in numbers:
        say(f"{name} is shown as numbers; what is none, as '>10', has no colour", "yellow")
    vae = load_model(model, device)
    chosen = subsample(_chunks(rows, others, colors, numbers), max_points, seed=seed)
    if chosen.total > len(chosen.rows):
        say(f"{len(chosen.rows):,} of {chosen.total:,} rows, each with the same chance (seed {seed}; --max-points)")
    if len(others) > maps.CARRIED:
        say(f"{maps.CARRIED} of {len(others)} columns are carried along: those of --color-by, then the first", "yellow")
    slow = method != "pca" and len(chosen.rows) > _MANY
    patience = f", then {METHODS[method]}, which takes minutes" if slow else ""
    say(f"encoding {pluralize(len(chosen.rows), 'row')}{patience} ...", "dim")
    began = time.monotonic()
    made = maps.latent_map(
        vae, chosen, color_by=colors, method=method, seed=seed, batch_size=batch_size, title=table.name,
        workers=workers,
    )  # fmt: skip
    _tell(made, time.monotonic() - began, curable=stereo or not standardize)
    for path in output or ():
        made.save(path, workers=workers)
        say(f"written: {path}")
    if not output:
        print_result(frame_text(made.table, header=True))


def _chunks(
    rows: AnnotatedTable, others: Sequence[str], colors: Sequence[str], numbers: Sequence[str]
) -> Iterator[pd.DataFrame]:
    from molvae.generator.exploration.latent_map import map_rows

    # An empty table at the beginning: what has no rows still has columns.
    yield map_rows([], [], {name: [] for name in others}, color_by=colors)
    for chunk in rows.chunks():
        kinds = {name: float if name in numbers else rows.types[name] for name in others}
        columns = {
            name: _values(chunk.cells[name].tolist(), kinds[name], rows.grouping.get(name, "")) for name in others
        }
        yield map_rows(chunk.rows, chunk.smiles, columns, color_by=colors)


def _values(cells: list[Any], kind: Any, grouping: str) -> list[Any]:
    from molvae.corpus.numbers import is_missing, number

    if kind is float:
        return [number(text, grouping) for text in cells]
    return [None if isinstance(cell, str) and is_missing(cell) else cell for cell in cells]


def _tell(made: LatentMap, seconds: float, *, curable: bool) -> None:
    """What is in the map, and what is not."""
    for row, smiles, reason in made.omitted.head(_NAMED).itertuples(index=False):
        shown = smiles if len(smiles) <= _SHOWN else smiles[: _SHOWN - 3] + "..."
        say(f"  row {row}: {shown or 'empty'}  ({reason})", "yellow")
    if len(made.omitted) > _NAMED:
        say(f"  and {len(made.omitted) - _NAMED:,} more", "yellow")
    if len(made.omitted):
        hint = " (--standardize --no-stereo may admit more)" if curable else ""
        say(f"{pluralize(len(made.omitted), 'row')} cannot be encoded, and so not in the map{hint}", "yellow")
    say(f"{made.describe()}, in {seconds:.0f} s")
