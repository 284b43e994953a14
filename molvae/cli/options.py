"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

__all__ = [
    "AsJson",
    "BatchSize",
    "Device",
    "ModelName",
    "MoleculeFile",
    "SmilesColumn",
    "Standardize",
    "Stereo",
    "Workers",
]

ModelName = Annotated[
    Optional[str],
    typer.Option(
        "--model",
        help="Model or run folder, Hugging Face id, medchem or moses; by default $MOLVAE_MODEL, else the newest "
        "finished run, else medchem.",
        show_default=False,
    ),
]
Device = Annotated[str, typer.Option("--device", "-d", help="auto, cpu, cuda, cuda:N or mps.")]
BatchSize = Annotated[int, typer.Option("--batch-size", "-b", min=1, help="Strings decoded at a time.")]
Workers = Annotated[
    Optional[int], typer.Option(min=1, help="RDKit's processes; all cores by default.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

MoleculeFile = Annotated[
    str,
    typer.Argument(
        help="Molecules as `molvae train` reads them: csv, tsv, smi, sdf or parquet, .gz too; - is stdin.",
        show_default=False,
    ),
]
SmilesColumn = Annotated[
    Optional[str],
    typer.Option(
        "--smiles-column", "-s", help="Name or number of the SMILES column; found by default.", show_default=False
    ),
]
Standardize = Annotated[
    bool,
    typer.Option("--standardize", help="Strip salts and neutralize charges first, as `molvae train` does."),
]
Stereo = Annotated[
    bool, typer.Option("--stereo/--no-stereo", help="Off: remove stereochemistry, for a model that knows none.")
]
