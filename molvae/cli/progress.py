"""A training as a person watches it on a terminal: lines, a bar, and the report at the end."""

from __future__ import annotations

import shlex
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from molvae.cli.common import console, say
from molvae.corpus.cleaning import Counts
from molvae.errors import MolVAEError
from molvae.training import Progress as Steps
from molvae.training.run import LineReporter
from molvae.training.run.memorization import Memorization

__all__ = ["TerminalReporter"]


class TerminalReporter(LineReporter):
    """Prints to stderr; a bar is shown where stderr is a terminal, else a line now and then.

    Args:
        report: write the report of a finished run.
    """

    def __init__(self, *, report: bool) -> None:
        super().__init__(say)
        self._report = report
        self.folder: Path | None = None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=console(),
            transient=True,
            disable=not console().is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def started(self, folder: Path) -> None:
        self.folder = folder

    def cleaning(self, rows: int) -> None:
        self._show("cleaning", rows, None, "rows")

    def cleaned(self, counts: Counts, rejected: Path) -> None:
        self._hide()
        super().cleaned(counts, rejected)

    def step(self, progress: Steps) -> None:
        if self._bar.disable:
            super().step(progress)
        else:
            self._show("training", progress.step, progress.steps, f"{progress.tokens_per_second:,.0f} tokens/s")

    def memorized(self, measured: Memorization) -> None:
        self._hide()
        super().memorized(measured)

    def done(self, folder: Path, best: int) -> None:
        self._hide()
        super().done(folder, best)
        if self._report:
            self._write_report(folder)
        say(f"done: {folder}", "bold green")
        say(f"next: molvae sample --n 100 --model {shlex.quote(str(folder))}")

    def _write_report(self, folder: Path) -> None:
        """The run is finished whatever becomes of its report."""
        from molvae.training.report import write_report

        self._show("writing the report", 0, None, "")
        try:
            said = f"report: {write_report(folder)}"
        except MolVAEError as error:
            said = f"there is no report: {error}"
        except KeyboardInterrupt:
            said = f"interrupted; molvae report {shlex.quote(str(folder))} writes the report"
        self._hide()
        say(said)

    def _show(self, what: str, done: int, total: int | None, note: str) -> None:
        if self._task is None:
            self._task = self._bar.add_task(what, total=total, note=note)
        self._bar.update(self._task, completed=done, total=total, note=note)

    def _hide(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
