"""``molvae interpolate``, ``mix``, ``neighbors`` and ``decorate``: molecules near others in the latent space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvae.cli.console import command, print_result, print_status
from molvae.cli.options import (
    STDOUT,
    BatchSize,
    Constrained,
    Device,
    Grid,
    ModelName,
    MoleculesOutput,
    NovelOnly,
    NovelTautomers,
    Properties,
    check_outputs,
    with_options,
)
from molvae.errors import ConfigError, SamplingError

if TYPE_CHECKING:
    from molvae.generator.exploration.walk import Walk
    from molvae.generator.molvae import MolVAE

__all__ = ["decorate", "interpolate", "mix", "neighbors"]


@dataclass(frozen=True)
class WalkOptions:
    """The options of all four commands."""

    output: MoleculesOutput = None
    grid: Grid = None
    properties: Properties = False
    model: ModelName = None
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same molecules.")] = 0
    batch_size: BatchSize = 512
    device: Device = "auto"


@dataclass(frozen=True)
class ExploreOptions(WalkOptions):
    """The options of commands that decode points as they are."""

    constrained: Constrained = True


@command
@with_options(options=ExploreOptions)
def interpolate(
    a: Annotated[str, typer.Argument(help="SMILES of the first molecule.")],
    b: Annotated[str, typer.Argument(help="SMILES of the last molecule.")],
    steps: Annotated[int, typer.Option(help="Number of molecules, including both ends.")] = 10,
    linear: Annotated[bool, typer.Option("--linear", help="Straight line instead of great circle.")] = False,
    *,
    options: ExploreOptions,
) -> None:
    """Find molecules between two molecules in the latent space.

    The command decodes many points of the path and picks as many distinct molecules as there are steps, as evenly
    spaced as possible. Where the path has too few distinct molecules, it also tries points beside the path. The result
    is csv: the position t, the Tanimoto similarities (Morgan, radius 2) to both ends, and off_path, the distance from
    the path. stderr says whether the model reconstructs the ends, and how many distinct molecules the path has.
    """
    settings: dict[str, Any] = {"steps": steps, "linear": linear, "constrained": options.constrained}
    _explore(options, lambda vae, shared: vae.interpolate(a, b, **settings, **shared))


@command
@with_options(options=ExploreOptions)
def mix(
    smiles: Annotated[list[str], typer.Argument(help="SMILES of two or more parents.")],
    weights: Annotated[str | None, typer.Option(help="Weights of the parents, as 2,1,1. Default: equal.")] = None,
    n: Annotated[int, typer.Option("--n", "-n", help="Number of molecules.")] = 10,
    radius: Annotated[float, typer.Option(help="Largest distance from the mean, in units of its norm.")] = 0.4,
    *,
    options: ExploreOptions,
) -> None:
    """Combine molecules: find molecules around the mean of their latent points.

    The mean is weighted, and scaled to the norm of the points. The result is csv, the most balanced molecule first: the
    balance, which is the weighted geometric mean of the Tanimoto similarities (Morgan, radius 2) to the parents, and
    these similarities. It contains no parent. The picture shows the parents first.
    """
    try:
        shares = None if weights is None else [float(part) for part in weights.split(",")]
    except ValueError:
        raise ConfigError(f"--weights must be numbers separated by commas, as 2,1,1, not {weights!r}") from None
    settings: dict[str, Any] = {"weights": shares, "n": n, "radius": radius, "constrained": options.constrained}
    _explore(options, lambda vae, shared: vae.mix(smiles, **settings, **shared))


@command
@with_options(options=ExploreOptions)
def neighbors(
    smiles: Annotated[str | None, typer.Argument(help="SMILES of the lead; not needed with --calibrate.")] = None,
    n: Annotated[int, typer.Option("--n", "-n", help="Number of molecules.")] = 50,
    radius: Annotated[
        float | None, typer.Option(help="Distance from the lead in units of its norm, at most 1. Default: calibrated.")
    ] = None,
    keep: Annotated[str | None, typer.Option(help="Required SMARTS, or the word scaffold: that of the lead.")] = None,
    novel: NovelOnly = False,
    novel_tautomers: NovelTautomers = False,
    stereo: Annotated[bool, typer.Option("--stereo/--no-stereo", help="Keep or remove stereochemistry.")] = True,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Print what happens at each radius.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Plot the curve of --calibrate: svg or png file.")] = None,
    *,
    options: ExploreOptions,
) -> None:
    """Find molecules around a lead.

    The command decodes random points at a fixed distance from the latent point of the lead until it has N distinct
    molecules other than the lead. The result is csv, the nearest first: the latent distance from the lead, in units of
    the norm of the lead, the Tanimoto similarity (Morgan, radius 2), and known, which is 1 for molecules of the
    training file and their stereoisomers. If the radius gives too few molecules, the command writes those and suggests
    a larger radius.

    --calibrate prints the similarity, the validity and the share of changed molecules at each radius, for the lead or,
    without a lead, for the model. The default radius is where the similarity is halfway between radius 0 and 1.
    """
    if calibrate:
        given = (keep, radius, options.grid)
        if novel or novel_tautomers or not stereo or options.properties or any(one is not None for one in given):
            raise ConfigError(
                "--calibrate prints all radii: it excludes --radius, --keep, --novel, --no-stereo, --grid and "
                "--properties"
            )
        _calibrate(smiles, plot, options)
        return
    if smiles is None:
        raise ConfigError("give the SMILES of a lead, or --calibrate for the curve of the model")
    if plot is not None:
        raise ConfigError("--plot plots the curve of --calibrate; --grid draws the molecules")
    settings: dict[str, Any] = {"n": n, "radius": radius, "keep": keep, "constrained": options.constrained}
    settings |= {"novel": "tautomers" if novel_tautomers else novel, "stereo": stereo}
    _explore(options, lambda vae, shared: vae.neighbors(smiles, **settings, **shared))


@command
@with_options(options=WalkOptions)
def decorate(
    scaffold: Annotated[str, typer.Argument(help="SMILES with [*:1], [*:2], ... at the attachment points.")],
    n: Annotated[int, typer.Option("--n", "-n", help="Number of molecules.")] = 100,
    near: Annotated[
        str | None,
        typer.Option(help="SMILES of a lead: groups from around its latent point. Default: random points."),
    ] = None,
    temperature: Annotated[float, typer.Option(min=0.0, help="Higher is more diverse; 0: most likely tokens.")] = 1.0,
    *,
    options: WalkOptions,
) -> None:
    """Put groups on a scaffold.

    The decoder writes a group at each attachment point and changes nothing else. The command prints N distinct
    molecules. With --near it makes more and prints those most similar to the lead, as csv with the Tanimoto similarity
    (Morgan, radius 2).

    Example: molvae decorate "O=C(Nc1ccc([*:1])cc1)c1ccnc([*:2])c1" -n 100
    """
    settings: dict[str, Any] = {"n": n, "near": near, "temperature": temperature}
    _explore(options, lambda vae, shared: vae.decorate(scaffold, **settings, **shared))


def _explore(options: WalkOptions, find: Callable[[MolVAE, dict[str, Any]], Walk]) -> None:
    """Find molecules and write them: a table, a picture if there is to be one, and notes on stderr.

    Args:
        options: of the command.
        find: finds them, given the model and the keyword arguments that all methods share.

    Raises:
        InputError: a file cannot be written.
        SamplingError: there are fewer molecules than asked for; they are written all the same.
    """
    import numpy as np

    from molvae.chem import PROPERTIES
    from molvae.cli.models import load_model
    from molvae.cli.output import molecule_output, save_picture
    from molvae.cli.progress import ProgressDisplay
    from molvae.generator.sampling.screening import Molecules

    output, grid = options.output, options.grid
    check_outputs((output, None), (grid, ("svg", "png")))
    names = tuple(PROPERTIES) if options.properties else ()
    vae = load_model(options.model, options.device)
    with ProgressDisplay() as show:
        show("searching the latent space")
        walk = find(vae, {"properties": names, "seed": options.seed, "batch_size": options.batch_size})
    for note in walk.notes:
        print_status(note)
    columns = list(walk.table.columns[1:])
    with molecule_output(output, columns, len(walk.table)) as write:
        write(Molecules(walk.smiles, walk.table[columns].to_numpy(dtype=np.float64)))
    if grid is not None:
        save_picture(grid, walk.picture(grid.suffix.lower().removeprefix(".")))
    if walk.shortfall:
        raise SamplingError(walk.shortfall)


def _calibrate(smiles: str | None, plot: Path | None, options: ExploreOptions) -> None:
    """Print, and plot if asked to, how similar, valid and changed molecules are at each radius."""
    from molvae.cli.models import load_model
    from molvae.cli.progress import ProgressDisplay
    from molvae.generator.exploration.radius import suitable_radius
    from molvae.storage.files import write_text

    output = options.output
    check_outputs((output, ("csv",)), (plot, ("svg", "png")))
    vae = load_model(options.model, options.device)
    with ProgressDisplay() as show:
        show("calibrating")
        curve = vae.calibrate_radius(None if smiles is None else [smiles], batch_size=options.batch_size)
    text, suitable = curve.to_csv(index=False, float_format="%.4g", lineterminator="\n"), suitable_radius(curve)
    if output is None or output == STDOUT:
        print_result(text)
    else:
        write_text(output, text)
        print_status(f"written: {output}")
    if plot is not None:
        from molvae.visualization.plots.curves import radius_curve
        from molvae.visualization.plots.style import save_figure

        save_figure(radius_curve(curve, suitable), plot)
        print_status(f"drawn: {plot}")
    print_status(f"radius {suitable:g}: the similarity is halfway between its values at radius 0 and 1")
