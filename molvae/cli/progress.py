"""A training as a person watches it: what was read, a line an epoch, and how much is left."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from molvae.cli.common import console, say
from molvae.corpus.cleaning import Counts
from molvae.run import Reporter
from molvae.training import Epoch
from molvae.training import Progress as Steps

__all__ = ["TerminalReporter"]

_COLUMNS = (
    "epoch  time     left    recon  bits/char    KL  active  prior |  exact  valid  unique  novel  midpoint  tokens/s"
)


class TerminalReporter(Reporter):
    """Prints to stderr; a bar is shown where stderr is a terminal."""

    def __init__(self) -> None:
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
        self._header = False

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def started(self, folder: Path) -> None:
        self.folder = folder

    def table(self, sentence: str) -> None:
        say(sentence)

    def cleaning(self, rows: int) -> None:
        self._show("cleaning", rows, None, "rows")

    def cleaned(self, counts: Counts, rejected: Path) -> None:
        self._hide()
        dropped = counts.rows - counts.kept
        say(counts.describe() + (f"; each is named in {rejected}" if dropped else ""))

    def plan(self, sentence: str) -> None:
        say(sentence)

    def step(self, progress: Steps) -> None:
        self._show("training", progress.step, progress.steps, f"{progress.tokens_per_second:,.0f} tokens/s")

    def epoch(self, epoch: Epoch, epochs: int, complaint: str | None) -> None:
        if not self._header:
            say("nats per molecule on held-out molecules, shares of them and of draws from the prior:")
            say(_COLUMNS, "bold")
            self._header = True
        health, left = epoch.health, epoch.seconds / epoch.epoch * (epochs - epoch.epoch)
        say(
            f"{epoch.epoch:5d}  {_clock(epoch.seconds)}  {_clock(left)}  {health.reconstruction:6.2f}  "
            f"{health.bits_per_char:9.3f}  {health.kl:4.1f}  {health.active_units:6d}  {health.prior:5.1f} |  "
            f"{health.exact:5.1%}  {health.prior_valid:5.1%}  {health.prior_unique:6.1%}  {health.prior_novel:5.1%}  "
            f"{health.midpoint_valid:8.1%}  {epoch.tokens_per_second:8,.0f}"
        )
        if complaint:
            say(complaint, "bold red")

    def done(self, folder: Path, best: int) -> None:
        self._hide()
        say(f"the weights of epoch {best} are the model", "dim")
        say(f"done: {folder}", "bold green")
        say(f"next: molvae sample --n 100 --model {folder}")

    def _show(self, what: str, done: int, total: int | None, note: str) -> None:
        if self._task is None:
            self._task = self._bar.add_task(what, total=total, note=note)
        self._bar.update(self._task, completed=done, total=total, note=note)

    def _hide(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S" if seconds >= 3600 else "   %M:%S", time.gmtime(seconds))
