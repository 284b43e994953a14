"""``molvae mix``"""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from molvae.cli.common import command
from molvae.cli.options import BatchSize, Device, ModelName
from molvae.cli.walks import Grid, Output, Seed, WithProperties, deliver, property_names
from molvae.errors import ConfigError

__all__ = ["mix"]


@command
def mix(
    smiles: Annotated[list[str], typer.Argument(help="SMILES of two or more parents.", show_default=False)],
    weights: Annotated[
        Optional[str], typer.Option(help="One for each, as 2,1,1; equal by default.", show_default=False)
    ] = None,
    n: Annotated[int, typer.Option("--n", "-n", help="How many molecules.")] = 10,
    radius: Annotated[
        float, typer.Option(help="The largest distance from the parents' mean, in units of its norm; at most 1.")
    ] = 0.4,
    output: Output = None,
    grid: Grid = None,
    properties: WithProperties = False,
    model: ModelName = None,
    seed: Seed = 0,
    batch_size: BatchSize = 512,
    device: Device = "auto",
) -> None:
    """Combine molecules: what lies around the mean of their latent points.

    The mean is weighted, and lies on the sphere of the points, not inside it. csv on stdout, the most balanced first:
    the balance, which is the weighted geometric mean of the Tanimoto similarities (Morgan, radius 2) to the parents,
    and these similarities. No parent is among the molecules; the picture shows the parents first.
    """
    from molvae.cli.models import load_model

    shares, names = _numbers(weights), property_names(properties)

    deliver(
        lambda: load_model(model, device).mix(
            smiles, weights=shares, n=n, radius=radius, properties=names, seed=seed, batch_size=batch_size
        ),
        output,
        grid,
    )


def _numbers(text: str | None) -> list[float] | None:
    try:
        return None if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"--weights must be numbers with commas between them, as 2,1,1, not {text!r}") from None
