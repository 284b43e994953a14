"""``molvae encode``"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molvae.cli.console import command, print_status
from molvae.cli.options import RowOptions, check_outputs, with_options
from molvae.errors import pluralize

if TYPE_CHECKING:
    from molvae.corpus.latents import Array
    from molvae.corpus.reading import AnnotatedChunk, AnnotatedTable

__all__ = ["encode"]

Sink = Callable[["AnnotatedChunk", "list[Array]"], None]


@command
@with_options(rows=RowOptions)
def encode(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="csv, tsv, parquet or npz file; - is csv on standard output (default)."),
    ] = None,
    std: Annotated[bool, typer.Option("--std", help="Add the standard deviations: z00_std, ...")] = False,
    *,
    rows: RowOptions,
) -> None:
    """Encode molecules as points of the latent space: the means of their posteriors.

    The result has every row of the file, in the same order, with all its columns and the new columns z00, z01, ... The
    new columns are empty where a molecule cannot be encoded. An npz file contains the arrays z, smiles and row (and
    std).
    """
    print_status("loading torch and RDKit ...", "dim")
    from molvae.cli.models import load_model
    from molvae.cli.rows import RowReader, open_rows
    from molvae.corpus.writing import FRAME_KINDS

    check_outputs((output, (*FRAME_KINDS, "npz")))
    table = open_rows(rows)
    vae = load_model(rows.model, rows.device)
    reader = RowReader(table, vae)
    with _sink(output, table, vae.config.latent_dim, std=std) as write:
        for chunk in reader.chunks():
            mean, spread = vae.posterior(chunk.smiles, batch_size=rows.batch_size)
            reader.reject(chunk, mean[:, 0] != mean[:, 0])
            write(chunk, [mean, spread] if std else [mean])
        reader.print_rejected()
    print_status(f"{pluralize(reader.encoded, 'molecule')} encoded, {vae.config.latent_dim} latent dimensions")


@contextmanager
def _sink(output: Path | None, table: AnnotatedTable, latent_dim: int, *, std: bool) -> Iterator[Sink]:
    """A function that writes points: into an npz file, or into a table with the columns of the input."""
    import pandas as pd

    from molvae.cli.output import table_output
    from molvae.corpus.latents import latent_columns, write_archive

    if output is not None and output.suffix.lower() == ".npz":
        with write_archive(output, ["z", "std"] if std else ["z"], latent_dim) as write_arrays:
            yield lambda chunk, arrays: write_arrays(arrays, chunk.smiles, chunk.rows)
        print_status(f"written: {output}")
        return
    names = [latent_columns(latent_dim), *([latent_columns(latent_dim, spread=True)] if std else [])]
    types = table.extended({name: "float32" for each in names for name in each})
    with table_output(output, types, table.grouping) as write:

        def take(chunk: AnnotatedChunk, arrays: list[Array]) -> None:
            added = [pd.DataFrame(array, columns=each) for array, each in zip(arrays, names, strict=True)]
            write(pd.concat([chunk.cells, *added], axis=1))

        yield take
