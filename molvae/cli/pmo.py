"""``molvae benchmark optimization``"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from molvae.cli.common import command, print_result, say
from molvae.cli.options import AsJson
from molvae.config import split_names

if TYPE_CHECKING:
    from molvae.benchmarks.optimization import Job

__all__ = ["optimization"]

_BESIDE = ("Graph GA", "Genetic GFN", "Tanimoto GP BO", "InVirtuoGen")


@command
def optimization(
    tasks: Annotated[
        Optional[str],
        typer.Option(help="Tasks, with commas between them. All twenty by default.", show_default=False),
    ] = None,
    methods: Annotated[
        str,
        typer.Option(
            help="Of molvae, no-latent, latent-only, frozen, no-surrogate, latent-surrogate, screening, cma-es, "
            "reinforcement, with commas between them.",
        ),
    ] = "molvae",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each, of the seeds from 0.")] = 1,
    budget: Annotated[int, typer.Option(min=1, help="Calls of a run; the protocol has 10,000.")] = 10_000,
    model: Annotated[
        Optional[str],
        typer.Option(help="Generator; by default one trained on ZINC-250k alone, which is trained first if need be."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the runs. Those in it are not run again.")
    ] = Path("pmo"),
    workers: Annotated[int, typer.Option(min=1, help="Runs at a time, each on one thread.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Score searches by the protocol of PMO, beside published rows.

    Twenty tasks that need RDKit alone, as their oracles are since August 2022; every run may call them for 10,000
    molecules. The figure is the area under the mean of the ten best. Every call is kept in the folder, so that all
    figures can be made again. The molecules are those of `molvae download zinc250k`.
    """
    say("loading torch and RDKit ...", "dim")
    from molvae.benchmarks.generator import zinc_generator
    from molvae.benchmarks.optimization import Setup, jobs_of, run_all
    from molvae.corpus.datasets import find
    from molvae.optimization.objectives.tasks import TASKS

    jobs = jobs_of(split_names(methods), split_names(tasks) if tasks else list(TASKS), seeds)
    library = find("zinc250k")
    needs_model = any(job.method != "screening" for job in jobs)
    name = model if model is not None or not needs_model else str(zinc_generator())
    setup = Setup(name or "", library, output, budget)
    found: dict[Job, Mapping[str, float]] = {}
    for job, figures in run_all(jobs, setup, workers=workers):
        found[job] = figures
        line = f"AUC top-10 {figures['auc_top10']:.3f}, best {figures['top1']:.3f}, {figures['seconds']:.0f} s"
        say(f"{job.method}, {job.task}, seed {job.seed}: {line}")
    if as_json:
        rows = [{**job._asdict(), **{key: _plain(value) for key, value in one.items()}} for job, one in found.items()]
        print_result(json.dumps(rows, indent=1) + "\n")
    elif sys.stdout.isatty():
        _print_table(found)
    else:
        names = list(dict.fromkeys(key for one in found.values() for key in one))
        lines = [",".join(["method", "task", "seed", *names])]
        for job, one in found.items():
            values = ["" if key not in one else _text(one[key]) for key in names]
            lines.append(",".join([job.method, job.task, str(job.seed), *values]))
        print_result("".join(f"{line}\n" for line in lines))


def _text(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _print_table(found: Mapping[Job, Mapping[str, float]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from molvae.benchmarks.optimization import areas
    from molvae.optimization.published import CHANGED_BY_THE_FIX, published

    ours, others = areas(found), published()
    beside = [name for name in _BESIDE if name in others]
    table = Table(box=None, pad_edge=False, header_style="bold", title="area under the mean of the ten best")
    table.add_column("")
    for method in ours:
        table.add_column(method, justify="right", style="bold")
    for name in beside:
        table.add_column(name, justify="right", style="dim")
    tasks = list(dict.fromkeys(job.task for job in found))
    for task in tasks:
        own = [_cell(ours[method].get(task)) for method in ours]
        old = [
            ""
            if task not in others[name].auc_top10 or (others[name].before_the_fix and task in CHANGED_BY_THE_FIX)
            else f"{others[name].auc_top10[task]:.3f}"
            for name in beside
        ]
        table.add_row(task, *own, *old)
    sums = [f"{sum(mean for mean, _ in ours[method].values()):.3f}" for method in ours]
    old = [
        ""
        if others[name].before_the_fix or not others[name].auc_top10.keys() >= set(tasks)
        else f"{sum(others[name].auc_top10[task] for task in tasks):.3f}"
        for name in beside
    ]
    table.add_row("sum", *sums, *old)
    Console(highlight=False).print(table)


def _cell(area: tuple[float, float] | None) -> str:
    if area is None:
        return ""
    mean, deviation = area
    return f"{mean:.3f}" if math.isnan(deviation) else f"{mean:.3f} ± {deviation:.3f}"
