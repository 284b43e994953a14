"""``molvae interpolate``"""

from __future__ import annotations

from typing import Annotated

import typer

from molvae.cli.common import command
from molvae.cli.options import BatchSize, Device, ModelName
from molvae.cli.walks import Grid, Output, Seed, WithProperties, deliver, property_names

__all__ = ["interpolate"]


@command
def interpolate(
    a: Annotated[str, typer.Argument(help="SMILES of the molecule to start from.", show_default=False)],
    b: Annotated[str, typer.Argument(help="SMILES of the molecule to go to.", show_default=False)],
    steps: Annotated[int, typer.Option(help="Molecules, both ends among them.")] = 10,
    linear: Annotated[
        bool, typer.Option("--linear", help="The straight line instead of the great circle, which keeps the norm.")
    ] = False,
    output: Output = None,
    grid: Grid = None,
    properties: WithProperties = False,
    model: ModelName = None,
    seed: Seed = 0,
    batch_size: BatchSize = 512,
    device: Device = "auto",
) -> None:
    """Go from one molecule to another through latent space.

    As many distinct molecules as there are steps, as even as they can be: the path is decoded finely, and where it has
    too few distinct molecules, points beside it are tried. csv on stdout: the position t, Tanimoto similarities
    (Morgan, radius 2) to both ends, and how far beside the path a molecule was found. stderr tells whether the model
    reconstructs the ends, and how many distinct molecules the path has.
    """
    from molvae.cli.models import load_model

    names = property_names(properties)

    deliver(
        lambda: load_model(model, device).interpolate(
            a, b, steps=steps, linear=linear, properties=names, seed=seed, batch_size=batch_size
        ),
        output,
        grid,
    )
