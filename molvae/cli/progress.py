"""The progress display of all commands."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Self

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from molvae.cli.console import console, print_status

__all__ = ["ProgressDisplay"]

_SECONDS = 60.0  # from one line to the next where stderr is no terminal


class ProgressDisplay:
    """A bar where stderr is a terminal; elsewhere a line every minute. A context manager.

    Args:
        results_on_stdout: results are printed meanwhile: no bar where stdout is a terminal too.
        share: elsewhere, also print a line after this share of the total, and at its end; 0: every minute only.
        count: text of what is done, from a number and the total, which may be None.

    Attributes:
        has_bar: there is a bar.
    """

    def __init__(
        self,
        *,
        results_on_stdout: bool = False,
        share: float = 0.0,
        count: Callable[[int, int | None], str] = lambda done, total: (
            f"{done:,} of {total:,}" if total else f"{done:,}"
        ),
    ) -> None:
        self._hidden = results_on_stdout and sys.stdout is not None and sys.stdout.isatty()
        self.has_bar = console().is_terminal and not self._hidden
        self._share, self._count = share, count
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[count]}"),
            _TimeColumn(),
            # Square brackets are SMILES here, not markup.
            TextColumn("{task.fields[note]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=console(),
            transient=True,
            redirect_stdout=False,  # rich would print results to stderr
            disable=not self.has_bar,
        )
        self._task: TaskID | None = None
        self._what = ""
        self._line: tuple[float, int] = (time.monotonic(), 0)  # time of the last line, and what was done then

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, what: str, done: int = 0, total: int | None = None, note: str = "") -> None:
        """Show how far something is.

        Args:
            what: the work; another one starts a new bar.
            done: units done.
            total: units in all; None: not known.
            note: more to know.
        """
        if self.has_bar:
            if what != self._what:
                self.clear()
            count = self._count(done, total) if done or total else ""
            if self._task is None:
                self._task, self._what = self._bar.add_task(what, total=total, count=count, note=note), what
            self._bar.update(self._task, completed=done, total=total, count=count, note=note)
        elif not self._hidden:
            then, before = self._line
            share = total is not None and self._share and (done - before >= self._share * total or done == total)
            if share or time.monotonic() - then >= _SECONDS:
                self._line = time.monotonic(), done
                count = self._count(done, total) if done or total else "..."
                print_status(f"{what}: {count}{', ' if note else ''}{note}", "dim")

    def clear(self) -> None:
        """Remove the bar; the next call starts a new one."""
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task, self._what = None, ""


class _TimeColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        elapsed, left = (
            None if seconds is None else str(timedelta(seconds=round(seconds)))
            for seconds in (task.elapsed, task.time_remaining)
        )
        return Text(f"{elapsed or ''}, {left} left" if left and not task.finished else elapsed or "")
