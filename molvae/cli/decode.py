"""``molvae decode``"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvae.cli.common import command, say
from molvae.cli.options import BatchSize, Device, ModelName
from molvae.errors import InputError, pluralize

if TYPE_CHECKING:
    import pandas as pd

    from molvae.corpus.latents import LatentTable

__all__ = ["decode"]

_DECODED = "decoded"


@command
def decode(
    file: Annotated[
        str,
        typer.Argument(
            help="Points as `molvae encode` writes them: csv, tsv (.gz too), parquet, npz, npy; - is stdin.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File; the extension picks csv, tsv, parquet or smi. Else csv.", show_default=False
        ),
    ] = None,
    model: ModelName = None,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 takes the most likely token each time.")] = 0.0,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Of the draws at a temperature above 0; random by default.", show_default=False),
    ] = None,
    repair: Annotated[
        int,
        typer.Option(min=0, help="How often a string that is no molecule is encoded and decoded again, greedily."),
    ] = 0,
    batch_size: BatchSize = 512,
    device: Device = "auto",
) -> None:
    """Turn points of the latent space into molecules.

    Every row of the file is a row of the result, in the same order: its columns without the points, and the column
    decoded, a canonical SMILES, empty where the decoded string is no molecule. A smi file holds the molecules alone.
    """
    say("loading torch and RDKit ...", "dim")
    import numpy as np

    from molvae.cli.models import load_model
    from molvae.cli.rows import progress
    from molvae.corpus.latents import open_latents
    from molvae.corpus.writing import FRAME_KINDS, check_output

    if output is not None:
        check_output(output, (*FRAME_KINDS, "smi"))
    table = open_latents(file)
    vae = load_model(model, device)
    if table.latent_dim != vae.config.latent_dim:
        raise InputError(
            f"{table.name} holds {pluralize(table.latent_dim, 'latent dimension')}, and this model has "
            f"{vae.config.latent_dim}; name the model that encoded it with --model"
        )
    if temperature and seed is None:
        seed = secrets.randbelow(2**32)
        say(f"seed: {seed}")
    draws = np.random.default_rng(seed)
    rows = valid = missing = 0
    with _sink(output, table) as write, progress("rows") as show:
        for z, cells in table.chunks():
            molecules = vae.decode(z, temperature=temperature, seed=draws, repair=repair, batch_size=batch_size)
            write(molecules, cells)
            rows += len(z)
            valid += sum(one is not None for one in molecules)
            missing += int((~np.isfinite(z).all(1)).sum())
            show(rows)
    invalid = pluralize(rows - valid - missing, "invalid string")
    empty = f", {missing:,} without a point" if missing else ""
    say(f"{pluralize(valid, 'molecule')} from {pluralize(rows, 'row')}: {invalid}{empty}")


@contextmanager
def _sink(output: Path | None, table: LatentTable) -> Iterator[Callable[[list[str | None], pd.DataFrame], Any]]:
    """Where the molecules go: alone into a smi file, or behind the columns of the input."""
    import pandas as pd

    from molvae.cli.rows import frames_to
    from molvae.storage.files import atomic

    if output is not None and output.suffix.lower() == ".smi":
        with atomic(output) as temporary, temporary.open("w", encoding="utf-8", newline="") as lines:
            yield lambda molecules, _: lines.writelines(f"{one or ''}\n" for one in molecules)
        say(f"written: {output}")
        return
    if _DECODED in table.types:
        raise InputError(f"{table.name} has a column {_DECODED!r} already; rename it or leave it out")
    with frames_to(output, {**table.types, _DECODED: str}) as write:
        yield lambda molecules, cells: write(cells.assign(**{_DECODED: pd.Series(molecules, dtype=object)}))
