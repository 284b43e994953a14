"""``molvae decode``"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvae.cli.console import command, print_status
from molvae.cli.options import BatchSize, Constrained, Device, ModelName, check_outputs
from molvae.errors import ConfigError, InputError, pluralize

if TYPE_CHECKING:
    import pandas as pd

    from molvae.corpus.latents import LatentTable

__all__ = ["decode"]

_DRAWS = 10  # for each molecule asked for


@command
def decode(
    file: Annotated[
        str, typer.Argument(help="Points of `molvae encode`: csv, tsv, parquet, npz or npy; - is standard input.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="csv, tsv, parquet or smi file; - is csv on standard output (default)."),
    ] = None,
    model: ModelName = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Distinct molecules for each point, at most.")] = 1,
    draws: Annotated[
        int | None, typer.Option(min=1, help=f"With -n: decodings of each point. Default: {_DRAWS} x n.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0.0, help="0: most likely tokens. Default: 0; with -n: 1.")
    ] = None,
    constrained: Constrained = True,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the draws. Default: random.")] = None,
    repair: Annotated[int, typer.Option(min=0, help="Times to encode and decode an invalid string again.")] = 0,
    batch_size: BatchSize = 512,
    device: Device = "auto",
) -> None:
    """Decode points of the latent space to molecules.

    The result has every row of the file, in the same order: its columns without the points, and the new column decoded,
    a canonical SMILES. It is empty where the decoded string is not a molecule. A smi file contains the molecules only.

    With -n above 1, each point is decoded many times at a temperature. The result then has up to N rows for each point,
    one for each distinct molecule, the most frequent first. The new column count says how often the molecule was
    decoded. A point without a valid molecule has one row with an empty decoded and the count 0.
    """
    if n == 1 and draws is not None:
        raise ConfigError("--draws needs -n above 1")
    heat = temperature if temperature is not None else float(n > 1)
    if n > 1 and not heat:
        raise ConfigError("several molecules for a point need a temperature above 0")
    print_status("loading torch and RDKit ...", "dim")
    import numpy as np

    from molvae.cli.models import load_model
    from molvae.cli.progress import ProgressDisplay
    from molvae.corpus.latents import open_latents
    from molvae.corpus.writing import FRAME_KINDS

    check_outputs((output, (*FRAME_KINDS, "smi")))
    table = open_latents(file)
    vae = load_model(model, device)
    if table.latent_dim != vae.config.latent_dim:
        raise InputError(
            f"{table.name} has {pluralize(table.latent_dim, 'latent dimension')}, but the model has "
            f"{vae.config.latent_dim}; name the model that encoded it with --model"
        )
    if heat and seed is None:
        seed = secrets.randbelow(2**32)
        print_status(f"seed: {seed}")
    generator = np.random.default_rng(seed)
    repeats = 1 if n == 1 else draws or _DRAWS * n
    rows = valid = missing = found = 0
    with _sink(output, table, counted=n > 1) as write, ProgressDisplay(results_on_stdout=True) as show:
        for z, cells in table.chunks():
            strings = vae.decode(
                np.repeat(z, repeats, axis=0),
                temperature=heat,
                seed=generator,
                constrained=constrained,
                repair=repair,
                batch_size=batch_size,
            )
            found += write(_most_frequent(strings, repeats, n), cells)
            rows += len(z)
            valid += sum(one is not None for one in strings)
            missing += int((~np.isfinite(z).all(1)).sum())
            show("rows", rows)
    invalid = pluralize(repeats * (rows - missing) - valid, "invalid string")
    empty = f", {missing:,} without a point" if missing else ""
    print_status(f"{pluralize(found, 'molecule')} from {pluralize(rows, 'row')}: {invalid}{empty}")


def _most_frequent(strings: Sequence[str | None], repeats: int, n: int) -> list[list[tuple[str | None, int]]]:
    """For each point, its n most frequent molecules with their counts; of a point without one, None with count 0."""
    counts = [Counter(filter(None, strings[at : at + repeats])) for at in range(0, len(strings), repeats)]
    return [[*one.most_common(n)] or [(None, 0)] for one in counts]


@contextmanager
def _sink(
    output: Path | None, table: LatentTable, *, counted: bool
) -> Iterator[Callable[[list[list[tuple[str | None, int]]], pd.DataFrame], int]]:
    """A function that writes the molecules of each point, and returns how many there are.

    They go into a smi file, or into a table with the columns of the input.
    """
    import numpy as np
    import pandas as pd

    from molvae.cli.output import table_output
    from molvae.storage.files import atomic

    if output is not None and output.suffix.lower() == ".smi":
        with atomic(output) as temporary, temporary.open("w", encoding="utf-8", newline="") as lines:

            def write_lines(points: list[list[tuple[str | None, int]]], _: pd.DataFrame) -> int:
                molecules = [smiles for each in points for smiles, _ in each]
                lines.writelines(f"{one or ''}\n" for one in molecules)
                return len(molecules) - molecules.count(None)

            yield write_lines
        print_status(f"written: {output}")
        return
    added: dict[str, Any] = {"decoded": str, **({"count": "int64"} if counted else {})}
    for name in added:
        if name in table.types:
            raise InputError(f"{table.name} has a column {name!r} already; rename it or leave it out")
    with table_output(output, {**table.types, **added}) as write:

        def write_rows(points: list[list[tuple[str | None, int]]], cells: pd.DataFrame) -> int:
            frame = cells.iloc[np.repeat(np.arange(len(points)), [len(each) for each in points])].reset_index(drop=True)
            molecules = [smiles for each in points for smiles, _ in each]
            frame["decoded"] = pd.Series(molecules, dtype=object)
            if counted:
                frame["count"] = [count for each in points for _, count in each]
            write(frame)
            return len(molecules) - molecules.count(None)

        yield write_rows
