"""Reporters: receive the events of a run; `LineReporter` writes them as lines of text."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from molvae.corpus.cleaning import Counts
from molvae.training import Epoch, Progress
from molvae.training.labels import HeadFit
from molvae.training.run.memorization import Memorization, Nearness

__all__ = ["LineReporter", "Reporter", "WriteLine"]

_LEGEND = (
    "on held-out molecules, nats per molecule: rec(onstruction), KL, prior (reconstruction from matched prior draws); "
    "bit/c: rec in bits per character; act: active latent dimensions; per cent: exact reconstructions, "
    "valid, unique and novel ones of draws from the prior, decoded once, and valid midpoints between molecules; "
    "ktok/s: thousand tokens trained on per second"
)
_HEADS = (
    "; R2 and MAE (mean absolute error, in its unit) of each property, predicted from the posterior mean; of log10 "
    "NAME where the model learns log10"
)
_HEADER = "epoch   left    rec bit/c    KL  act prior exact valid  uniq novel midpt ktok/s"
_SILENCE = 120.0  # seconds without a line after which a line of progress is written


class Reporter:
    """Receives the events of a run. Every method does nothing; override those that you need."""

    def started(self, folder: Path) -> None:
        """The run folder exists; from now on the run can be resumed."""

    def table(self, sentence: str) -> None:
        """How the input file is read."""

    def cleaning(self, rows: int) -> None:
        """Number of rows cleaned so far."""

    def cleaned(self, counts: Counts, rejected: Path) -> None:
        """Cleaning is done: the counts, and the file of rejected rows."""

    def plan(self, sentence: str) -> None:
        """A remark on the training to come."""

    def warning(self, sentence: str) -> None:
        """What the user should change."""

    def new_tokens(self, start: str, molecules: Mapping[str, int]) -> None:
        """The run fine-tunes the model `start`; `molecules` counts the molecules with each token that is new to it."""

    def step(self, progress: Progress) -> None:
        """A training step is done."""

    def epoch(self, epoch: Epoch, epochs: int, warning: str | None) -> None:
        """An epoch of `epochs` is done; the warning is about the latent space."""

    def stopping(self) -> None:
        """The user interrupted; the run ends when this step is done and saved."""

    def memorized(self, measured: Memorization) -> None:
        """How much a fine-tuned model has memorized its training molecules."""

    def done(self, folder: Path, best: int) -> None:
        """The run is finished; the model has the weights of epoch `best`."""


class WriteLine(Protocol):
    """Writes a line of text, in a style if the output supports it."""

    def __call__(self, text: str, style: str = "") -> None: ...


class LineReporter(Reporter):
    """Writes the events of a run as lines of text.

    Args:
        write: writes a line.
    """

    def __init__(self, write: WriteLine) -> None:
        self._write = write
        self._has_header = False
        self._last_epoch: int | None = None  # that this process has seen
        self._last_line: tuple[float, int] | None = None  # its time, and the step then

    def table(self, sentence: str) -> None:
        self._write(sentence)

    def cleaned(self, counts: Counts, rejected: Path) -> None:
        dropped = counts.rows - counts.kept
        self._write(counts.describe() + (f"; each dropped row is in {rejected}" if dropped else ""))

    def plan(self, sentence: str) -> None:
        self._write(sentence)

    def warning(self, sentence: str) -> None:
        self._write(sentence, "yellow")

    def new_tokens(self, start: str, molecules: Mapping[str, int]) -> None:
        self._write(
            f"fine-tuning {start}, which knows all of these tokens" if not molecules else f"fine-tuning {start}"
        )
        if not molecules:
            return
        width = max(len("new token"), *map(len, molecules))
        self._write(f"{'new token':{width}} molecules", "bold")
        for token, holders in molecules.items():
            self._write(f"{token:{width}} {holders:9,}")

    def step(self, progress: Progress) -> None:
        now = time.monotonic()
        since, step = self._last_line or (now, progress.step)
        if now - since >= _SILENCE:
            left = (progress.steps - progress.step) * (now - since) / max(1, progress.step - step)
            self._write(
                f"step {progress.step:,} of {progress.steps:,}, {progress.tokens_per_second / 1000:.1f} ktok/s, "
                f"{_clock(left)} left at this pace",
                "dim",
            )
            since, step = now, progress.step
        self._last_line = since, step

    def epoch(self, epoch: Epoch, epochs: int, warning: str | None) -> None:
        self._last_line, self._last_epoch = None, epoch.epoch
        if not self._has_header:
            self._write(_LEGEND + (_HEADS if epoch.fits else ""), "dim")
            self._write(_HEADER, "bold")
            self._has_header = True
        health, left = epoch.health, epoch.seconds / epoch.epoch * (epochs - epoch.epoch)
        shares = [health.exact, health.prior_valid, health.prior_unique, health.prior_novel, health.midpoint_valid]
        percent = ["    -" if math.isnan(share) else f"{100 * share:5.1f}" for share in shares]
        self._write(
            f"{epoch.epoch:5d} {_clock(left):>6} {health.reconstruction:6.2f} {health.bits_per_char:5.3f} "
            f"{health.kl:5.1f} {health.active_units:4d} {health.prior:5.1f} {' '.join(percent)} "
            f"{epoch.tokens_per_second / 1000:6.1f}"
        )
        if epoch.fits:
            self._write(f"{'':12} {'  '.join(_fit(name, fit) for name, fit in epoch.fits.items())}")
        if warning:
            self._write(warning, "bold red")

    def stopping(self) -> None:
        self._write("finishing and saving this step; press Ctrl-C again to stop at once", "dim")

    def memorized(self, measured: Memorization) -> None:
        self._write(
            f"{measured.tuned.samples:,} draws from N(0, I), decoded once: per cent valid; of those, per cent distinct "
            "and training molecules; Tanimoto similarity to the nearest training molecule (Morgan, radius 2): mean, "
            "10th, 50th and 90th percentile",
            "dim",
        )
        self._write(f"{'':10}  valid distinct training    mean    10 %    50 %    90 %", "bold")
        for name, drawn in (("this model", measured.tuned), ("its start", measured.start)):
            valid, distinct, known = (f"{100 * share:.1f}" for share in (drawn.valid, drawn.distinct, drawn.known))
            self._write(f"{name:10} {valid:>6} {distinct:>8} {known:>8} {_nearness(drawn.nearness)}")
        self._write(f"{'held out':10} {'':24} {_nearness(measured.held_out)}")
        if warning := measured.warning():
            self._write(warning, "bold red")

    def done(self, folder: Path, best: int) -> None:
        self._write(f"the model has the weights of epoch {best}", "dim")
        if best == self._last_epoch:
            self._write("the last epoch is the best one: longer training (--epochs, --minutes) may give a better model")


def _fit(name: str, fit: HeadFit) -> str:
    if not fit.labels:
        return f"{name}: no labels held out"
    r2 = f"{fit.r2:.3f}" if math.isfinite(fit.r2) else "-"  # labels that do not differ
    return f"{name}: R2 {r2}, MAE {fit.mae:.3g}"


def _nearness(nearness: Nearness) -> str:
    return " ".join(f"{one:7.3f}" for one in (nearness.mean, nearness.tenth, nearness.median, nearness.ninetieth))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}h{minutes % 60:02d}m" if minutes >= 60 else f"{minutes}:{rest:02d}"
