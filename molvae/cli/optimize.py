"""``molvae optimize``"""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import typer
from typer.core import TyperCommand

from molvae.cli.common import command, print_result, say, with_settings
from molvae.cli.options import Device, ModelName, SmilesColumn
from molvae.errors import ConfigError
from molvae.optimization.settings import SearchConfig
from molvae.storage.latest_run import RUNS

__all__ = ["OptimizeCommand", "optimize"]

_VALUES, _VALUE = 3, re.compile(r"[^-]|-(?:[\d.]|inf)")  # of a window: no options, but numbers below 0
_BUDGET, _N, _TOP = 1_000, 50, 20
_MUST = "What molecules must be"
_MEASURED = "From measurements"
_ON_RESUME = (
    "--resume goes on with the settings of the search; beside it there are only --budget, --top, --device and --trust"
)
_UNMEASURED = (
    "--measured calls no objective: leave out OBJECTIVE, --budget, --start, --mean, --batch, --timeout, --cache, --top "
    "and --resume"
)
_ONLY_MEASURED = (
    "--column, --minimize, --maximize and --n go with --measured, and --log; of an objective as little as possible "
    "is wanted by minimize:NAME"
)
_LONGEST = 34  # characters of a name that others are aligned with


class OptimizeCommand(TyperCommand):
    """Lets ``--window`` be followed by three values, any number of times, which typer alone cannot."""

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


@command
@with_settings(search=SearchConfig)
def optimize(
    objectives: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="OBJECTIVE",
            help="What is maximized: names of --list, 2*qed with a weight, module:function, file.py:function or "
            "'command:...'.",
            show_default=False,
        ),
    ] = None,
    model: ModelName = None,
    budget: Annotated[
        Optional[int],
        typer.Option(min=1, help=f"Calls of the objective [dim]\\[default: {_BUDGET}][/dim]", show_default=False),
    ] = None,
    start: Annotated[
        Optional[str],
        typer.Option(
            help="File of molecules to begin with; its first are scored first, the others are candidates.",
            show_default=False,
        ),
    ] = None,
    mean: Annotated[
        Optional[Literal["geometric", "arithmetic", "pareto"]],
        typer.Option(
            help="What is made of several objectives; pareto: the front of their trade-offs "
            "[dim]\\[default: geometric][/dim]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same search.")] = 0,
    batch: Annotated[
        Optional[int],
        typer.Option(min=1, help="Molecules scored at a time; few at first, by default.", show_default=False),
    ] = None,
    timeout: Annotated[
        Optional[float], typer.Option(help="Seconds for one call of a command.", show_default=False)
    ] = None,
    cache: Annotated[
        Optional[Path],
        typer.Option(
            help="csv of known answers, read and added to; that of the folder by default.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Optional[Path],
        typer.Option(
            "--output", "-o", help="Folder [dim]\\[default: molvae-runs/optimize-<time>][/dim]", show_default=False
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an older search in the folder.")] = False,
    resume: Annotated[
        Optional[Path],
        typer.Option(help="Go on with the search in this folder; --budget gives it more calls.", show_default=False),
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="With --resume: run the programs of a search that somebody else began.")
    ] = False,
    top: Annotated[
        Optional[int],
        typer.Option(
            min=1,
            help=f"Best molecules that are printed, written and, up to 100, drawn [dim]\\[default: {_TOP}][/dim]",
            show_default=False,
        ),
    ] = None,
    names: Annotated[bool, typer.Option("--list", help="Print the objectives there are, and stop.")] = False,
    device: Device = "auto",
    keep: Annotated[
        Optional[list[str]],
        typer.Option(metavar="SMARTS", help="A substructure to have.", rich_help_panel=_MUST, show_default=False),
    ] = None,
    forbid: Annotated[
        Optional[list[str]],
        typer.Option(metavar="SMARTS", help="One not to have.", rich_help_panel=_MUST, show_default=False),
    ] = None,
    similar_to: Annotated[
        Optional[tuple[str, float, float]],
        typer.Option(
            metavar="LEAD LOW HIGH",
            help="A band of Tanimoto similarity to a lead (Morgan counts, radius 2).",
            rich_help_panel=_MUST,
            show_default=False,
        ),
    ] = None,
    window: Annotated[
        Optional[list[str]],
        typer.Option(
            metavar="QUANTITY LOW HIGH",
            help="A range, as mw 250 500; quantities as in --list.",
            rich_help_panel=_MUST,
            show_default=False,
        ),
    ] = None,
    no_alerts: Annotated[
        Optional[str],
        typer.Option(metavar="CATALOG", help="PAINS, BRENK or all.", rich_help_panel=_MUST, show_default=False),
    ] = None,
    measured: Annotated[
        Optional[str],
        typer.Option(
            metavar="FILE",
            help="Suggest molecules from measured ones instead; no objective is called.",
            rich_help_panel=_MEASURED,
            show_default=False,
        ),
    ] = None,
    column: Annotated[
        Optional[str], typer.Option(help="What was measured.", rich_help_panel=_MEASURED, show_default=False)
    ] = None,
    maximize: Annotated[
        Optional[bool],
        typer.Option(
            "--maximize/--minimize",
            metavar="",
            help="Which values are wanted [dim]\\[default: maximize][/dim]",
            rich_help_panel=_MEASURED,
            show_default=False,
        ),
    ] = None,
    n: Annotated[
        Optional[int],
        typer.Option(
            "--n",
            "-n",
            help=f"How many molecules [dim]\\[default: {_N}][/dim]",
            rich_help_panel=_MEASURED,
            show_default=False,
        ),
    ] = None,
    log: Annotated[
        bool,
        typer.Option("--log", help="Learn and predict log10 of the values.", rich_help_panel=_MEASURED),
    ] = False,
    smiles_column: SmilesColumn = None,
    *,
    search: dict[str, Any],
) -> None:
    """Search for molecules with high scores.

    The latent space and edits of molecules propose, a surrogate decides which proposals are worth a call of the
    objective, and the model follows the best. Every call is spent on a new, valid molecule that meets all constraints.
    csv of the best on stdout; the folder holds every call, the best as structures beside their parents, and the curve
    of the search. It can be interrupted, and resumed, at any time.

    molvae optimize qed --start series.csv --keep c1ccncc1 --window mw 250 450

    molvae optimize docking.py:score --budget 200

    molvae optimize --measured series.csv --column pIC50 --n 50
    """
    if names:
        _list()
        return
    say("loading torch and RDKit ...", "dim")
    from molvae.cli.searching import Place, constraints_of, molecules_of, resumed, search_in

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cluster's time limit is an interruption too
    rules = constraints_of(keep, forbid, similar_to, window, no_alerts)
    place = Place(resume or output or RUNS / f"optimize-{time.strftime('%Y%m%d-%H%M%S')}", overwrite, device)
    _check_together(
        measured is not None,
        of_search=(objectives, budget, start, mean, batch, timeout, cache, top, resume),
        of_measured=(column, maximize, n, log or None),
    )
    if trust and resume is None:
        raise ConfigError("--trust goes with --resume: it runs the programs of a search that somebody else began")
    if smiles_column and not (start or measured):
        raise ConfigError("--smiles-column is the column of --start or --measured; give the file")
    if measured is not None:
        from molvae.cli.suggesting import suggest_in

        options = {"n": _N if n is None else n, "maximize": maximize is not False, "constraints": rules, "seed": seed}
        suggest_in(place, model, measured, column, smiles_column, SearchConfig(**search), log, options)
        return
    from molvae.optimization.run.folder import Request, RunConfig

    if resume is not None:
        if any((overwrite, seed, mean, objectives, model, start, batch, timeout, cache, output, rules, search)):
            raise ConfigError(_ON_RESUME)
        request = resumed(resume, trusted=trust, budget=budget, top=top)
    else:
        if not objectives:
            raise ConfigError("name what is to be maximized (molvae optimize --list), or give --measured FILE")
        if timeout is not None and not any("command:" in one for one in objectives):
            raise ConfigError("--timeout ends a command:...; what is computed in this process cannot be ended")
        run = RunConfig(
            objectives=tuple(objectives), mean=mean or "geometric", timeout=timeout or 0.0, budget=budget or _BUDGET,
            batch=batch or 0, constraints=tuple(one.name for one in rules), seed=seed, model=model or "",
            cache=str(cache or ""), top=top or _TOP,
        )  # fmt: skip
        request = Request(run, SearchConfig(**search), molecules_of(start, smiles_column))
    search_in(place, request, resume=resume is not None)


def _check_together(measured: bool, *, of_search: tuple[Any, ...], of_measured: tuple[Any, ...]) -> None:
    """Raise `ConfigError` if options of one kind of search were given to the other."""
    if measured and any(one is not None and one != [] for one in of_search):
        raise ConfigError(_UNMEASURED)
    if not measured and any(one is not None for one in of_measured):
        raise ConfigError(_ONLY_MEASURED)


def _list() -> None:
    from molvae.optimization.objectives import objective_names

    meanings = objective_names()
    width = max(len(name) for name in meanings if len(name) <= _LONGEST)
    lines = (f"{name:{width}}  {meaning}\n" for name, meaning in meanings.items())
    print_result("".join(lines))
