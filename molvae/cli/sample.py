"""``molvae sample``"""

from __future__ import annotations

import secrets
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvae.cli.common import command, print_result, say, with_settings
from molvae.config import Decoding
from molvae.errors import ConfigError
from molvae.wording import count

if TYPE_CHECKING:
    import pandas as pd

    from molvae.generator import MolVAE

__all__ = ["sample"]


@command
@with_settings(decoding=Decoding)
def sample(
    n: Annotated[int, typer.Option("--n", "-n", min=0, help="How many molecules.")] = 100,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model or run folder, or Hugging Face id; by default $MOLVAE_MODEL, else the newest finished run.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File; the extension picks csv, tsv, smi, sdf or parquet.", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="The same seed gives the same molecules; random by default.", show_default=False),
    ] = None,
    novel: Annotated[bool, typer.Option("--novel", help="Leave out training molecules.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Raw draws as they come: invalid ones and duplicates too.")
    ] = False,
    properties: Annotated[
        bool,
        typer.Option("--properties", help="Add columns: qed, logp, sa, mw, tpsa, ...; csv on stdout."),
    ] = False,
    grid: Annotated[
        Path | None, typer.Option(help="Draw the molecules into an svg or png file.", show_default=False)
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", min=1, help="Strings decoded at a time.")] = 512,
    device: Annotated[str, typer.Option("--device", "-d", help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    *,
    decoding: dict[str, Any],
) -> None:
    """Sample new molecules from a trained model.

    Exactly N valid, distinct, canonical SMILES, one a line on stdout; stderr tells which model, and how many of its
    raw draws were valid.
    """
    settings = Decoding(**decoding)
    _check(raw=raw, output=output, properties=properties, needs_molecules=novel or properties or grid is not None)

    from molvae.cli.models import load_model
    from molvae.corpus.writing import check_output, to_text, write_table

    for path, kinds in ((output, None), (grid, ("svg", "png"))):
        if path is not None:
            check_output(path, kinds)
    vae = load_model(model, device)
    if seed is None:
        seed = secrets.randbelow(2**32)
        say(f"seed: {seed}")
    rows = _raw(vae, n, settings, seed, batch_size) if raw else _molecules(vae, n, settings, seed, batch_size, novel)

    import pandas as pd

    table = pd.DataFrame({"smiles": pd.Series(rows, dtype="str")})
    if properties:
        from molvae.chem import PROPERTIES, property_table

        table = pd.concat([table, property_table(rows, list(PROPERTIES))], axis=1)
    if output is not None:
        write_table(output, table)
        say(f"written: {output}")
    else:
        print_result(to_text(table, header=properties))
    if grid is not None:
        _draw(grid, table)


def _check(*, raw: bool, output: Path | None, properties: bool, needs_molecules: bool) -> None:
    """Refuse options that contradict each other."""
    kind = output.suffix.lower() if output else ""
    if raw and (needs_molecules or kind == ".sdf"):
        raise ConfigError("--raw gives strings that may be no molecules: no --novel, --properties, --grid, sdf")
    if properties and kind == ".smi":
        raise ConfigError("a .smi file holds no properties; write csv, tsv, sdf or parquet")


def _raw(vae: MolVAE, n: int, settings: Decoding, seed: int | None, batch_size: int) -> list[str]:
    draws = (text for block in vae.draws(settings, seed=seed, batch_size=batch_size) for text in block)
    return list(islice(draws, n))


def _molecules(vae: MolVAE, n: int, settings: Decoding, seed: int | None, batch_size: int, novel: bool) -> list[str]:
    samples = vae.collect(n, settings, seed=seed, novel=novel, batch_size=batch_size)
    if not n:
        return []
    speed = n / max(1e-9, samples.seconds)
    known = f", {samples.known:,} training molecules left out" if novel else ""
    say(
        f"{count(n, 'molecule')} from {count(samples.drawn, 'draw')}: {samples.validity:.1%} valid, "
        f"{count(samples.duplicates, 'duplicate')}{known}; {speed:,.0f} molecules/s"
    )
    return samples.smiles


def _draw(path: Path, table: pd.DataFrame) -> None:
    """Draw the molecules, each with its number, and QED and logP where they were computed."""
    from molvae.chem import molecule_grid
    from molvae.files import atomic

    legends = [str(number) for number in range(1, len(table) + 1)]
    if "qed" in table:
        figures = zip(legends, table["qed"], table["logp"], strict=True)
        legends = [f"{number}   QED {qed:.2f}   logP {logp:.1f}" for number, qed, logp in figures]
    kind = path.suffix.lower().removeprefix(".")
    picture = molecule_grid(table["smiles"].tolist(), legends=legends, format=kind)
    with atomic(path) as temporary:
        temporary.write_bytes(picture if isinstance(picture, bytes) else picture.encode())
    say(f"drawn: {path}")
