"""``molvae neighbors``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from molvae.cli.common import command, console, print_result, say
from molvae.cli.options import BatchSize, Device, ModelName
from molvae.cli.walks import Grid, Output, Seed, WithProperties, deliver, property_names
from molvae.errors import ConfigError

__all__ = ["neighbors"]


@command
def neighbors(
    smiles: Annotated[
        Optional[str], typer.Argument(help="SMILES of the lead; needed unless calibrating.", show_default=False)
    ] = None,
    n: Annotated[int, typer.Option("--n", "-n", help="How many molecules.")] = 50,
    radius: Annotated[
        Optional[float],
        typer.Option(
            help="Distance of the draws from the lead's latent point, in units of its norm; above 0, at most 1. "
            "By default half way from reconstruction to dissimilar.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        Optional[str],
        typer.Option(
            help="A SMARTS that each molecule must match, or scaffold: the lead's Murcko scaffold.", show_default=False
        ),
    ] = None,
    output: Output = None,
    grid: Grid = None,
    properties: WithProperties = False,
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate", help="Print how similar, valid and changed molecules are by radius; of a lead, if given."
        ),
    ] = False,
    plot: Annotated[
        Optional[Path],
        typer.Option(help="With --calibrate: draw the curve into an svg or png file.", show_default=False),
    ] = None,
    model: ModelName = None,
    seed: Seed = 0,
    batch_size: BatchSize = 512,
    device: Device = "auto",
) -> None:
    """Find molecules around a lead.

    Points at one distance from the lead's latent point, on the sphere of its norm, are decoded until there are N
    distinct molecules other than the lead. csv on stdout, the nearest first: the distance of the molecule's own latent
    point from that of the lead in units of the latter's norm, and the Tanimoto similarity (Morgan, radius 2). A radius
    that gives too few molecules is told, with one that gives more; those that were found are written all the same.
    """
    if calibrate:
        if keep is not None or grid is not None or properties or radius is not None:
            raise ConfigError("--calibrate gives a curve over all radii: no --radius, --keep, --grid, --properties")
        _calibrate(smiles, output, plot, model, device, batch_size)
        return
    if smiles is None:
        raise ConfigError("give the SMILES of a lead, or --calibrate for the curve of the model")
    if plot is not None:
        raise ConfigError("--plot draws the curve of --calibrate; a picture of the molecules is --grid")

    from molvae.cli.models import load_model

    names = property_names(properties)

    deliver(
        lambda: load_model(model, device).neighbors(
            smiles, n=n, radius=radius, keep=keep, properties=names, seed=seed, batch_size=batch_size
        ),
        output,
        grid,
    )


def _calibrate(
    smiles: str | None, output: Path | None, plot: Path | None, model: str | None, device: str, batch_size: int
) -> None:
    from molvae.cli.models import load_model
    from molvae.corpus.writing import check_output
    from molvae.generator.exploration.radius import suitable_radius
    from molvae.storage.files import write_text

    for path, kinds in ((output, ("csv",)), (plot, ("svg", "png"))):
        if path is not None:
            check_output(path, kinds)
    vae = load_model(model, device)
    with console().status("calibrating"):
        curve = vae.calibrate_radius(None if smiles is None else [smiles], batch_size=batch_size)
    text, suitable = curve.to_csv(index=False, float_format="%.4g", lineterminator="\n"), suitable_radius(curve)
    if output is None:
        print_result(text)
    else:
        write_text(output, text)
        say(f"written: {output}")
    if plot is not None:
        from molvae.visualization.plots.curves import radius_curve
        from molvae.visualization.plots.style import save_figure

        save_figure(radius_curve(curve, suitable), plot)
        say(f"drawn: {plot}")
    say(f"radius {suitable:g}: similarity is half way from reconstruction to what is left at radius 1")
