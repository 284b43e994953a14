"""`optimize`: begin or resume a search."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, chdir, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from molvae.chem.fingerprints import most_diverse
from molvae.errors import ConfigError, InputError
from molvae.generator.exploration.radius import model_key
from molvae.optimization.archive import best_first
from molvae.optimization.constraints import Constraint, allowed, constraint_of
from molvae.optimization.diversity import unlike_first
from molvae.optimization.objectives import Objective, mean_of, objective_of
from molvae.optimization.objectives.parser import What, runs_code
from molvae.optimization.optimizer import Optimizer, standardized
from molvae.optimization.run.budgeted_objective import Cache, CountedObjective
from molvae.optimization.run.folder import (
    CACHE,
    CALLS,
    STATE,
    Request,
    RunConfig,
    begin,
    change,
    go_on,
    read_request,
    trust,
)
from molvae.optimization.run.log import CallLog, part_columns
from molvae.optimization.run.result import BEST, SearchResult
from molvae.optimization.run.runner import Runner, Search, SearchProgress, restored
from molvae.optimization.settings import SearchConfig
from molvae.storage.output_folder import held

if TYPE_CHECKING:
    from molvae.generator.molvae import MolVAE

__all__ = ["optimize", "search"]


def optimize(
    vae: MolVAE,
    objective: What | Sequence[What],
    *,
    budget: int = 1_000,
    constraints: Sequence[Constraint | str] = (),
    start: Sequence[str] = (),
    mean: str = "geometric",
    seed: int = 0,
    batch: int | None = None,
    settings: SearchConfig | Mapping[str, Any] | None = None,
    timeout: float | None = None,
    folder: str | Path | None = None,
    cache: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    checkpoint_seconds: float = 60.0,
    model: str = "",
    top: int = BEST,
    executor: Executor | None = None,
    progress: Callable[[SearchProgress], None] | None = None,
    on_interrupt: Callable[[], None] = lambda: None,
) -> SearchResult:
    """Search for molecules with high scores.

    The objective gets distinct valid molecules in canonical SMILES, never one that it has scored before, and never more
    than the budget. A molecule for which it fails, or has no number, costs one call and nothing more. The same
    arguments give the same calls, on one machine.

    Args:
        vae: the model; it is not changed.
        objective: what is maximized: a name from `molvae optimize --list`, a function from a list of SMILES to numbers,
            or an objective; or a list of these, in which a name may begin with a weight, ``2*qed``.
        budget: calls: distinct molecules whose scores the search may learn. Molecules in the cache count, too; calls
            before a resume do not count again.
        constraints: what a molecule must fulfil before it costs a call: of `molvae.optimization.constraints`, or texts
            such as ``keep:c1ccccc1`` and ``window:mw:250:500``.
        start: molecules to begin with, in any SMILES; of salts the largest part is taken. The search scores up to
            ``first`` of the settings of those that the constraints allow; the surrogate decides about the others. If
            there are more, and molvae computes the objective itself, the search begins with the best of all of them:
            their scores are no calls. It begins with the most diverse ones (`most_diverse`) if the objective runs code
            of the user.
        mean: how several objectives are combined: their ``geometric`` or ``arithmetic`` mean, or ``pareto`` for the
            front of their trade-offs.
        seed: of every random choice.
        batch: molecules scored at a time; None takes few at the beginning and more later.
        settings: how to search, fields of `SearchConfig`; ``per_scaffold`` also limits the best of the result.
        timeout: seconds for one call of a command, or with an executor for a molecule; None means no limit.
        folder: for calls, state and results; None keeps them in memory.
        cache: a csv file with known numbers of the objectives, which is read and extended. None takes ``cache.csv`` in
            the folder.
        resume: continue the search in the folder, which was begun with the same arguments, except for the budget. It
            ends with the same calls as without the pause, on one machine.
        overwrite: replace an older search in the folder.
        checkpoint_seconds: time between two saves of the state.
        top: how many molecules are written into the folder as the best.
        model: a name for `MolVAE.from_pretrained`, recorded so that `molvae optimize --resume` finds the model.
        executor: runs functions and commands of the user in parallel, each molecule of a batch alone: anything with the
            interface of `concurrent.futures.Executor`. A molecule that fails or hangs costs itself alone. The calls
            are logged in the order in which they were asked for, so they do not depend on the executor.
        progress: called after every batch.
        on_interrupt: called at the first Ctrl-C, before the batch ends.

    Raises:
        ConfigError: an argument is out of range, or contradicts another.
        InputError: the objective failed, or a file cannot be read or written; all scores so far are written.
        ModelError: there is no such search to resume.
        KeyboardInterrupt: on Ctrl-C, when the batch is done and all is saved.

    >>> optimize(vae, "qed", budget=200, start=["CCOc1ccccc1"]).best(3)  # doctest: +SKIP
    """
    if isinstance(start, str):
        raise InputError(f"the start molecules must be a list of SMILES, not {start!r:.80}")
    single = isinstance(objective, str | Objective) or callable(objective)
    objectives: list[What] = [objective] if single else list(objective)  # type: ignore[list-item, arg-type]
    rules = [constraint_of(one) if isinstance(one, str) else one for one in constraints]
    run = RunConfig(
        objectives=tuple(one.strip() if isinstance(one, str) else objective_of(one).name for one in objectives),
        mean=mean,
        timeout=timeout or 0.0,
        budget=budget,
        batch=batch or 0,
        top=top,
        constraints=tuple(one.name for one in rules),
        seed=seed,
        cache="" if cache is None else str(cache),
        model=model,
    )
    how = settings if isinstance(settings, SearchConfig) else SearchConfig(**(settings or {}))
    return search(
        vae, Request(run, how, tuple(start)), objectives=objectives, constraints=rules, folder=folder, resume=resume,
        overwrite=overwrite, checkpoint_seconds=checkpoint_seconds, executor=executor, progress=progress,
        on_interrupt=on_interrupt,
    )  # fmt: skip


def search(
    vae: MolVAE,
    request: Request,
    *,
    objectives: Sequence[What] | None = None,
    constraints: Sequence[Constraint] | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    checkpoint_seconds: float = 60.0,
    executor: Executor | None = None,
    progress: Callable[[SearchProgress], None] | None = None,
    on_interrupt: Callable[[], None] = lambda: None,
) -> SearchResult:
    """As `optimize`, with the settings as they are in a folder.

    Args:
        vae: as in `optimize`.
        request: the settings.
        objectives: those of the request, as in `optimize`; None makes them from their names.
        constraints: those of the request; None makes them from their names.
        folder, resume, overwrite, checkpoint_seconds, executor, progress, on_interrupt: as in `optimize`.

    Raises:
        MolVAEError: as `optimize`.
        KeyboardInterrupt: as `optimize`.
    """
    if resume and folder is None:
        raise ConfigError("to resume a search, name its folder")
    place = None if folder is None else Path(folder)
    objectives = list(request.run.objectives if objectives is None else objectives)
    rules = list(map(constraint_of, request.run.constraints)) if constraints is None else list(constraints)
    request = _resolved(request, vae, objectives, place if resume else None)
    run, how = request.run, request.search
    goal = _goal_in(run, objectives, vae, executor)
    names = CountedObjective.names_of(goal)
    if place is not None and run.cache and not resume:
        _check_apart(Path(run.cache), place)
    kept = Cache(Path(run.cache), names) if run.cache else None  # opened first, so that its errors come first
    start = list(request.start)
    if not resume:
        costly = any(not isinstance(one, str) or runs_code(one) for one in objectives)
        start = _ordered(start, goal, rules, how, costly=costly)
    optimizer = Optimizer(vae, constraints=rules, start=start, front=run.mean == "pareto", seed=run.seed, settings=how)
    request = request._replace(start=tuple(start))

    with ExitStack() as stack:
        if place is not None:
            stack.enter_context(held(place))
            if not resume:
                stack.enter_context(begin(place, request, overwrite=overwrite))
            trust(place, run)
            if resume:
                go_on(place, request)
        log = CallLog(place and place / CALLS, names)
        known = kept if kept is not None else Cache(place and place / CACHE, names)
        if place is not None and resume:
            _recall(optimizer, log, known, place, run)
        counted = CountedObjective(goal, budget=run.budget, cache=known, done=optimizer.archive.smiles)
        runner = Runner(
            optimizer, counted, log, batch=run.batch or None, state=place and place / STATE,
            checkpoint_seconds=checkpoint_seconds, progress=progress, on_interrupt=on_interrupt,
        )  # fmt: skip

        def found() -> SearchResult:
            columns, limit = part_columns(names), how.per_scaffold or None
            return SearchResult(log.table(), goal.name, columns, run.mean == "pareto", limit, goal.failures)

        try:
            runner.run()
        finally:
            if place is not None and log.calls:
                found().save_summary(place, k=run.top)
    return found()


def _resolved(request: Request, vae: MolVAE, objectives: Sequence[What], begun: Path | None) -> Request:
    """A request with nothing left open; a resumed search, in the folder `begun`, keeps what it began with."""
    run, how = request.run, request.search
    earlier = read_request(begun) if begun is not None else None
    if earlier is not None and not how.first:
        how = how.replace(first=earlier.search.first)
    runs_programs = any(isinstance(one, str) and runs_code(one) for one in objectives)
    run = run.replace(
        cache=str(Path(run.cache).absolute()) if run.cache else "",
        model_key=model_key(vae.model.state_dict(), vae.tokenizer.to_json()),
        directory=earlier.run.directory if earlier is not None else os.getcwd() if runs_programs else "",
    )
    start = tuple(" ".join(one.split()) for one in request.start)
    if earlier is not None and sorted(start) == sorted(earlier.start):
        start = earlier.start  # in the order in which they were scored
    return request._replace(run=run, search=how.for_budget(run.budget), start=start)


def _ordered(
    start: Sequence[str], goal: Objective, rules: Sequence[Constraint], how: SearchConfig, *, costly: bool
) -> list[str]:
    """The start molecules in the order in which a search scores them, as `optimize` says."""
    if len(start) <= how.first:
        return list(start)
    forms = standardized(start, stereo=how.stereo)
    rows = np.flatnonzero(allowed(rules, forms)).tolist()
    if len(rows) <= how.first:
        return list(start)
    smiles = [forms[row] for row in rows]
    if costly:
        order = most_diverse(smiles, how.first)
    else:
        ranking = best_first(goal(smiles)).tolist()
        order = [ranking[place] for place in unlike_first([smiles[row] for row in ranking])]
    first = [rows[place] for place in order]
    return [start[row] for row in (*first, *sorted(set(range(len(start))).difference(first)))]


def _goal_in(run: RunConfig, objectives: Sequence[What], vae: MolVAE, executor: Executor | None) -> Objective:
    """The objective of a search; its files are looked for where the search began, then in the current folder."""
    if run.directory and run.directory != os.getcwd():
        with suppress(ConfigError, OSError), chdir(run.directory):
            return _goal(run, objectives, vae, executor)
    return _goal(run, objectives, vae, executor)


def _goal(run: RunConfig, objectives: Sequence[What], vae: MolVAE, executor: Executor | None) -> Objective:
    """One objective from one or several.

    Raises:
        ConfigError: there is no such objective, or the same one twice.
    """
    goal = mean_of(objectives, mean=run.mean, timeout=run.timeout or None, vae=vae, executor=executor)
    names = CountedObjective.names_of(goal)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(
            f"the objective {twice} was given twice; give it once, with a weight: 2*{twice}; or, if these are two "
            "functions, give each a name: UserObjective(function, name)"
        )
    return goal


def _check_apart(cache: Path, folder: Path) -> None:
    """Raise `ConfigError` if a cache is in the folder of a new search, which would replace it."""
    if folder.resolve() in cache.resolve().parents:
        raise ConfigError(
            f"the cache {cache} is in the folder of the search, {folder}, which is replaced; copy it to another place, "
            "and give that"
        )


def _recall(search: Search, log: CallLog, cache: Cache, folder: Path, run: RunConfig) -> None:
    """Bring search, log and cache to their state at the last save; later calls move to the cache.

    Raises:
        ConfigError: the budget is below the calls that were made.
    """
    if run.budget < len(log.calls):
        raise ConfigError(f"{len(log.calls):,} calls were made already: the budget cannot be {run.budget:,}")
    change(folder, budget=run.budget, top=run.top)
    later = restored(search, log, folder / STATE)
    for call in later:
        if call.proposal.smiles not in cache:
            cache.add([call.proposal.smiles], [call.parts or (call.score,)])
    log.keep(len(log.calls) - len(later))
