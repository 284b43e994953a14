"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

__all__ = ["AsJson", "BatchSize", "Device", "ModelName", "Workers"]

ModelName = Annotated[
    Optional[str],
    typer.Option(
        "--model",
        help="Model or run folder, Hugging Face id, or bundled; by default $MOLVAE_MODEL, else the newest finished "
        "run, else the bundled one.",
        show_default=False,
    ),
]
Device = Annotated[str, typer.Option("--device", "-d", help="auto, cpu, cuda, cuda:N or mps.")]
BatchSize = Annotated[int, typer.Option("--batch-size", "-b", min=1, help="Strings decoded at a time.")]
Workers = Annotated[
    Optional[int], typer.Option(min=1, help="RDKit's processes; all cores by default.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
