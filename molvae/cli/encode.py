"""``molvae encode``"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molvae.cli.common import command, say
from molvae.cli.options import BatchSize, Device, ModelName, MoleculeFile, SmilesColumn, Standardize, Stereo
from molvae.errors import pluralize

if TYPE_CHECKING:
    from molvae.corpus.latents import Array
    from molvae.corpus.reading import AnnotatedChunk, AnnotatedTable

__all__ = ["encode"]

Sink = Callable[["AnnotatedChunk", "list[Array]"], None]


@command
def encode(
    file: MoleculeFile,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File; the extension picks csv, tsv, parquet or npz. Else csv.", show_default=False
        ),
    ] = None,
    model: ModelName = None,
    smiles_column: SmilesColumn = None,
    std: Annotated[
        bool, typer.Option("--std", help="Add the standard deviations of the posterior: z00_std, ...")
    ] = False,
    standardize: Standardize = False,
    stereo: Stereo = True,
    batch_size: BatchSize = 512,
    device: Device = "auto",
) -> None:
    """Turn molecules into points of the latent space: the means of their posteriors.

    Every row of the file is a row of the result, in the same order, with all its columns and behind them z00, z01, ...;
    they are empty where a molecule cannot be encoded. An npz file holds the arrays z, smiles and row (and std).
    """
    say("loading torch and RDKit ...", "dim")
    from molvae.cli.models import load_model
    from molvae.cli.rows import Rows, open_rows
    from molvae.corpus.writing import FRAME_KINDS, check_output

    if output is not None:
        check_output(output, (*FRAME_KINDS, "npz"))
    table = open_rows(file, smiles_column, standardize=standardize, stereo=stereo)
    vae = load_model(model, device)
    rows = Rows(table, vae)
    with _sink(output, table, vae.config.latent_dim, std=std) as write:
        for chunk in rows.chunks():
            mean, spread = vae.posterior(chunk.smiles, batch_size=batch_size)
            rows.refuse(chunk, mean[:, 0] != mean[:, 0])
            write(chunk, [mean, spread] if std else [mean])
        rows.tell()
    say(f"{pluralize(rows.read - rows.refused, 'molecule')} encoded, {vae.config.latent_dim} latent dimensions")


@contextmanager
def _sink(output: Path | None, table: AnnotatedTable, latent_dim: int, *, std: bool) -> Iterator[Sink]:
    """Where the points go: an npz file, or a table with the columns of the input."""
    import pandas as pd

    from molvae.cli.rows import frames_to
    from molvae.corpus.latents import latent_columns, write_archive

    if output is not None and output.suffix.lower() == ".npz":
        with write_archive(output, ["z", "std"] if std else ["z"], latent_dim) as write_arrays:
            yield lambda chunk, arrays: write_arrays(arrays, chunk.smiles, chunk.rows)
        say(f"written: {output}")
        return
    names = [latent_columns(latent_dim), *([latent_columns(latent_dim, spread=True)] if std else [])]
    types = table.extended({name: "float32" for each in names for name in each})
    with frames_to(output, types, table.grouping) as write:

        def take(chunk: AnnotatedChunk, arrays: list[Array]) -> None:
            added = [pd.DataFrame(array, columns=each) for array, each in zip(arrays, names, strict=True)]
            write(pd.concat([chunk.cells, *added], axis=1))

        yield take
