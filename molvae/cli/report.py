"""``molvae report``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from molvae.cli.common import command, print_result, say
from molvae.cli.options import Device
from molvae.errors import ModelError

__all__ = ["report"]


@command
def report(
    run: Annotated[
        Optional[Path],
        typer.Argument(help="Run folder; the newest finished run here by default.", show_default=False),
    ] = None,
    output: Annotated[
        Optional[Path],
        typer.Option("--output", "-o", help="HTML file; report.html in the run folder by default.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the samples.")] = 0,
    device: Device = "auto",
) -> None:
    """Report on a run as one HTML page, for a browser, a phone or a printer.

    What came in and what was rejected, the learning curves, the health of the latent space; samples as structures,
    their properties against those of the training molecules, novelty, structural alerts, and where they are in latent
    space. stdout has its path. `molvae train` writes one as well.
    """
    from molvae.corpus.writing import check_output
    from molvae.storage.latest_run import RUNS, latest_run

    folder = run or latest_run()
    if folder is None:
        raise ModelError(f"there is no finished run in {RUNS}/ here; name a run folder")
    if output is not None:
        check_output(output, ("html",))
    say("loading torch and RDKit ...", "dim")
    from molvae.runtime.device import pick_device
    from molvae.training.report import write_report

    print_result(f"{write_report(folder, output, seed=seed, device=str(pick_device(device)))}\n")
