"""``molvae optimize``"""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from molvae.cli.console import command, exit_resumable, print_result, print_status, results_only
from molvae.cli.options import Device, ModelName, SmilesColumn, Where, with_options
from molvae.cli.progress import ProgressDisplay
from molvae.errors import ConfigError, InputError, ModelError, SamplingError, pluralize
from molvae.optimization.settings import SearchConfig
from molvae.storage.latest_run import RUNS

if TYPE_CHECKING:
    from molvae.optimization.constraints import Constraint
    from molvae.optimization.run.folder import Request
    from molvae.optimization.run.result import SearchResult
    from molvae.optimization.run.runner import SearchProgress

__all__ = ["OptimizeCommand", "SearchCommand", "SearchOptions", "optimize"]

_VALUES, _VALUE = 3, re.compile(r"[^-]|-(?:[\d.]|inf)")  # of a window: no options, but numbers below 0
_BUDGET, _TOP = 1_000, 20
_SMALLEST_BATCH = 5  # of a search that has begun
_REASONS = 3  # reasons why molecules have no score, that are printed
_LONGEST = 34  # characters of the names of objectives that are aligned
_QUICK = 1e8  # comparisons that a hypervolume may take: M^(K - 1) of M molecules, K objectives
_OF_SUGGEST = ("--column", "--minimize", "--maximize", "--n", "-n", "--log")


class SearchCommand(TyperCommand):
    """Lets ``--window`` take three values, any number of times, which typer alone cannot."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Join the values of each window with colons, then parse as usual."""
        joined: list[str] = []
        waiting = list(args)
        while waiting:
            joined.append(waiting.pop(0))
            if joined[-1] != "--window":
                continue
            values: list[str] = []
            while waiting and len(values) < _VALUES and not (values and ":" in values[0]) and _VALUE.match(waiting[0]):
                values.append(waiting.pop(0))
            joined += [":".join(values)] if values else []
        return super().parse_args(ctx, joined)


class OptimizeCommand(SearchCommand):
    """Hands ``--measured FILE``, an option of earlier versions, to ``molvae suggest FILE``."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of this command, or of ``suggest``."""
        for place, text in enumerate(args):
            option, equals, file = text.partition("=")
            if option == "--measured" and (equals or len(args) > place + 1):
                print_status("molvae optimize --measured FILE is now: molvae suggest FILE", "yellow")
                rest = [file] if equals else [args[place + 1]]
                others = [*args[:place], *args[place + 2 - bool(equals) :]]
                suggest = parent.command.get_command(parent, "suggest")
                return suggest.make_context("suggest", [*rest, *others], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse; an option of ``suggest`` is a usage error that says so."""
        for text in args:
            if text.partition("=")[0] in _OF_SUGGEST:
                ctx.fail(f"{text} is an option of molvae suggest; to minimize an objective, write minimize:NAME")
        return super().parse_args(ctx, args)


def _constraint(metavar: str, description: str) -> Any:
    return typer.Option(metavar=metavar, help=description, rich_help_panel="Constraints")


@dataclass(frozen=True)
class SearchOptions:
    """The options of ``optimize`` and ``suggest``: model, folder and constraints."""

    model: ModelName = None
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same search.")] = 0
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder. Default: a new one in molvae-runs.")
    ] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the earlier results in the folder.")] = False
    device: Device = "auto"
    keep: Annotated[list[str] | None, _constraint("SMARTS", "Required substructure; may be repeated.")] = None
    forbid: Annotated[list[str] | None, _constraint("SMARTS", "Forbidden substructure; may be repeated.")] = None
    similar_to: Annotated[
        tuple[str, float, float] | None,
        _constraint("LEAD LOW HIGH", "Range of Tanimoto similarity to a lead (Morgan counts, radius 2)."),
    ] = None
    window: Annotated[
        list[str] | None, _constraint("QUANTITY LOW HIGH", "Range of a quantity, as mw 250 500; may be repeated.")
    ] = None
    no_alerts: Annotated[str | None, _constraint("CATALOG", "No structural alerts: PAINS, BRENK or all.")] = None

    def folder(self, name: str) -> Path:
        """The output folder of a command of this name."""
        return self.output or RUNS / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"

    def constraints(self) -> list[Constraint]:
        """The constraints that were given.

        Raises:
            ConfigError: one of them cannot be used.
        """
        from molvae.optimization.constraints import Forbid, Keep, NoAlerts, SimilarTo

        return [
            *map(Keep, self.keep or ()),
            *map(Forbid, self.forbid or ()),
            *map(_window, self.window or ()),
            *([SimilarTo(*self.similar_to)] if self.similar_to else []),
            *([NoAlerts(self.no_alerts)] if self.no_alerts else []),
        ]


def _window(text: str) -> Constraint:
    from molvae.optimization.constraints import constraint_of

    if text.count(":") != 2:
        raise ConfigError(f"--window takes a quantity and two numbers, as mw 250 500, not {text.replace(':', ' ')}")
    return constraint_of(f"window:{text}")


@command
@with_options(options=SearchOptions, search=SearchConfig)
def optimize(
    objectives: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="OBJECTIVE",
            help="What to maximize: a name of --list, module:function, file.py:function or 'command:...'.",
        ),
    ] = None,
    budget: Annotated[int | None, typer.Option(min=1, help=f"Calls of the objective. Default: {_BUDGET}.")] = None,
    start: Annotated[str | None, typer.Option(help="Molecules to start from: a file, or one SMILES.")] = None,
    smiles_column: SmilesColumn = None,
    where: Where = None,
    mean: Annotated[
        Literal["geometric", "arithmetic", "pareto"] | None,
        typer.Option(help="How several objectives are combined. Default: geometric."),
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Molecules scored together. Default: few at first.")] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds that one call of a command may take, or a molecule with --jobs.")
    ] = None,
    jobs: Annotated[
        str | None,
        typer.Option(
            metavar="N|dask:ADDRESS",
            help="Score the molecules of a batch in parallel: in N processes, or on a Dask cluster. For your own code.",
        ),
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="csv of known scores, read and extended.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Continue the search in this folder.")] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Resume a search of somebody else, with its programs.")
    ] = False,
    top: Annotated[
        int | None, typer.Option(min=1, help=f"Best molecules to print, write and draw. Default: {_TOP}.")
    ] = None,
    names: Annotated[bool, typer.Option("--list", help="Print all objectives and exit.")] = False,
    *,
    options: SearchOptions,
    search: dict[str, Any],
) -> None:
    """Search for molecules with high scores.

    Proposals come from the latent space and from edits of molecules. A surrogate model decides which of them to score.
    The generator is fine-tuned on the best molecules. Each call scores a new, valid molecule that meets all
    constraints. The best molecules go to stdout as csv. The folder contains every call, the best molecules as
    structures beside their parents, and the curve of the search. You can interrupt and resume the search at any time;
    --resume with --budget gives it more calls. The names of --list are also the quantities of --window.

    If the file of --start has more molecules than the search scores at first, the search begins with the best ones if
    molvae computes the objective itself (their scores are no calls), and with the most diverse ones if it runs your
    code. predict:COLUMN maximizes a property that the model of --model was trained on.

    --mean combines several objectives, which may have weights (2*qed), into one score; --mean pareto finds their
    trade-offs.

    molvae optimize qed --start series.csv --keep c1ccncc1 --window mw 250 450

    molvae optimize docking.py:score --budget 200

    To find molecules from measured ones, without an objective, use molvae suggest.
    """
    if names:
        _print_objectives()
        return
    print_status("loading torch and RDKit ...", "dim")
    from molvae.optimization.objectives.parser import runs_code
    from molvae.optimization.run.folder import Request, RunConfig

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the time limit of a cluster also interrupts
    rules = options.constraints()
    if trust and resume is None:
        raise ConfigError("--trust needs --resume: it runs the programs of a search that somebody else started")
    if (smiles_column or where) and not start:
        raise ConfigError("--smiles-column and --where need --start: they choose from that file")
    if resume is not None:
        changed = any(
            getattr(options, field.name) != field.default for field in fields(options) if field.name != "device"
        )
        if changed or any((mean, objectives, start, batch, timeout, cache, search)):
            raise ConfigError(
                "--resume continues with the settings of the search; the only other options it takes are --budget, "
                "--top, --jobs, --device and --trust"
            )
        _search(resume, options, _resumed(resume, trusted=trust, budget=budget, top=top), jobs, resume=True)
        return
    if not objectives:
        raise ConfigError("name what to maximize; molvae optimize --list prints the objectives")
    if timeout is not None and jobs is None and not any("command:" in one for one in objectives):
        raise ConfigError("--timeout ends a command:...; for a function, add --jobs, which runs it in other processes")
    if jobs is not None and not any(map(runs_code, objectives)):
        raise ConfigError("--jobs runs your own code in parallel; the objectives of molvae do not need it")
    run = RunConfig(
        objectives=tuple(objectives), mean=mean or "geometric", timeout=timeout or 0.0, budget=budget or _BUDGET,
        batch=batch or _workers(jobs), constraints=tuple(one.name for one in rules), seed=options.seed,
        model=options.model or "", cache=str(cache or ""), top=top or _TOP,
    )  # fmt: skip
    request = Request(run, SearchConfig(**search), _start_molecules(start, smiles_column, where))
    _search(options.folder("optimize"), options, request, jobs, resume=False)


def _workers(jobs: str | None) -> int:
    """The batch that keeps so many processes busy; 0, the usual one, if it does."""
    number = int(jobs) if jobs is not None and jobs.isdecimal() else 0
    return number if number > _SMALLEST_BATCH else 0


def _print_objectives() -> None:
    from molvae.optimization.objectives import objective_names

    descriptions = objective_names()
    width = max(len(name) for name in descriptions if len(name) <= _LONGEST)
    print_result("".join(f"{name:{width}}  {description}\n" for name, description in descriptions.items()))


def _start_molecules(start: str | None, smiles_column: str | None, where: str | None) -> tuple[str, ...]:
    """The molecules of a file, in standard form, or a single SMILES; none without either."""
    if start is None:
        return ()
    from molvae.chem import parse, quiet_rdkit

    with quiet_rdkit():
        if not os.path.exists(start) and parse(start) is not None:
            return (start,)
    from molvae.corpus.cleaning import clean
    from molvae.corpus.reading import open_table

    table = open_table(start, smiles_column=smiles_column).where(where)
    print_status(table.describe())
    corpus = clean(table)
    print_status(corpus.counts.describe())
    return tuple(corpus.smiles)


def _resumed(folder: Path, *, trusted: bool, **changes: int | None) -> Request:
    """The request of a search, with another ``budget`` or ``top`` where one is given.

    Args:
        folder: of the search.
        trusted: run its programs, whoever started it.
        changes: what may change.

    Raises:
        ConfigError: somebody else started it, it runs programs, and the user has not agreed.
        ModelError: the folder contains no search, or it was started from Python with a model that has no name.
    """
    from molvae.optimization.run.folder import read_request

    request = read_request(folder)
    if not request.run.model:
        raise ModelError(
            f"the search in {folder} was started from Python, with a model that has no name; continue it there: "
            "optimize(vae, ..., folder=..., resume=True)"
        )
    if not trusted:
        _ask_for_trust(folder, request)
    given = {name: value for name, value in changes.items() if value is not None}
    return request._replace(run=request.run.replace(**given))


def _ask_for_trust(folder: Path, request: Request) -> None:
    """Ask the user whether to run the programs of a folder that may come from somebody else.

    Raises:
        ConfigError: the answer is no, or there is nobody to ask.
    """
    from molvae.optimization.run.folder import is_trusted, programs

    if is_trusted(folder, request.run):
        return
    where = f" in {request.run.directory}" if request.run.directory else " on your computer"
    listed = "".join(f"\n  {one}" for one in programs(request.run))
    print_status(
        f"the search in {folder} was not started by you on this machine, and runs programs{where}:{listed}",
        "yellow",
    )
    can_ask = sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()
    if not (can_ask and typer.confirm("Do you trust it?", err=True)):
        raise ConfigError(
            f"read what it runs; if you trust it: molvae optimize --resume {shlex.quote(str(folder))} --trust"
        )


class _SearchDisplay(ProgressDisplay):
    """Shows the progress of a search.

    Attributes:
        started: the search has scored a batch.
    """

    def __init__(self) -> None:
        super().__init__(share=0.1, count=lambda done, total: f"{done:,} of {pluralize(total or 0, 'call')}")
        self.started = False

    def update(self, now: SearchProgress) -> None:
        """Show how the search stands."""
        self.started = True
        best = f"best {now.score:.4g}  ten best {now.top10:.4g}  {now.best}" if now.best else "no score yet"
        self("searching", now.calls, now.budget, best)

    @staticmethod
    def stopping() -> None:
        """Say that the search ends after Ctrl-C."""
        print_status("ending this batch, then saving; press Ctrl-C again to end at once", "dim")


def _search(folder: Path, options: SearchOptions, request: Request, jobs: str | None, *, resume: bool) -> None:
    """Start or resume a search, in parallel if ``jobs`` says so, and print the best molecules.

    Raises:
        MolVAEError: as `molvae.optimization.run.start.search`; all scores are kept. Or no molecule could be scored.
        SystemExit: it was interrupted, or failed after it had started; the command that resumes it was printed.
    """
    from molvae.cli.models import choose_model, load_model
    from molvae.optimization.objectives.executors import executor_of
    from molvae.optimization.run.folder import CALLS
    from molvae.optimization.run.start import search
    from molvae.pretrained.hub import full_name

    run = request.run
    name = full_name(choose_model(run.model or None).name)
    vae = load_model(run.model or None, options.device, "the search itself" if resume else "--model")
    goal = ", ".join(run.objectives) + ("" if len(run.objectives) == 1 else f" ({run.mean})")
    print_status(f"{'resuming' if resume else 'searching'} in {folder}: {goal}, {pluralize(run.budget, 'call')}")
    if request.start and not resume:
        _print_start(request)
    existed = folder.exists()
    parallel = nullcontext() if jobs is None else executor_of(jobs, timeout=run.timeout or None)
    with parallel as executor, _SearchDisplay() as display, results_only():
        try:
            result = search(
                vae,
                request._replace(run=run.replace(model=name)),
                folder=folder,
                resume=resume,
                overwrite=options.overwrite,
                executor=executor,
                progress=display.update,
                on_interrupt=display.stopping,
            )
        except (KeyboardInterrupt, InputError) as error:
            # A new folder is removed unless it keeps something, such as the scores by one of several objectives.
            if (existed and not display.started) or not (folder / CALLS).exists():
                raise
            exit_resumable(error, f"molvae optimize --resume {shlex.quote(str(folder))}")
    _print_result(result, run.budget, run.top)
    print_status(f"done: {folder}", "bold green")


def _print_start(request: Request) -> None:
    """Print how many start molecules violate the constraints, and which of the others are scored first."""
    from molvae.optimization.constraints import allowed, constraint_of
    from molvae.optimization.objectives.parser import runs_code

    rules = [constraint_of(one) for one in request.run.constraints]
    excluded = int((~allowed(rules, request.start)).sum())
    if excluded:
        of = pluralize(len(request.start), "start molecule")
        print_status(f"{excluded:,} of the {of} violate the constraints and are never scored", "yellow")
    first = request.search.for_budget(request.run.budget).first
    if len(request.start) - excluded > first:
        costly = any(map(runs_code, request.run.objectives))
        kind = "most diverse ones" if costly else "best ones; the scores of the others are no calls"
        print_status(f"the search begins with up to {first} of the start molecules: the {kind}")


def _print_result(result: SearchResult, budget: int, top: int) -> None:
    """Print the best molecules to stdout, and a summary to stderr."""
    calls = len(result.table)
    if not calls:
        raise SamplingError(
            "no molecule could be found inside the constraints; relax them, or give molecules that meet them (--start)"
        )
    if calls < budget:
        print_status(
            f"ended after {pluralize(calls, 'call')} of {budget:,}: no new molecule was found inside the constraints",
            "yellow",
        )
    without = int(result.table["score"].isna().sum())
    if without:
        reasons = Counter(result.failures.values()).most_common(_REASONS)
        listed = "".join(f"\n  {number:,} x {reason}" for reason, number in reasons)
        print_status(f"{pluralize(without, 'molecule')} without a score{listed}", "yellow")
    if result.pareto:
        _print_front(result, top)
        return
    best = result.best(top)
    if len(best):
        ten = result.best(10, per_scaffold=0, unlike=False)["score"]
        print_status(f"best of {pluralize(calls, 'call')}: {ten.iloc[0]:.4g}; ten best: {ten.mean():.4g}")
    lines = (f"{one},{score:.6g}\n" for one, score in zip(best["smiles"], best["score"], strict=True))
    print_result("smiles,score\n" + "".join(lines))


def _print_front(result: SearchResult, top: int) -> None:
    """Print molecules of the Pareto front with all objectives; of a long front, some at even steps."""
    from molvae.corpus.writing import frame_text

    front = result.front()
    size = len(front)
    rows = sorted({round(step * (size - 1) / max(1, top - 1)) for step in range(top)}) if size > top else range(size)
    print_result(frame_text(front.iloc[list(rows)][["smiles", *result.parts]], header=True, digits=6))
    summary = f"Pareto front: {pluralize(size, 'molecule')}"
    if size > top:
        summary += f", of which {top:,} are printed; all are in front.csv"
    if size ** (len(result.parts) - 1) <= _QUICK and (volume := result.hypervolume()) > 0:
        summary += f"; hypervolume {volume:.4g} from 0"
    print_status(summary)
