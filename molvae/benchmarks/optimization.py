"""Searches on the tasks of PMO: every run a file of calls, from which all figures are made.

No search sees more of a task than the scores of the molecules that it asked for; no setting depends on the task.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from molvae.benchmarks.identity import checksum, model_checksum
from molvae.chem import map_chunks
from molvae.errors import ConfigError
from molvae.storage.files import write_text

__all__ = ["METHODS", "Job", "Setup", "areas", "jobs_of", "run_all"]

_FROM_LIBRARY = 30  # molecules of the library that a search begins with; they count like all others

METHODS: Mapping[str, Mapping[str, Any] | None] = MappingProxyType(
    {
        "molvae": {},
        "no-latent": {"operators": "graph mutation, graph crossover", "follow_every": 0},
        "latent-only": {"operators": "latent noise, latent mix, latent regrowth, latent draw"},
        "frozen": {"follow_every": 0},
        "no-surrogate": {"surrogate": False},
        "latent-surrogate": {},
        "screening": None,
        "cma-es": None,
        "reinforcement": None,
    }
)
"""Settings of the search by the name of the method; None for a search of another kind (`molvae.benchmarks.searchers`).

``no-latent`` is a genetic algorithm with a Gaussian process on fingerprints; ``latent-surrogate`` is ``molvae`` but for
its Gaussian process, which is one on latent points.
"""


class Job(NamedTuple):
    """One run."""

    method: str
    """of `METHODS`"""
    task: str
    """of `molvae.optimization.objectives.tasks.TASKS`"""
    seed: int


class Setup(NamedTuple):
    """What all runs share."""

    model: str
    """as in `MolVAE.from_pretrained`"""
    library: Path
    """a file of molecules: those that are screened, and of which searches take their first ones"""
    folder: Path
    """of the runs: ``METHOD/TASK-SEED.csv`` has the calls, ``.json`` the figures"""
    budget: int
    """calls of a run"""
    threads: int = 1
    """of torch, in each run"""


def jobs_of(methods: Sequence[str], tasks: Sequence[str], seeds: int) -> list[Job]:
    """All runs of some methods on some tasks: one seed after the other, from 0.

    Raises:
        ConfigError: there is no such method or task, or what a method needs is not installed.
    """
    from molvae.optimization.objectives.tasks import TASKS

    for given, known, kind in ((methods, METHODS, "method"), (tasks, TASKS, "task")):
        for name in given:
            if name not in known:
                raise ConfigError(f"there is no {kind} {name!r}; there are {', '.join(known)}")
    if "cma-es" in methods and find_spec("cma") is None:
        raise ConfigError('cma-es needs the package cma: pip install "molvae[cma]"')
    return [Job(method, task, seed) for seed in range(seeds) for method in methods for task in tasks]


def run_all(jobs: Sequence[Job], setup: Setup, *, workers: int = 1) -> Iterator[tuple[Job, dict[str, float]]]:
    """The figures of runs, each as soon as it has ended; one that ended before is not run again.

    Figures are those of `molvae.optimization.protocol.pmo_figures`, ``seconds``, of which ``objective`` are the
    objective's, and for searches through a latent space ``decoded``, strings, with ``decoded_valid``, the share of them
    that are molecules. ``budget`` and the checksums ``model`` and ``library`` tell what it is a run of; where one of
    them is another now, it is run again.

    Args:
        jobs: what to run.
        setup: how.
        workers: runs at a time, each in a process of its own.
    """
    for job in jobs:
        (setup.folder / job.method).mkdir(parents=True, exist_ok=True)
    yield from zip(jobs, map_chunks(partial(_run, setup=setup), jobs, workers=workers), strict=True)


def areas(found: Mapping[Job, Mapping[str, float]]) -> dict[str, dict[str, tuple[float, float]]]:
    """Mean and standard deviation over the seeds of the area under the ten best, by method and task.

    The deviation is that of a sample; NaN for a single seed.
    """
    seeds: dict[str, dict[str, list[float]]] = {}
    for job, figures in found.items():
        seeds.setdefault(job.method, {}).setdefault(job.task, []).append(figures["auc_top10"])
    return {
        method: {
            task: (float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else float("nan"))
            for task, values in tasks.items()
        }
        for method, tasks in seeds.items()
    }


def _run(job: Job, *, setup: Setup) -> dict[str, float]:
    """One run, in the process that is given it."""
    import torch

    from molvae.optimization.objectives import objective_of
    from molvae.optimization.protocol import pmo_figures
    from molvae.optimization.run.budgeted_objective import Cache, CountedObjective
    from molvae.optimization.run.log import CallLog
    from molvae.optimization.run.runner import Runner

    place = setup.folder / job.method / f"{job.task}-{job.seed}"
    summary = place.with_suffix(".json")
    own = {"budget": setup.budget, "model": model_checksum(setup.model), "library": checksum(setup.library)}
    if summary.exists():
        known: dict[str, float] = json.loads(summary.read_text())
        if own.items() <= known.items():
            return known
    torch.set_num_threads(setup.threads)
    place.with_suffix(".csv").unlink(missing_ok=True)
    clock = _Clock(objective_of(job.task, workers=1))
    search = _search(job, setup)
    log = CallLog(place.with_suffix(".csv"), [job.task])
    started = time.monotonic()
    Runner(search, CountedObjective(clock, budget=setup.budget, cache=Cache(None, [job.task])), log).run()
    seconds = time.monotonic() - started
    figures = pmo_figures(search.archive.smiles, search.archive.scores, budget=setup.budget)
    figures |= {"seconds": seconds, "objective": clock.seconds, **own}
    drawn = getattr(search, "drawn", None)
    if drawn is not None:
        figures |= {"decoded": float(drawn.strings), "decoded_valid": drawn.molecules / max(1, drawn.strings)}
    write_text(summary, json.dumps(figures, indent=1) + "\n")
    return figures


def _search(job: Job, setup: Setup) -> Any:
    from molvae.benchmarks.searchers.latent_surrogate import latent_surrogate
    from molvae.benchmarks.searchers.reinforcement import Reinforcement
    from molvae.benchmarks.searchers.screening import Screening
    from molvae.corpus.reading import read_smiles
    from molvae.generator.molvae import MolVAE
    from molvae.optimization.optimizer import Optimizer
    from molvae.optimization.settings import SearchConfig

    library = read_smiles(setup.library)
    if job.method == "screening":
        return Screening(library, job.seed)
    vae = MolVAE.from_pretrained(setup.model)
    if job.method == "cma-es":
        from molvae.benchmarks.searchers.evolution import LatentEvolution  # needs an extra

        return LatentEvolution(vae, job.seed)
    if job.method == "reinforcement":
        return Reinforcement(vae, job.seed)
    rows = np.random.default_rng(job.seed).choice(len(library), size=_FROM_LIBRARY, replace=False)
    settings = SearchConfig(**(METHODS[job.method] or {})).for_budget(setup.budget)
    surrogate = latent_surrogate(vae) if job.method == "latent-surrogate" else None
    start = [library[row] for row in rows]
    return Optimizer(vae, start=start, seed=job.seed, settings=settings, surrogate=surrogate)


class _Clock:
    """An objective, and the time it takes."""

    def __init__(self, objective: Callable[[Sequence[str]], Any]) -> None:
        self._objective, self.seconds = objective, 0.0
        self.name: str = objective.name  # type: ignore[attr-defined]
        self.failures: Mapping[str, str] = {}

    def __call__(self, smiles: Sequence[str], /) -> Any:
        started = time.monotonic()
        scores = self._objective(smiles)
        self.seconds += time.monotonic() - started
        return scores
