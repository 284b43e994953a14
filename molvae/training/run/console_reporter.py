"""A training in lines of text: what was read, a line an epoch, what came of it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from molvae.corpus.cleaning import Counts
from molvae.training import Epoch, Progress
from molvae.training.labels import Fit
from molvae.training.run.memorization import Memorization, Nearness
from molvae.training.run.reporter import Reporter

__all__ = ["LineReporter", "Say"]

_LEGEND = (
    "on held-out molecules, nats per molecule: rec(onstruction), KL, prior (reconstruction from matched prior draws); "
    "bit/c: rec in bits per character; act: active latent dimensions; per cent: exact reconstructions, "
    "valid, unique and novel ones of draws from the prior, decoded once, and valid midpoints between molecules; "
    "ktok/s: thousand tokens trained on per second"
)
_HEADS = "; R2 and MAE (mean absolute error, in its unit) of each property, predicted from the posterior mean"
_HEADER = "epoch   left    rec bit/c    KL  act prior exact valid  uniq novel midpt ktok/s"
_SILENCE = 120.0  # seconds without a line, after which one tells where the training is


class Say(Protocol):
    """Takes a line, and how it might look where that can be shown."""

    def __call__(self, text: str, style: str = "") -> None: ...


class LineReporter(Reporter):
    """Gives what goes on as lines of text.

    Args:
        say: takes them.
    """

    def __init__(self, say: Say) -> None:
        self._say = say
        self._header = False
        self._told: tuple[float, int] | None = None  # when the last line was, and the step then

    def table(self, sentence: str) -> None:
        self._say(sentence)

    def cleaned(self, counts: Counts, rejected: Path) -> None:
        dropped = counts.rows - counts.kept
        self._say(counts.describe() + (f"; each dropped row is in {rejected}" if dropped else ""))

    def plan(self, sentence: str) -> None:
        self._say(sentence)

    def new_tokens(self, start: str, molecules: Mapping[str, int]) -> None:
        self._say(f"fine-tuning {start}, which knows all of these tokens" if not molecules else f"fine-tuning {start}")
        if not molecules:
            return
        width = max(len("new token"), *map(len, molecules))
        self._say(f"{'new token':{width}} molecules", "bold")
        for token, holders in molecules.items():
            self._say(f"{token:{width}} {holders:9,}")

    def step(self, progress: Progress) -> None:
        now = time.monotonic()
        since, step = self._told or (now, progress.step)
        if now - since >= _SILENCE:
            left = (progress.steps - progress.step) * (now - since) / max(1, progress.step - step)
            self._say(
                f"step {progress.step:,} of {progress.steps:,}, {progress.tokens_per_second / 1000:.1f} ktok/s, "
                f"{_clock(left)} left at this pace",
                "dim",
            )
            since, step = now, progress.step
        self._told = since, step

    def epoch(self, epoch: Epoch, epochs: int, complaint: str | None) -> None:
        self._told = None
        if not self._header:
            self._say(_LEGEND + (_HEADS if epoch.fits else ""), "dim")
            self._say(_HEADER, "bold")
            self._header = True
        health, left = epoch.health, epoch.seconds / epoch.epoch * (epochs - epoch.epoch)
        shares = [health.exact, health.prior_valid, health.prior_unique, health.prior_novel, health.midpoint_valid]
        percent = ["    -" if math.isnan(share) else f"{100 * share:5.1f}" for share in shares]
        self._say(
            f"{epoch.epoch:5d} {_clock(left):>6} {health.reconstruction:6.2f} {health.bits_per_char:5.3f} "
            f"{health.kl:5.1f} {health.active_units:4d} {health.prior:5.1f} {' '.join(percent)} "
            f"{epoch.tokens_per_second / 1000:6.1f}"
        )
        if epoch.fits:
            self._say(f"{'':12} {'  '.join(_fit(name, fit) for name, fit in epoch.fits.items())}")
        if complaint:
            self._say(complaint, "bold red")

    def stopping(self) -> None:
        self._say("finishing this step and saving it; Ctrl-C again stops at once", "dim")

    def memorized(self, measured: Memorization) -> None:
        self._say(
            f"{measured.tuned.samples:,} draws from N(0, I), decoded once: per cent valid; of those, per cent distinct "
            "and training molecules; Tanimoto similarity to the nearest training molecule (Morgan, radius 2): mean, "
            "and what 10, 50 and 90 per cent of them are below",
            "dim",
        )
        self._say(f"{'':10}  valid distinct training    mean    10 %    50 %    90 %", "bold")
        for name, drawn in (("this model", measured.tuned), ("its start", measured.start)):
            valid, distinct, known = (f"{100 * share:.1f}" for share in (drawn.valid, drawn.distinct, drawn.known))
            self._say(f"{name:10} {valid:>6} {distinct:>8} {known:>8} {_nearness(drawn.nearness)}")
        self._say(f"{'held out':10} {'':24} {_nearness(measured.held_out)}")
        if complaint := measured.complaint():
            self._say(complaint, "bold red")

    def done(self, folder: Path, best: int) -> None:
        self._say(f"the weights of epoch {best} are the model", "dim")


def _fit(name: str, fit: Fit) -> str:
    if not fit.labels:
        return f"{name}: no labels held out"
    r2 = f"{fit.r2:.3f}" if math.isfinite(fit.r2) else "-"  # labels that do not differ
    return f"{name}: R2 {r2}, MAE {fit.mae:.3g}"


def _nearness(nearness: Nearness) -> str:
    return " ".join(f"{one:7.3f}" for one in (nearness.mean, nearness.tenth, nearness.median, nearness.ninetieth))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}h{minutes % 60:02d}m" if minutes >= 60 else f"{minutes}:{rest:02d}"
