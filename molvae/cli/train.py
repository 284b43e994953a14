"""``molvae train``"""

from __future__ import annotations

import shlex
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from molvae.cli.console import command, exit_resumable, print_status
from molvae.cli.options import SmilesColumn, Where, with_options
from molvae.config import CleanConfig, ModelConfig, Size, TrainConfig
from molvae.errors import ConfigError, InputError

__all__ = ["train"]


@command
@with_options(model=ModelConfig, training=TrainConfig, cleaning=CleanConfig)
def train(
    file: Annotated[
        str | None, typer.Argument(help="Molecules: csv, tsv, smi, sdf or parquet, also gzipped; - is standard input.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Run folder. Default: a new one in molvae-runs.")
    ] = None,
    smiles_column: SmilesColumn = None,
    where: Where = None,
    header: Annotated[
        bool | None,
        typer.Option("--header/--no-header", help="Whether the first row has column names. Default: detected."),
    ] = None,
    size: Annotated[Size | None, typer.Option(help="Size of the model. Default: by the number of molecules.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file of settings, as in a run folder.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Continue the run in this folder.")] = None,
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Never start from a trained model.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing run folder.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also write TensorBoard events.")] = False,
    report: Annotated[bool, typer.Option(help="Write report.html into the run folder at the end.")] = True,
    *,
    model: dict[str, Any],
    training: dict[str, Any],
    cleaning: dict[str, Any],
) -> None:
    """Train a model on a file of molecules.

    The command finds the delimiter and the SMILES column. It strips salts, neutralizes charges and merges duplicates,
    and lists every dropped row in rejected.csv. The run folder contains the model, its history and all settings.
    Afterwards `molvae sample` uses this model without further options.

    With few molecules, or with --init-from, training fine-tunes a model that was trained on many others. New tokens are
    added to its vocabulary. At the end the command prints how many training molecules the model has memorized.
    """
    if (file is None) == (resume is None):
        raise ConfigError("give a file of molecules to train on, or --resume FOLDER")
    given = {
        "model": model,
        "training": training,
        "cleaning": cleaning,
        "size": size,
        "config": config,
        "from_scratch": from_scratch,
        "where": where,
    }
    minutes = training.pop("minutes", None) if resume else None
    if resume and (any(given.values()) or output or smiles_column or header is not None or overwrite):
        raise ConfigError(
            "--resume continues with the file and the settings of the run; the only other option it takes is --minutes"
        )

    print_status("loading torch and RDKit ...", "dim")
    from molvae.cli.progress import ProgressDisplay
    from molvae.cli.train_display import TrainDisplay
    from molvae.training import run

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the time limit of a cluster also interrupts
    with ProgressDisplay() as show:
        display = TrainDisplay(show, report=report)
        try:
            if resume:
                run.resume(resume, minutes=minutes, tensorboard=tensorboard, reporter=display)
            else:
                run.train(
                    str(file),
                    output,
                    smiles_column=smiles_column,
                    header=header,
                    overwrite=overwrite,
                    tensorboard=tensorboard,
                    reporter=display,
                    **given,  # type: ignore[arg-type]
                )
        except (KeyboardInterrupt, InputError) as error:
            if display.folder is None:
                raise
            exit_resumable(error, f"molvae train --resume {shlex.quote(str(display.folder))}")
