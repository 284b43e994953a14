"""The command line: one file a command; each parses, calls the API and prints.

stdout carries results only, everything else goes to stderr. Exit codes: 0 done, 1 a `MolVAEError` (one message, no
traceback), 2 usage, 130 interrupted. torch, RDKit and pandas are imported inside the commands, so that ``--help``
answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from molvae._version import __version__
from molvae.cli.benchmark import benchmark
from molvae.cli.decode import decode
from molvae.cli.download import download
from molvae.cli.encode import encode
from molvae.cli.evaluate import evaluate
from molvae.cli.info import info
from molvae.cli.interpolate import interpolate
from molvae.cli.map import map
from molvae.cli.mix import mix
from molvae.cli.neighbors import neighbors
from molvae.cli.optimize import OptimizeCommand, optimize
from molvae.cli.predict import predict
from molvae.cli.reconstruct import reconstruct
from molvae.cli.report import report
from molvae.cli.sample import sample
from molvae.cli.score import score
from molvae.cli.train import train
from molvae.runtime.distributed import run_process

__all__ = ["app", "main"]

app = typer.Typer(
    name="molvae",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"molvae {__version__}")
        raise typer.Exit


@app.callback()
def molvae(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """A molecule generator: train a SMILES variational autoencoder on your file, then sample new molecules.

    Two commands do it: `molvae train smiles.csv`, then `molvae sample --n 100`.
    """


for _command in (
    train,
    sample,
    encode,
    decode,
    reconstruct,
    score,
    predict,
    interpolate,
    mix,
    neighbors,
    map,
    optimize,
    report,
    evaluate,
    info,
    download,
):
    app.command(cls=OptimizeCommand if _command is optimize else None)(_command)


app.add_typer(benchmark, name="benchmark")


def main() -> None:
    """Entry point of the command ``molvae``."""
    run_process(app)
