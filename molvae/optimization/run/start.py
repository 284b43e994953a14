"""`optimize`: from what a user gives to a search, and to what it has found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molvae.errors import ConfigError
from molvae.generator.exploration.radius import model_key
from molvae.optimization.constraints import Constraint, constraint_of
from molvae.optimization.objectives import Objective, mean_of
from molvae.optimization.objectives.composing import Mean
from molvae.optimization.optimizer import Optimizer
from molvae.optimization.pareto import Pareto
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
)
from molvae.optimization.run.log import CallLog, part_columns
from molvae.optimization.run.result import BEST, SearchResult
from molvae.optimization.run.runner import Runner, Search, SearchProgress, restored
from molvae.optimization.run.trust import trust
from molvae.optimization.settings import SearchConfig
from molvae.storage.output_folder import held

if TYPE_CHECKING:
    from molvae.generator.molvae import MolVAE

__all__ = ["goal_of", "optimize"]

What = str | Callable[[list[str]], Any] | Objective


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
    progress: Callable[[SearchProgress], None] | None = None,
    on_interrupt: Callable[[], None] = lambda: None,
) -> SearchResult:
    """Search for molecules with high scores.

    The objective is called with distinct valid molecules in canonical SMILES, never again with one that it has answered
    for, and never with more than the budget says. A molecule that it fails for, or has no number for, costs a call and
    nothing more. The same arguments give the same calls, on one machine.

    Args:
        vae: the model whose latent space is searched; it is left as it is.
        objective: what is maximized: a name, as `molvae optimize --list` prints them, a function from a list of SMILES
            to numbers, or an objective; or several of these, of which a name may begin with a weight, ``2*qed``.
        budget: calls: distinct molecules whose scores the search may learn. What a cache knows counts like the rest;
            what this very run knew before it was resumed does not count again.
        constraints: what a molecule must be before it is worth a call: of `molvae.optimization.constraints`, or texts
            such as ``keep:c1ccccc1`` and ``window:mw:250:500``.
        start: molecules to begin with, in any SMILES, of salts the largest part; they are scored first, where the
            constraints allow them, as many as ``first`` of the settings says; the surrogate decides on the others.
        mean: what is made of several objectives: their ``geometric`` or ``arithmetic`` mean, or ``pareto``, for the
            front of their trade-offs.
        seed: of every random choice.
        batch: molecules scored at a time; None takes few at the beginning and more later on.
        settings: how to search, fields of `SearchConfig`; its ``per_scaffold`` holds for the best of the result, too.
        timeout: seconds for one call of a command; None waits for ever.
        folder: where calls, state and results are written; None keeps them in memory.
        cache: a csv file of what the objectives have said, of this search and others, to be read and added to. None
            takes ``cache.csv`` in the folder.
        resume: go on with the search in the folder, which was begun with the same arguments but for its budget. It
            ends with the calls that it would have made undisturbed, on one machine.
        overwrite: replace an older search in the folder.
        checkpoint_seconds: between two saves of the state.
        top: how many molecules are written into the folder as the best.
        model: a name under which `MolVAE.from_pretrained` finds the model, for whoever resumes.
        progress: told after every batch.
        on_interrupt: told at the first Ctrl-C, when the batch is still to be ended.

    Raises:
        ConfigError: an argument is out of range, or contradicts another.
        InputError: the objective failed altogether, or a file cannot be read or written; all that was scored is
            written.
        ModelError: there is no such search to resume.
        KeyboardInterrupt: on Ctrl-C, when the batch is done and all is saved.

    >>> optimize(vae, "qed", budget=200, start=["CCOc1ccccc1"]).best(3)  # doctest: +SKIP
    """
    if resume and folder is None:
        raise ConfigError("to resume a search, name its folder")
    place = None if folder is None else Path(folder)
    how = _decided(settings, budget, place if resume else None)
    rules = [constraint_of(one) if isinstance(one, str) else one for one in constraints]
    goal = goal_of(objective, mean=mean, timeout=timeout)
    run = RunConfig(
        objectives=_names(objective),
        mean=mean,
        timeout=timeout or 0.0,
        budget=budget,
        batch=batch or 0,
        top=top,
        constraints=tuple(one.name for one in rules),
        seed=seed,
        cache="" if cache is None else str(Path(cache).absolute()),
        model=model,
        model_key=model_key(vae.model.state_dict(), vae.tokenizer.to_json()),
    )
    names = CountedObjective.names_of(goal)
    if place is not None and cache is not None and not resume:
        _check_apart(Path(cache), place)
    kept = Cache(Path(cache), names) if cache is not None else None  # what is wrong with it is said first
    search = Optimizer(vae, constraints=rules, start=start, front=mean == "pareto", seed=seed, settings=how)
    request = Request(run, how, tuple(" ".join(one.split()) for one in start))

    with ExitStack() as made:
        if place is not None:
            made.enter_context(held(place))
            if not resume:
                made.enter_context(begin(place, request, overwrite=overwrite))
            trust(place, run)
        if place is not None and resume:
            go_on(place, request)
        log = CallLog(place and place / CALLS, names)
        known = kept if kept is not None else Cache(place and place / CACHE, names)
        if place is not None and resume:
            _recall(search, log, known, place, run)
        counted = CountedObjective(goal, budget=budget, cache=known, done=search.archive.smiles)
        runner = Runner(
            search, counted, log, batch=batch, state=place and place / STATE, checkpoint_seconds=checkpoint_seconds,
            progress=progress, on_interrupt=on_interrupt,
        )  # fmt: skip

        def found() -> SearchResult:
            columns, limit = part_columns(names), how.per_scaffold or None
            return SearchResult(log.table(), goal.name, columns, mean == "pareto", limit, goal.failures)

        try:
            runner.run()
        finally:
            if place is not None and log.calls:
                found().save_summary(place, k=top)
    return found()


def _decided(settings: SearchConfig | Mapping[str, Any] | None, budget: int, begun: Path | None) -> SearchConfig:
    """Settings without anything left open; what followed from the budget of a search that goes on stays as it was."""
    how = settings if isinstance(settings, SearchConfig) else SearchConfig(**(settings or {}))
    if begun is not None and not how.first:
        how = how.replace(first=read_request(begun).search.first)
    return how.for_budget(budget)


def goal_of(objective: What | Sequence[What], *, mean: str = "geometric", timeout: float | None = None) -> Objective:
    """One objective of one or several.

    Args:
        objective: as in `optimize`.
        mean: as in `optimize`.
        timeout: as in `optimize`.

    Raises:
        ConfigError: there is no such objective or mean, or one is there twice.
    """
    parts = _listed(objective)
    if mean != "pareto":
        goal = mean_of(parts, mean=mean, timeout=timeout)
    else:
        several = mean_of(parts, mean="arithmetic", timeout=timeout)
        goal = Pareto(several.objectives, weights=several.weights) if isinstance(several, Mean) else Pareto([several])
    names = CountedObjective.names_of(goal)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(
            f"the objective {twice} is there twice; give it once, with a weight: 2*{twice}; or, if these are two "
            "functions, give each a name: UserObjective(function, name)"
        )
    return goal


def _listed(objective: What | Sequence[What]) -> list[What]:
    return [objective] if isinstance(objective, str | Objective) or callable(objective) else list(objective)


def _names(objective: What | Sequence[What]) -> tuple[str, ...]:
    """Texts of which the same objectives can be made, where they were texts."""
    return tuple(one.strip() if isinstance(one, str) else goal_of(one).name for one in _listed(objective))


def _check_apart(cache: Path, folder: Path) -> None:
    """Raise `ConfigError` if a cache is in the folder of a search that is to be begun, and would be replaced."""
    if folder.resolve() in cache.resolve().parents:
        raise ConfigError(
            f"the cache {cache} is in the folder of the search, {folder}, which is made anew; copy it to another "
            "place, and give that"
        )


def _recall(search: Search, log: CallLog, cache: Cache, folder: Path, run: RunConfig) -> None:
    """Bring search, log and cache to where they were at the last save; no answer is lost on the way.

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
