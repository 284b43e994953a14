"""Searches on the tasks of PMO. Every run writes a file of its calls, from which all figures are computed.

A search sees nothing of a task but the scores of its molecules, and no setting depends on the task.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from molvae.chem import map_chunks
from molvae.corpus.datasets import find
from molvae.errors import ConfigError
from molvae.pretrained.card import MODEL_FILES
from molvae.pretrained.hub import find_model
from molvae.storage.cache import cache_folder
from molvae.storage.files import write_text
from molvae.storage.latest_run import is_finished

__all__ = ["METHODS", "Job", "Setup", "jobs_of", "model_checksum", "over_seeds", "run_all", "zinc_generator"]

_FROM_LIBRARY = 30  # molecules of the library that a search starts with; they count as calls
_BLOCK = 1 << 20  # bytes read at a time

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
"""Settings of the search by method; None for the search methods of `molvae.benchmarks.baselines`.

``no-latent`` is a genetic algorithm with a Gaussian process on fingerprints; ``latent-surrogate`` is ``molvae`` with a
Gaussian process on latent points.
"""


class Job(NamedTuple):
    """One run."""

    method: str
    """of `METHODS`"""
    task: str
    """of `molvae.optimization.objectives.tasks.TASKS`"""
    seed: int


class Setup(NamedTuple):
    """Settings of all runs."""

    model: str
    """as in `MolVAE.from_pretrained`"""
    library: Path
    """a file of molecules: screening takes them all, other searches their first ones"""
    folder: Path
    """folder of the runs: ``METHOD/TASK-SEED.csv`` has the calls, ``.json`` the figures"""
    budget: int
    """calls of a run"""
    threads: int = 1
    """threads of each run"""


def jobs_of(methods: Sequence[str], tasks: Sequence[str], seeds: int) -> list[Job]:
    """All runs of some methods on some tasks, with seeds from 0.

    Raises:
        ConfigError: a method or task is unknown, or a package that a method needs is not installed.
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
    """Run jobs and yield the figures of each as soon as it ends; a finished job is not run again.

    The figures are those of `molvae.optimization.protocol.pmo_figures`; ``seconds``, and ``objective``, the seconds of
    the objective; and for searches with a decoder ``decoded``, the number of strings, and ``decoded_valid``, the share
    of valid ones. ``budget`` and the checksums ``model`` and ``library`` identify a run: if one of them changed, the
    job is run again.

    Args:
        jobs: the runs.
        setup: their settings.
        workers: runs at a time, each in its own process.
    """
    for job in jobs:
        (setup.folder / job.method).mkdir(parents=True, exist_ok=True)
    yield from zip(jobs, map_chunks(partial(_run, setup=setup), jobs, workers=workers), strict=True)


def over_seeds(
    found: Mapping[Job, Mapping[str, float]], figure: str = "auc_top10"
) -> dict[str, dict[str, tuple[float, float]]]:
    """Mean and standard deviation of a figure over the seeds, by method and task; the task ``sum`` is that of all.

    It is the sample standard deviation; NaN for a single seed. That of the sum is of the sums of each seed.
    """
    seeds: dict[str, dict[str, dict[int, float]]] = {}
    for job, figures in found.items():
        for task in (job.task, "sum"):
            by_seed = seeds.setdefault(job.method, {}).setdefault(task, {})
            by_seed[job.seed] = by_seed.get(job.seed, 0.0) + figures.get(figure, float("nan"))
    table = {}
    for method, tasks in seeds.items():
        values = {task: np.array(list(by_seed.values())) for task, by_seed in tasks.items()}
        table[method] = {
            task: (float(one.mean()), float(one.std(ddof=1)) if len(one) > 1 else float("nan"))
            for task, one in values.items()
        }
    return table


def _run(job: Job, *, setup: Setup) -> dict[str, float]:
    """One run, in a worker process."""
    from molvae.optimization.objectives import objective_of
    from molvae.optimization.protocol import pmo_figures
    from molvae.optimization.run.budgeted_objective import Cache, CountedObjective
    from molvae.optimization.run.log import CallLog
    from molvae.optimization.run.runner import Runner
    from molvae.runtime.device import limit_threads

    place = setup.folder / job.method / f"{job.task}-{job.seed}"
    summary = place.with_suffix(".json")
    own = {"budget": setup.budget, "model": model_checksum(setup.model), "library": _checksum(setup.library)}
    if summary.exists():
        known: dict[str, float] = json.loads(summary.read_text())
        if own.items() <= known.items():
            return known
    limit_threads(setup.threads)
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
    from molvae.benchmarks.baselines import LatentEvolution, Reinforcement, Screening, latent_surrogate
    from molvae.corpus.reading import read_smiles
    from molvae.generator.molvae import MolVAE
    from molvae.optimization.optimizer import Optimizer
    from molvae.optimization.settings import SearchConfig

    library = read_smiles(setup.library)
    if job.method == "screening":
        return Screening(library, job.seed)
    vae = MolVAE.from_pretrained(setup.model)
    if job.method == "cma-es":
        return LatentEvolution(vae, job.seed)
    if job.method == "reinforcement":
        return Reinforcement(vae, job.seed)
    rows = np.random.default_rng(job.seed).choice(len(library), size=_FROM_LIBRARY, replace=False)
    settings = SearchConfig(**(METHODS[job.method] or {})).for_budget(setup.budget)
    surrogate = latent_surrogate(vae) if job.method == "latent-surrogate" else None
    start = [library[row] for row in rows]
    return Optimizer(vae, start=start, seed=job.seed, settings=settings, surrogate=surrogate)


class _Clock:
    """An objective that measures its time."""

    def __init__(self, objective: Callable[[Sequence[str]], Any]) -> None:
        self._objective, self.seconds = objective, 0.0
        self.name: str = objective.name  # type: ignore[attr-defined]
        self.failures: Mapping[str, str] = {}

    def __call__(self, smiles: Sequence[str], /) -> Any:
        started = time.monotonic()
        scores = self._objective(smiles)
        self.seconds += time.monotonic() - started
        return scores


@lru_cache
def _checksum(*files: Path) -> int:
    """CRC-32 of the concatenated bytes of files."""
    value = 0
    for path in files:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                value = zlib.crc32(block, value)
    return value


def model_checksum(model: str) -> int:
    """Checksum of the tokenizer and the weights of a model, by its name in `MolVAE.from_pretrained`; 0 for no model.

    Missing files are left out here; loading the model reports them.
    """
    files = [find_model(model) / name for name in MODEL_FILES[1:3]] if model else []
    return _checksum(*(one for one in files if one.is_file()))


def zinc_generator() -> Path:
    """The folder of the model of the optimization benchmarks, trained on ZINC-250k only.

    If it is not in the cache, it is trained, in an hour or two on two cores: medium size, three epochs of AdamW, seed
    0, no stereochemistry, which no task uses:
    ``molvae train zinc250k.csv.gz --from-scratch --size medium --epochs 3 --optimizer adamw --learning-rate 0.004
    --weight-decay 0.01 --no-stereo``.

    Raises:
        InputError: the data set has not been downloaded.
    """
    from molvae.training.run import resume, train

    folder = (cache_folder("models") or Path("molvae-runs")) / "zinc250k-generator"
    if is_finished(folder):
        return folder
    if folder.exists():
        resume(folder, verbose=True)
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    train(
        find("zinc250k"),
        folder,
        size="medium",
        from_scratch=True,
        training={"epochs": 3, "optimizer": "adamw", "learning_rate": 4e-3, "weight_decay": 0.01, "seed": 0},
        cleaning={"stereo": False},
        verbose=True,
    )
    return folder
