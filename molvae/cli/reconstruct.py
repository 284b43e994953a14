"""``molvae reconstruct``"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvae.cli.console import command, print_status
from molvae.cli.options import STDOUT, AsJson, Constrained, RowOptions, check_outputs, with_options
from molvae.errors import ConfigError, pluralize

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
@with_options(rows=RowOptions)
def reconstruct(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="csv, tsv or parquet file with a row for each molecule; - is csv on standard output."
        ),
    ] = None,
    grid: Annotated[Path | None, typer.Option(help="Draw the worst reconstructions: svg or png file.")] = None,
    worst: Annotated[int, typer.Option(min=0, help="Worst reconstructions to print and draw.")] = 10,
    constrained: Constrained = True,
    as_json: AsJson = False,
    *,
    rows: RowOptions,
) -> None:
    """Encode and decode molecules, and print how many are reconstructed.

    Each molecule is encoded as its posterior mean, and decoded with the most likely tokens. Shares refer to the
    molecules that RDKit can read. One that the model cannot encode counts as not reconstructed. The Tanimoto similarity
    compares Morgan fingerprints of radius 2; it is 0 where there is no valid reconstruction. The token accuracy is the
    share of tokens of encoded molecules, including the end of the string, that the decoder finds most likely, given the
    true tokens before them. With --free the valid reconstructions are those that the decoder writes by itself; the
    exact ones are the same. With -o - the figures go to stderr.
    """
    if as_json and output == STDOUT:
        raise ConfigError("--json and -o - both write to standard output; give -o a file")
    print_status("loading torch and RDKit ...", "dim")
    import pandas as pd

    from molvae.cli.figures import figure_lines, print_figures
    from molvae.cli.models import load_model
    from molvae.cli.output import table_output
    from molvae.cli.rows import RowReader, open_rows
    from molvae.corpus.writing import FRAME_KINDS
    from molvae.generator.exploration.fidelity import Fidelity

    check_outputs((output, FRAME_KINDS), (grid, ("svg", "png")))
    table = open_rows(rows)
    types = table.extended(_TYPES) if output is not None else {}
    vae = load_model(rows.model, rows.device)
    reader, fidelity = RowReader(table, vae), Fidelity(worst)
    with table_output(output, types, table.grouping) if output is not None else nullcontext() as write:
        for chunk in reader.chunks():
            back = vae.fidelity(chunk.smiles, constrained=constrained, batch_size=rows.batch_size)
            reader.reject(chunk, back["tokens"].isna().to_numpy(bool))
            fidelity.add(chunk.rows, chunk.smiles, back)
            if write is not None:
                write(pd.concat([chunk.cells, back.round({"tanimoto": 4, "token_accuracy": 4})], axis=1))
        reader.print_rejected()
    if fidelity.worst:
        print_status("worst valid reconstructions:")
    for pair in fidelity.worst:
        print_status(f"  row {pair.row}, Tanimoto {pair.tanimoto:.2f}: {pair.molecule} -> {pair.reconstruction}")
    _print_unencoded(fidelity.figures())
    if grid is not None:
        _draw(fidelity.worst, grid)
    if output == STDOUT:
        print_status(figure_lines(fidelity.figures()).rstrip())
    else:
        print_figures({table.name: fidelity.figures()}, as_json=as_json, published=False)


def _print_unencoded(figures: dict[str, float]) -> None:
    """Print how molecules that the model cannot encode count, if there are any."""
    n = round(figures["molecules"] * (1.0 - figures["encoded"]))
    if n:
        exact = figures["exact reconstruction"] / figures["encoded"]
        print_status(
            f"{pluralize(n, 'molecule')} that the model cannot encode count as not reconstructed, with Tanimoto 0; of "
            f"the others {exact:.1%} are reconstructed exactly"
        )


def _draw(worst: list[Pair], grid: Path) -> None:
    """Draw pairs side by side, two pairs in a row."""
    from molvae.chem import molecule_grid
    from molvae.cli.output import save_picture

    if not worst:
        print_status(f"nothing to draw in {grid}: no molecule was reconstructed as another one")
        return
    legends = [text for pair in worst for text in (f"row {pair.row}", f"came back: Tanimoto {pair.tanimoto:.2f}")]
    smiles = [one for pair in worst for one in (pair.molecule, pair.reconstruction)]
    kind = grid.suffix.lower().removeprefix(".")
    save_picture(grid, molecule_grid(smiles, columns=4, legends=legends, format=kind))
