"""``molvae report``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molvae.cli.console import command, print_result, print_status
from molvae.cli.options import Device
from molvae.errors import ModelError

__all__ = ["report"]


@command
def report(
    run: Annotated[Path | None, typer.Argument(help="Run folder. Default: the newest finished run here.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="HTML file. Default: report.html in the run folder.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the samples.")] = 0,
    device: Device = "auto",
) -> None:
    """Write a report of a training run: one HTML page, for a browser, a phone or a printer.

    The report shows which molecules were read and rejected, the learning curves and the quality of the latent space. It
    shows samples as structures, compares their properties with those of the training molecules, and shows their
    novelty, their structural alerts and their places in the latent space. `molvae train` also writes this report. The
    command prints the path of the page to stdout.
    """
    from molvae.corpus.writing import check_output
    from molvae.storage.latest_run import RUNS, latest_run

    folder = run or latest_run()
    if folder is None:
        raise ModelError(f"there is no finished run in {RUNS}/ here; name a run folder")
    if output is not None:
        check_output(output, ("html",))
    print_status("loading torch and RDKit ...", "dim")
    from molvae.runtime.device import pick_device
    from molvae.training.report import write_report

    print_result(f"{write_report(folder, output, seed=seed, device=str(pick_device(device)))}\n")
