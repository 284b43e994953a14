"""A training as a person watches it: what was read, a line an epoch, and how much is left."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from molvae.cli.common import console, say
from molvae.corpus.cleaning import Counts
from molvae.errors import MolVAEError
from molvae.machine.distributed import is_main
from molvae.run import Reporter
from molvae.run.memorization import Memorization, Nearness
from molvae.training import Epoch
from molvae.training import Progress as Steps
from molvae.training.labels import Fit

__all__ = ["TerminalReporter"]

_LEGEND = (
    "on held-out molecules, nats per molecule: rec(onstruction), KL, prior (reconstruction from matched prior draws); "
    "bit/c: rec in bits per character; act: active latent dimensions; per cent: exact reconstructions, "
    "valid, unique and novel ones of draws from the prior, decoded once, and valid midpoints between molecules; "
    "ktok/s: thousand tokens trained on per second"
)
_HEADS = "; R2 and MAE (mean absolute error, in its unit) of each property, predicted from the posterior mean"
_HEADER = "epoch   left    rec bit/c    KL  act prior exact valid  uniq novel midpt ktok/s"


class TerminalReporter(Reporter):
    """Prints to stderr; a bar is shown where stderr is a terminal.

    Args:
        report: write the report of a finished run.
    """

    def __init__(self, *, report: bool) -> None:
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
        say(counts.describe() + (f"; each dropped row is in {rejected}" if dropped else ""))

    def plan(self, sentence: str) -> None:
        say(sentence)

    def new_tokens(self, start: str, molecules: Mapping[str, int]) -> None:
        say(f"fine-tuning {start}, which knows all of these tokens" if not molecules else f"fine-tuning {start}")
        if not molecules:
            return
        width = max(len("new token"), *map(len, molecules))
        say(f"{'new token':{width}} molecules", "bold")
        for token, holders in molecules.items():
            say(f"{token:{width}} {holders:9,}")

    def step(self, progress: Steps) -> None:
        self._show("training", progress.step, progress.steps, f"{progress.tokens_per_second:,.0f} tokens/s")

    def epoch(self, epoch: Epoch, epochs: int, complaint: str | None) -> None:
        if not self._header:
            say(_LEGEND + (_HEADS if epoch.fits else ""), "dim")
            say(_HEADER, "bold")
            self._header = True
        health, left = epoch.health, epoch.seconds / epoch.epoch * (epochs - epoch.epoch)
        shares = [health.exact, health.prior_valid, health.prior_unique, health.prior_novel, health.midpoint_valid]
        # Of no valid molecule none can be unique or novel.
        percent = [
            "    -" if i in (2, 3) and not health.prior_valid else f"{100 * x:5.1f}" for i, x in enumerate(shares)
        ]
        say(
            f"{epoch.epoch:5d} {_clock(left):>6} {health.reconstruction:6.2f} {health.bits_per_char:5.3f} "
            f"{health.kl:5.1f} {health.active_units:4d} {health.prior:5.1f} {' '.join(percent)} "
            f"{epoch.tokens_per_second / 1000:6.1f}"
        )
        if epoch.fits:
            say(f"{'':12} {'  '.join(_fit(name, fit) for name, fit in epoch.fits.items())}")
        if complaint:
            say(complaint, "bold red")

    def stopping(self) -> None:
        say("finishing this step and saving it; Ctrl-C again stops at once", "dim")

    def memorized(self, measured: Memorization) -> None:
        self._hide()
        say(
            f"{measured.tuned.samples:,} draws from N(0, I), decoded once: per cent valid; of those, per cent distinct "
            "and training molecules; Tanimoto similarity to the nearest training molecule (Morgan, radius 2): mean, "
            "and what 10, 50 and 90 per cent of them are below",
            "dim",
        )
        say(f"{'':10}  valid distinct training    mean    10 %    50 %    90 %", "bold")
        for name, drawn in (("this model", measured.tuned), ("its start", measured.start)):
            valid, distinct, known = (f"{100 * share:.1f}" for share in (drawn.valid, drawn.distinct, drawn.known))
            say(f"{name:10} {valid:>6} {distinct:>8} {known:>8} {_nearness(drawn.nearness)}")
        say(f"{'held out':10} {'':24} {_nearness(measured.held_out)}")
        if complaint := measured.complaint():
            say(complaint, "bold red")

    def done(self, folder: Path, best: int) -> None:
        self._hide()
        say(f"the weights of epoch {best} are the model", "dim")
        if self._report and is_main():
            self._write_report(folder)
        say(f"done: {folder}", "bold green")
        say(f"next: molvae sample --n 100 --model {shlex.quote(str(folder))}")

    def _write_report(self, folder: Path) -> None:
        """The run is finished whatever becomes of its report."""
        from molvae.report import write_report

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


def _fit(name: str, fit: Fit) -> str:
    if not fit.labels:
        return f"{name}: no labels held out"
    return f"{name}: R2 {fit.r2:.3f}, MAE {fit.mae:.3g}"


def _nearness(nearness: Nearness) -> str:
    return " ".join(f"{one:7.3f}" for one in (nearness.mean, nearness.tenth, nearness.median, nearness.ninetieth))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}h{minutes % 60:02d}m" if minutes >= 60 else f"{minutes}:{rest:02d}"
