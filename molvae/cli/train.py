"""``molvae train``"""

from __future__ import annotations

import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvae.cli.common import command, say, with_settings
from molvae.config import CleanConfig, ModelConfig, Size, TrainConfig
from molvae.errors import ConfigError, InputError

if TYPE_CHECKING:
    from molvae.cli.progress import TerminalReporter

__all__ = ["train"]


@command
@with_settings(model=ModelConfig, training=TrainConfig, cleaning=CleanConfig)
def train(
    file: Annotated[
        str | None,
        typer.Argument(
            help="csv, tsv, smi, sdf or parquet, each also .gz; '-' reads standard input.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Run folder [dim]\\[default: molvae-runs/<file>-<time>][/dim]", show_default=False
        ),
    ] = None,
    smiles_column: Annotated[
        str | None,
        typer.Option("--smiles-column", "-s", help="Name, or number from 1; found by default.", show_default=False),
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header", help="Whether the first row holds names; found by default.", show_default=False
        ),
    ] = None,
    size: Annotated[
        Size | None,
        typer.Option(help="Preset of the model; by the number of molecules by default.", show_default=False),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file of settings, like the config.toml of a run folder.", show_default=False),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run in this folder instead.", show_default=False)
    ] = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Start from nothing, however few the molecules.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing run folder.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write TensorBoard events too.")] = False,
    report: Annotated[bool, typer.Option(help="Write report.html into the run folder at the end.")] = True,
    *,
    model: dict[str, Any],
    training: dict[str, Any],
    cleaning: dict[str, Any],
) -> None:
    """Train a model on a file of molecules.

    The file is read as it is: delimiter and SMILES column are found, salts stripped, charges neutralized, duplicates
    merged, and every row that is dropped is named in rejected.csv. The run folder holds the model, its history and
    all settings; `molvae sample` finds it by itself.

    Few molecules, and with --init-from any number, fine-tune a model that has seen many others: its vocabulary grows by
    the tokens that are new to it, and how much it has learned by heart is said at the end.
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
    }
    minutes = training.pop("minutes", None) if resume else None
    if resume and (any(given.values()) or output or smiles_column or header is not None or overwrite):
        raise ConfigError(
            "--resume goes on with the file and the settings of the run: of the other options it takes --minutes alone"
        )

    say("loading torch and RDKit ...", "dim")
    from molvae.cli.progress import TerminalReporter
    from molvae.training import run

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cluster's time limit is an interruption too
    with TerminalReporter(report=report) as reporter:
        try:
            if resume:
                run.resume(resume, minutes=minutes, tensorboard=tensorboard, reporter=reporter)
            else:
                run.train(
                    str(file),
                    output,
                    smiles_column=smiles_column,
                    header=header,
                    overwrite=overwrite,
                    tensorboard=tensorboard,
                    reporter=reporter,
                    **given,  # type: ignore[arg-type]
                )
        except KeyboardInterrupt:
            _tell_resume("interrupted", reporter)
            raise SystemExit(130) from None
        except InputError as error:
            if reporter.folder is None:
                raise
            _tell_resume(f"error: {error}", reporter)
            raise SystemExit(1) from None


def _tell_resume(what: str, reporter: TerminalReporter) -> None:
    say(what, "bold red" if what.startswith("error") else "")
    if reporter.folder is not None:
        say(f"nothing is lost; go on with: molvae train --resume {shlex.quote(str(reporter.folder))}")
