"""What a training prints: lines, a progress display, and the path of the report at the end."""

from __future__ import annotations

import shlex
from pathlib import Path

from molvae.cli.console import print_status
from molvae.cli.progress import ProgressDisplay
from molvae.corpus.cleaning import Counts
from molvae.errors import MolVAEError
from molvae.training import Progress
from molvae.training.run import LineReporter
from molvae.training.run.memorization import Memorization

__all__ = ["TrainDisplay"]


class TrainDisplay(LineReporter):
    """Prints to stderr.

    Args:
        show: the progress display.
        report: write the report of a finished run.

    Attributes:
        folder: the run folder, once it exists.
    """

    def __init__(self, show: ProgressDisplay, *, report: bool) -> None:
        super().__init__(print_status)
        self._report = report
        self.folder: Path | None = None
        self._show = show

    def started(self, folder: Path) -> None:
        self.folder = folder

    def cleaning(self, rows: int) -> None:
        self._show("cleaning", rows)

    def cleaned(self, counts: Counts, rejected: Path) -> None:
        self._show.clear()
        super().cleaned(counts, rejected)

    def step(self, progress: Progress) -> None:
        if self._show.has_bar:
            self._show("training", progress.step, progress.steps, f"{progress.tokens_per_second:,.0f} tokens/s")
        else:
            super().step(progress)

    def memorized(self, measured: Memorization) -> None:
        self._show.clear()
        super().memorized(measured)

    def done(self, folder: Path, best: int) -> None:
        self._show.clear()
        super().done(folder, best)
        if self._report:
            self._write_report(folder)
        print_status(f"done: {folder}", "bold green")
        print_status(f"next: molvae sample --n 100 --model {shlex.quote(str(folder))}")

    def _write_report(self, folder: Path) -> None:
        """Write the report; if that fails, the run is finished all the same."""
        from molvae.training.report import write_report

        self._show("writing the report")
        try:
            message = f"report: {write_report(folder)}"
        except MolVAEError as error:
            message = f"there is no report: {error}"
        except KeyboardInterrupt:
            message = f"interrupted; molvae report {shlex.quote(str(folder))} writes the report"
        self._show.clear()
        print_status(message)
