"""A search from the command line: what it is asked for, how it is watched, what is said at its end."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from molvae.cli.common import print_result, results_only, say
from molvae.cli.models import choose_model, load_model
from molvae.cli.search_progress import SearchReporter
from molvae.errors import ConfigError, InputError, ModelError, SamplingError, pluralize
from molvae.optimization.constraints import Constraint, Forbid, Keep, NoAlerts, SimilarTo, allowed, constraint_of

if TYPE_CHECKING:
    from molvae.optimization.run.folder import Request
    from molvae.optimization.run.result import SearchResult

__all__ = ["Place", "constraints_of", "molecules_of", "resumed", "search_in"]

_NAMED = 3  # reasons why molecules have no score
_QUICK = 1e8  # the cost of a hypervolume that takes seconds, in comparisons: M^(K - 1) of M molecules, K objectives


class Place(NamedTuple):
    """Where a search writes, and where it computes."""

    folder: Path
    overwrite: bool
    device: str


def constraints_of(
    keep: Sequence[str] | None,
    forbid: Sequence[str] | None,
    similar_to: tuple[str, float, float] | None,
    window: Sequence[str] | None,
    no_alerts: str | None,
) -> list[Constraint]:
    """The constraints of the options of these names.

    Raises:
        ConfigError: one of them cannot be used.
    """
    return [
        *map(Keep, keep or ()),
        *map(Forbid, forbid or ()),
        *map(_window, window or ()),
        *([SimilarTo(*similar_to)] if similar_to else []),
        *([NoAlerts(no_alerts)] if no_alerts else []),
    ]


def _window(text: str) -> Constraint:
    if text.count(":") != 2:
        raise ConfigError(f"--window takes a quantity and two numbers, as in mw 250 500, not {text.replace(':', ' ')}")
    return constraint_of(f"window:{text}")


def molecules_of(file: str | None, smiles_column: str | None) -> tuple[str, ...]:
    """The molecules of a file to begin with, in standard form; none where there is no file.

    Raises:
        InputError: the file cannot be read, or holds no molecules.
    """
    if file is None:
        return ()
    from molvae.corpus.cleaning import clean
    from molvae.corpus.reading import open_table

    table = open_table(file, smiles_column=smiles_column)
    say(table.describe())
    corpus = clean(table)
    say(corpus.counts.describe())
    return tuple(corpus.smiles)


def resumed(folder: Path, *, trusted: bool, **free: int | None) -> Request:
    """What a search was asked for, with another ``budget`` or ``top`` where one is given.

    Args:
        folder: of the search.
        trusted: run the programs that it names, whoever began it.
        free: what may change.

    Raises:
        ConfigError: somebody else began it, it runs programs, and the user has not agreed.
        ModelError: there is none in the folder, or it was begun from Python with a model that has no name.
    """
    from molvae.optimization.run.folder import read_request

    request = read_request(folder)
    if not request.run.model:
        raise ModelError(
            f"the search in {folder} was begun from Python, with a model that has no name; go on there: "
            "optimize(vae, ..., folder=..., resume=True)"
        )
    if not trusted:
        _ask_for_trust(folder, request)
    given = {name: value for name, value in free.items() if value is not None}
    return request._replace(run=request.run.replace(**given))


def _ask_for_trust(folder: Path, request: Request) -> None:
    """Let the user agree to programs of a folder that may come from somebody else.

    Raises:
        ConfigError: the user says no, or cannot be asked.
    """
    from molvae.optimization.run.folder import is_trusted, programs

    if is_trusted(folder, request.run):
        return
    named = "".join(f"\n  {one}" for one in programs(request.run))
    where = f" in {request.run.directory}" if request.run.directory else ""
    say(f"you have not begun the search in {folder} on this machine, and it runs{where}:{named}", "yellow")
    can_ask = sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()
    if not (can_ask and typer.confirm("Do you trust it?", err=True)):
        raise ConfigError(
            f"read what it runs; if you trust it: molvae optimize --resume {shlex.quote(str(folder))} --trust"
        )


def search_in(place: Place, request: Request, *, resume: bool) -> None:
    """Search, or search on, and print the best.

    Raises:
        MolVAEError: as `molvae.optimization.run.start.search`; nothing that was scored is lost. Or nothing was
            found to be scored.
        SystemExit: it was interrupted, or failed when it had begun; the command that goes on was said.
    """
    from molvae.optimization.run.folder import CALLS
    from molvae.optimization.run.start import search
    from molvae.pretrained.hub import full_name

    run = request.run
    name = full_name(choose_model(run.model or None).name)
    vae = load_model(run.model or None, place.device, "what the search began with" if resume else "--model")
    goal = ", ".join(run.objectives) + ("" if len(run.objectives) == 1 else f" ({run.mean})")
    say(f"{'going on' if resume else 'searching'} in {place.folder}: {goal}, {pluralize(run.budget, 'call')}")
    if request.start and run.constraints and not resume:
        _tell_refused(request)
    existed = place.folder.exists()
    with SearchReporter(run.budget) as reporter, results_only():
        try:
            result = search(
                vae, request._replace(run=run.replace(model=name)), folder=place.folder, resume=resume,
                overwrite=place.overwrite, progress=reporter, on_interrupt=reporter.stopping,
            )  # fmt: skip
        except (KeyboardInterrupt, InputError) as error:
            # A new folder is gone unless it keeps something, such as the numbers of one of several objectives.
            if (existed and reporter.last is None) or not (place.folder / CALLS).exists():
                raise
            interrupted = isinstance(error, KeyboardInterrupt)
            say("interrupted" if interrupted else f"error: {error}", "" if interrupted else "bold red")
            say(f"nothing is lost; go on with: molvae optimize --resume {shlex.quote(str(place.folder))}")
            raise SystemExit(130 if interrupted else 1) from None
    _conclude(result, place.folder, run.budget, run.top)


def _tell_refused(request: Request) -> None:
    """Molecules to begin with that will never be scored."""
    rules = [constraint_of(one) for one in request.run.constraints]
    refused = int((~allowed(rules, request.start)).sum())
    if refused:
        of = pluralize(len(request.start), "molecule")
        say(f"outside the constraints, and so never scored: {refused:,} of the {of} to begin with", "yellow")


def _conclude(result: SearchResult, folder: Path, budget: int, top: int) -> None:
    calls = len(result.table)
    if not calls:
        raise SamplingError(
            "no molecule could be found inside the constraints; loosen them, or give some that fulfil them (--start)"
        )
    if calls < budget:
        say(
            f"ended after {pluralize(calls, 'call')} of {budget:,}: nothing new is found inside the constraints",
            "yellow",
        )
    without = int(result.table["score"].isna().sum())
    if without:
        reasons = Counter(result.failures.values()).most_common(_NAMED)
        said = "".join(f"\n  {number:,} x {reason}" for reason, number in reasons)
        say(f"{pluralize(without, 'molecule')} without a score{said}", "yellow")
    if result.pareto:
        _print_front(result, top)
    else:
        best = result.best(top)
        if len(best):
            ten = result.best(10, per_scaffold=0)["score"]
            say(f"best of {pluralize(calls, 'call')}: {ten.iloc[0]:.4g}; ten best: {ten.mean():.4g}")
        lines = (f"{one},{score:.6g}\n" for one, score in zip(best["smiles"], best["score"], strict=True))
        print_result("smiles,score\n" + "".join(lines))
    say(f"done: {folder}", "bold green")


def _print_front(result: SearchResult, top: int) -> None:
    """Molecules of the front, with what each objective says of them, at even steps where there are too many."""
    from molvae.corpus.frames import frame_text

    front = result.front()
    size = len(front)
    rows = sorted({round(step * (size - 1) / max(1, top - 1)) for step in range(top)}) if size > top else range(size)
    print_result(frame_text(front.iloc[list(rows)][["smiles", *result.parts]], header=True, digits=6))
    said = f"front: {pluralize(size, 'molecule')}"
    if size > top:
        said += f", of which {top:,} are printed, and all are in front.csv"
    if size ** (len(result.parts) - 1) <= _QUICK and (volume := result.hypervolume()) > 0:
        said += f"; hypervolume {volume:.4g} from 0"
    say(said)
