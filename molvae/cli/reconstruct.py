"""``molvae reconstruct``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvae.cli.common import command, say
from molvae.cli.options import AsJson, BatchSize, Device, ModelName, MoleculeFile, SmilesColumn, Standardize, Stereo

if TYPE_CHECKING:
    from molvae.generator.exploration.fidelity import Pair

__all__ = ["reconstruct"]

_TYPES: dict[str, Any] = {
    "reconstruction": str,
    "exact": "bool",
    "tanimoto": float,
    "tokens": "int64",
    "token_accuracy": float,
}


@command
def reconstruct(
    file: MoleculeFile,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A row for each molecule; the extension picks csv, tsv or parquet.",
            show_default=False,
        ),
    ] = None,
    grid: Annotated[
        Path | None,
        typer.Option(help="Draw the worst cases, each beside its molecule, into an svg or png.", show_default=False),
    ] = None,
    worst: Annotated[int, typer.Option(min=0, help="Worst cases to name and to draw.")] = 10,
    model: ModelName = None,
    smiles_column: SmilesColumn = None,
    standardize: Standardize = False,
    stereo: Stereo = True,
    batch_size: BatchSize = 512,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Send molecules through the latent space and back, and tell how many come back.

    Each is encoded to its posterior mean and decoded greedily. Shares are of the molecules that RDKit reads; Tanimoto
    similarity is of Morgan fingerprints of radius 2, 0 where no molecule came back. Token accuracy is the share of all
    tokens, ends included, that are the decoder's most likely ones when the true tokens before them are given.
    """
    say("loading torch and RDKit ...", "dim")
    import pandas as pd

    from molvae.cli.figures import print_figures
    from molvae.cli.models import load_model
    from molvae.cli.rows import Rows, frames_to, open_rows
    from molvae.corpus.writing import FRAME_KINDS, check_output
    from molvae.generator.exploration.fidelity import Fidelity

    for path, kinds in ((output, FRAME_KINDS), (grid, ("svg", "png"))):
        if path is not None:
            check_output(path, kinds)
    table = open_rows(file, smiles_column, standardize=standardize, stereo=stereo)
    types = table.extended(_TYPES) if output is not None else {}
    vae = load_model(model, device)
    rows, fidelity = Rows(table, vae), Fidelity(worst)

    def pour(write: Any) -> None:
        for chunk in rows.chunks():
            back = vae.fidelity(chunk.smiles, batch_size=batch_size)
            rows.refuse(chunk, back["tokens"].isna().to_numpy(bool))
            fidelity.add(chunk.rows, chunk.smiles, back)
            write(pd.concat([chunk.cells, back], axis=1))
        rows.tell()

    if output is None:
        pour(lambda _: None)
    else:
        with frames_to(output, types, table.grouping) as write:
            pour(write)
    _tell(fidelity.worst)
    if grid is not None:
        _draw(fidelity.worst, grid)
    print_figures({table.name: fidelity.figures()}, as_json=as_json, published=False)


def _tell(worst: list[Pair]) -> None:
    """Name the worst cases."""
    if worst:
        say("worst of those that came back as another molecule:")
    for pair in worst:
        say(f"  row {pair.row}, Tanimoto {pair.tanimoto:.2f}: {pair.molecule} -> {pair.reconstruction}")


def _draw(worst: list[Pair], grid: Path) -> None:
    """Pairs side by side, two pairs in a row."""
    from molvae.chem import molecule_grid
    from molvae.storage.files import atomic

    if not worst:
        say(f"nothing to draw in {grid}: no molecule came back as another one")
        return
    legends = [text for pair in worst for text in (f"row {pair.row}", f"came back: Tanimoto {pair.tanimoto:.2f}")]
    smiles = [one for pair in worst for one in (pair.molecule, pair.reconstruction)]
    picture = molecule_grid(smiles, columns=4, legends=legends, format=grid.suffix.lower().removeprefix("."))
    with atomic(grid) as temporary:
        temporary.write_bytes(picture if isinstance(picture, bytes) else picture.encode())
    say(f"drawn: {grid}")
