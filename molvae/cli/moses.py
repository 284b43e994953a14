"""``molvae benchmark moses``"""

from __future__ import annotations

from typing import Annotated

import typer

from molvae.cli.common import command, say
from molvae.cli.options import AsJson, Device, ModelName, Workers

__all__ = ["moses"]


@command
def moses(
    model: ModelName = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Strings to draw; the protocol has 30,000.")] = 30_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
    test_molecules: Annotated[int, typer.Option(min=2, help="Test molecules to reconstruct.")] = 5_000,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="A second row, with strings that are no molecules encoded and decoded again."),
    ] = False,
    flow: Annotated[
        bool,
        typer.Option("--flow", help="A row of draws from a flow fitted to the posteriors instead of N(0, I)."),
    ] = False,
    device: Device = "auto",
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Score one model by the MOSES protocol, beside published rows.

    Raw draws from N(0, I) at temperature 1, nothing filtered; exact reconstruction of test molecules and the health of
    the latent space from the same weights. The data are those of `molvae download moses`.
    """
    say("loading torch and RDKit ...", "dim")
    from molvae.benchmarks.moses import moses_rows
    from molvae.cli.figures import print_figures, watching
    from molvae.cli.models import load_model
    from molvae.metrics.chemnet import has_chemnet

    vae = load_model(model, device)
    if not has_chemnet():
        say('FCD is left out: it needs an extra, pip install "molvae[fcd]"', "yellow")
    with watching() as watch:
        rows = moses_rows(
            vae, n=n, test_molecules=test_molecules, repair=repair, flow=flow, seed=seed, workers=workers, watch=watch
        )
    print_figures(rows, as_json=as_json, published=True)
