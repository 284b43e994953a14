"""What the walks through latent space share: their options, and where their molecules go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from molvae.cli.common import console, say
from molvae.errors import SamplingError

if TYPE_CHECKING:
    from molvae.generator.exploration.walk import Walk

__all__ = ["Grid", "Output", "Seed", "WithProperties", "deliver", "property_names"]

Output = Annotated[
    Optional[Path],
    typer.Option("--output", "-o", help="File; the extension picks csv, tsv, smi, sdf or parquet.", show_default=False),
]
Grid = Annotated[
    Optional[Path], typer.Option("--grid", help="Draw the molecules into an svg or png file.", show_default=False)
]
WithProperties = Annotated[bool, typer.Option("--properties", help="Add columns: qed, logp, sa, mw, tpsa, ...")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same molecules.")]


def property_names(wanted: bool) -> tuple[str, ...]:
    """The columns that ``--properties`` adds."""
    if not wanted:
        return ()
    from molvae.chem import PROPERTIES

    return tuple(PROPERTIES)


def deliver(take: Callable[[], Walk], output: Path | None, grid: Path | None) -> None:
    """Go for a walk, and write what it gives: a table, a picture if wanted, and notes on stderr.

    Args:
        take: goes for it, once the files are known to be writable.
        output: of the table; None is stdout, as csv.
        grid: of the picture.

    Raises:
        InputError: a file cannot be written.
        SamplingError: there are fewer molecules than asked; they are written all the same.
    """
    import numpy as np

    from molvae.cli.destination import destination
    from molvae.corpus.writing import check_output
    from molvae.generator.sampling.screening import Molecules
    from molvae.storage.files import atomic

    for path, kinds in ((output, None), (grid, ("svg", "png"))):
        if path is not None:
            check_output(path, kinds)
    with console().status("walking"):
        walk = take()
    for note in walk.notes:
        say(note)
    columns = list(walk.table.columns[1:])
    with destination(output, columns, len(walk.table)) as write:
        write(Molecules(walk.smiles, walk.table[columns].to_numpy(dtype=np.float64)))
    if output is not None:
        say(f"written: {output}")
    if grid is not None:
        picture = walk.picture(grid.suffix.lower().removeprefix("."))
        with atomic(grid) as temporary:
            temporary.write_bytes(picture if isinstance(picture, bytes) else picture.encode())
        say(f"drawn: {grid}")
    if walk.shortfall:
        raise SamplingError(walk.shortfall)
