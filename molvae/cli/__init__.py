"""The command line: one file for each command; each parses its options, calls the API and prints.

stdout carries results only; all other output goes to stderr. Exit codes: 0 success, 1 a `MolVAEError` (one message, no
traceback), 2 usage, 130 interrupted. The commands import torch, RDKit and pandas themselves, so that ``--help`` is
fast.

Shared by the commands: ``options`` (common options), ``console`` (stdout, stderr, exit codes), ``progress`` (the
progress display), ``models`` (which model), ``rows`` (rows of a file), ``output`` (result files) and ``figures``
(figures of merit).
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
from molvae.cli.explore import decorate, interpolate, mix, neighbors
from molvae.cli.info import info
from molvae.cli.map import map
from molvae.cli.optimize import OptimizeCommand, SearchCommand, optimize
from molvae.cli.predict import predict
from molvae.cli.reconstruct import reconstruct
from molvae.cli.report import report
from molvae.cli.sample import sample
from molvae.cli.score import score
from molvae.cli.suggest import suggest
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
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Generate molecules: train a SMILES variational autoencoder on your file, then sample new molecules.

    Start with two commands: `molvae train smiles.csv`, then `molvae sample --n 100`.
    """


for _command in (train, sample, encode, decode, reconstruct, score, predict):
    app.command()(_command)
for _command in (interpolate, mix, neighbors, decorate, map):
    app.command()(_command)
app.command(cls=OptimizeCommand)(optimize)
app.command(cls=SearchCommand)(suggest)
for _command in (report, evaluate, info, download):
    app.command()(_command)
app.add_typer(benchmark, name="benchmark")


def main() -> None:
    """Run the command ``molvae``."""
    run_process(app)
