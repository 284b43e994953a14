"""``molvae benchmark leads``"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Optional

import typer

from molvae.cli.common import command, print_result, say
from molvae.cli.options import AsJson

__all__ = ["leads"]


@command
def leads(
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=100, help="Leads.")] = 100,
    similarity: Annotated[float, typer.Option(min=0.0, max=1.0, help="To the lead, at least.")] = 0.4,
    budget: Annotated[int, typer.Option(min=20, help="Calls of the objective for a lead.")] = 1_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the searches.")] = 0,
    model: Annotated[
        Optional[str],
        typer.Option(help="Generator; by default one trained on ZINC-250k alone, which is trained first if need be."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the results. Leads that are in it are not improved again.")
    ] = Path("leads"),
    workers: Annotated[int, typer.Option(min=1, help="Leads at a time, each on one thread.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Improve leads without leaving them: how much logP - SA rises at a similarity of 0.4 or more.

    The leads are every eighth of the 800 molecules of ZINC-250k with the lowest logP - SA. Told is the mean improvement
    after 20, 100 and 1,000 calls of the objective for each. The molecules are those of `molvae download zinc250k`.
    """
    say("loading torch and RDKit ...", "dim")
    from molvae.benchmarks.leads import LeadSetup, improve_all, leads_of, summary
    from molvae.benchmarks.optimization import zinc_generator
    from molvae.corpus.datasets import find
    from molvae.corpus.reading import read_smiles
    from molvae.storage.files import finite

    chosen = leads_of(read_smiles(find("zinc250k")), n)
    setup = LeadSetup(model if model is not None else str(zinc_generator()), output, similarity, budget, seed)
    found = []
    for one in improve_all(chosen, setup, workers=workers):
        found.append(one)
        gains = ", ".join(f"+{gain:.2f} after {calls}" for calls, gain in one["improvement"].items())
        say(f"{len(found)} of {len(chosen)}: {one['lead']} ({one['start']:.2f}): {gains}")
    table = summary(found)
    if as_json:
        print_result(json.dumps(finite({"summary": table, "leads": found}), indent=1) + "\n")
    else:
        rows = [
            f"{calls},{row['improvement']:.4f},{row['standard_error']:.4f},{row['improved']:.3f}"
            for calls, row in table.items()
        ]
        print_result("\n".join(["calls,improvement,standard_error,improved", *rows]) + "\n")
