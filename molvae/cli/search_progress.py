"""A search as a person watches it: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from molvae.cli.common import console, say
from molvae.errors import pluralize

if TYPE_CHECKING:
    from molvae.optimization.run.runner import SearchProgress

__all__ = ["SearchReporter"]

_SHARE = 0.1  # of the budget, after which a line is written where there is no terminal
_SECONDS = 60.0  # after which one is written anyway


class SearchReporter:
    """Takes what a search tells after every batch; a context manager.

    Args:
        budget: calls.

    Attributes:
        last: what it told last; None before.
    """

    def __init__(self, budget: int) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            # Square brackets are SMILES here, not markup.
            TextColumn("{task.fields[note]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=console(),
            transient=True,
            redirect_stdout=False,
            disable=not console().is_terminal,
        )
        self._task = self._bar.add_task("searching", total=budget, note="")
        self._calls, self._time = 0, time.monotonic()
        self.last: SearchProgress | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, now: SearchProgress) -> None:
        """Show how the search stands."""
        self.last = now
        best = f"best {now.score:.4g}  ten best {now.top10:.4g}  {now.best}" if now.best else "no score yet"
        if console().is_terminal:
            self._bar.update(self._task, completed=now.calls, note=best)
            return
        more, waited = now.calls - self._calls, time.monotonic() - self._time
        if more >= _SHARE * now.budget or waited >= _SECONDS or now.calls == now.budget:
            self._calls, self._time = now.calls, time.monotonic()
            say(f"{now.calls:,} of {pluralize(now.budget, 'call')}, {now.seconds:.0f} s: {best}")

    @staticmethod
    def stopping() -> None:
        """Say that the first Ctrl-C was heard."""
        say("ending this batch, then saving; Ctrl-C again ends at once", "dim")
