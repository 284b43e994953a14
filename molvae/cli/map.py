"""``molvae map``"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvae.cli.console import command, print_result, print_status
from molvae.cli.options import STDOUT, RowOptions, Where, Workers, check_outputs, with_options
from molvae.errors import pluralize

if TYPE_CHECKING:
    import pandas as pd

    from molvae.corpus.reading import AnnotatedTable
    from molvae.generator.exploration.latent_map import LatentMap

__all__ = ["map"]

_MANY = 5_000  # molecules for which t-SNE and UMAP take minutes


@command
@with_options(rows=RowOptions)
def map(
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output", "-o", help="html, png, svg or csv file; may be repeated; - is csv on standard output (default)."
        ),
    ] = None,
    color_by: Annotated[
        list[str] | None, typer.Option("--color-by", "-c", help="Column or property (qed, logp, ...); may be repeated.")
    ] = None,
    method: Annotated[str, typer.Option(help="pca, tsne or umap.")] = "pca",
    max_points: Annotated[int, typer.Option(min=1, help="Rows to draw; of more, a random sample.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the sample, t-SNE and UMAP.")] = 0,
    where: Where = None,
    workers: Workers = None,
    *,
    rows: RowOptions,
) -> None:
    """Draw a map of molecules: their points in the latent space, in two dimensions.

    An html file is an interactive page that needs no network: point at a dot to see its structure; search, select and
    save molecules. png and svg files are pictures. A csv file has the columns row, x, y and smiles, and the columns of
    the input. PCA is fast and keeps directions; t-SNE and UMAP keep neighbors together.
    """
    print_status("loading torch and RDKit ...", "dim")
    from molvae.cli.models import load_model
    from molvae.corpus.reading import AnnotatedTable, open_table
    from molvae.corpus.writing import frame_text
    from molvae.generator.exploration import latent_map as maps
    from molvae.generator.exploration.projection import METHODS, check_method, subsample

    check_method(method)
    check_outputs(*((path, maps.KINDS) for path in output or ()))
    table = open_table(rows.file, smiles_column=rows.smiles_column).where(where)
    print_status(table.describe())
    annotated = AnnotatedTable(table, standardize=rows.standardize, stereo=rows.stereo)
    own = table.smiles_column if table.has_header and table.smiles_column else "smiles"
    others = [name for name in annotated.types if name != own]
    colors = maps.choose_colors(color_by or (), others, table.name)
    texts = {name for name in colors if annotated.types.get(name) is str} - {*table.codes}
    numbers = [name for name in table.mostly_numeric() if name in texts] if texts else []
    for name in numbers:
        print_status(f"{name} is shown as numbers; cells such as '>10' have no color", "yellow")
    vae = load_model(rows.model, rows.device)
    chosen = subsample(_chunks(annotated, others, colors, numbers), max_points, seed=seed)
    if chosen.total > len(chosen.rows):
        print_status(f"{len(chosen.rows):,} of {chosen.total:,} rows, chosen at random (seed {seed}; --max-points)")
    if len(others) > maps.CARRIED:
        print_status(f"{maps.CARRIED} of {len(others)} columns are kept: those of --color-by, then the first", "yellow")
    slow = method != "pca" and len(chosen.rows) > _MANY
    then = f", then {METHODS[method]}, which takes minutes" if slow else ""
    print_status(f"encoding {pluralize(len(chosen.rows), 'row')}{then} ...", "dim")
    start = time.monotonic()
    result = maps.latent_map(
        vae, chosen, color_by=colors, method=method, seed=seed, batch_size=rows.batch_size, title=table.name,
        workers=workers,
    )  # fmt: skip
    _print_summary(result, time.monotonic() - start, curable=rows.stereo or not rows.standardize)
    for path in output or [STDOUT]:
        if path == STDOUT:
            print_result(frame_text(result.table, header=True))
        else:
            result.save(path, workers=workers)
            print_status(f"written: {path}")


def _chunks(
    table: AnnotatedTable, others: Sequence[str], colors: Sequence[str], numbers: Sequence[str]
) -> Iterator[pd.DataFrame]:
    from molvae.generator.exploration.latent_map import map_rows

    # An empty table first: a file without rows still has columns.
    yield map_rows([], [], {name: [] for name in others}, color_by=colors)
    for chunk in table.chunks():
        kinds = {name: float if name in numbers else table.types[name] for name in others}
        columns = {
            name: _values(chunk.cells[name].tolist(), kinds[name], table.grouping.get(name, "")) for name in others
        }
        yield map_rows(chunk.rows, chunk.smiles, columns, color_by=colors)


def _values(cells: list[Any], kind: Any, grouping: str) -> list[Any]:
    from molvae.corpus.numbers import is_missing, number

    if kind is float:
        return [number(text, grouping) for text in cells]
    return [None if isinstance(cell, str) and is_missing(cell) else cell for cell in cells]


def _print_summary(result: LatentMap, seconds: float, *, curable: bool) -> None:
    """Print what the map shows, and which rows it lacks."""
    from molvae.cli.rows import rejected_rows

    if total := len(result.omitted):
        hint = " (--standardize --no-stereo may admit more)" if curable else ""
        listed = rejected_rows(result.omitted.itertuples(index=False), total)
        print_status(f"{pluralize(total, 'row')} cannot be encoded and are not on the map{hint}:\n{listed}", "yellow")
    print_status(f"{result.describe()}, in {seconds:.0f} s")
