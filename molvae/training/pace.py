"""How fast a training goes, and how many steps fit into a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from molvae.runtime.distributed import broadcast
from molvae.training.coupling import match
from molvae.training.device import coupling_threads
from molvae.training.plan import Plan

__all__ = ["Pace", "Work", "measured_pace"]

_CHECKING = 0.04  # share of the time for the health checks, at most
_BATCHES = 12  # by which the speed is measured, at most
_MEASURING = 0.02  # share of the time in which it is, for each kind of step

Rows = NDArray[np.int64]


class Pace(NamedTuple):
    """Seconds, as a rehearsal measured them."""

    step: float
    """of an optimizer step, its share of the transport included"""
    check: float
    """of a health check"""

    def fit(self, seconds: float, steps_per_epoch: int) -> tuple[int, int]:
        """What fills a time.

        Args:
            seconds: the time.
            steps_per_epoch: optimizer steps of an epoch.

        Returns:
            optimizer steps, at least 1, and epochs from one health check to the next
        """
        training = max(0.0, seconds - self.check)
        epochs = training / (self.step * steps_per_epoch)
        between = max(1, math.ceil(epochs * self.check / max(_CHECKING * training, 1e-9))) if epochs > 1 else 1
        training -= int(epochs / between) * self.check
        return max(1, int(training / self.step)), between


class Work(NamedTuple):
    """What a training does, to be timed."""

    step: Callable[[Rows, bool], object]
    """an optimizer step on the molecules of these rows, with the coupled prior term or without"""
    means: Callable[[Rows], object]
    """the posterior means of the molecules of these rows"""
    check: Callable[[], object]
    """a health check"""


def measured_pace(plan: Plan, work: Work, latent_dim: int, device: torch.device, seconds: float) -> Pace:
    """Time the parts of a training on some batches of its first pool, short molecules and long ones.

    Args:
        plan: of the training.
        work: its parts.
        latent_dim: D.
        device: where it computes.
        seconds: that the training is to take; a few hundredths of it are spent here.
    """
    config, rows = plan.config, plan.pool(0)
    ordered = [rows[at] for at in sorted(plan.batches(0), key=lambda at: int(plan.lengths[rows[at]].max()))]
    first = _timed(device, lambda: work.step(ordered[len(ordered) // 2], False))
    wanted = broadcast(round(_MEASURING * seconds / max(first, 1e-9)))
    places = np.linspace(0, len(ordered) - 1, min(len(ordered), max(3, min(_BATCHES, wanted))))
    batches = [ordered[round(place)] for place in places.tolist()]

    def step_seconds(coupled: bool) -> float:
        work.step(batches[-1], coupled)  # the longest, so that memory is there before time counts
        return _timed(device, lambda: [work.step(batch, coupled) for batch in batches]) / len(batches)

    plain = config.coupling_start if config.coupling_weight else 1.0  # share of the steps without the coupled term
    step = plain * step_seconds(False) if plain else 0.0
    if plain < 1.0:
        trained, some = step_seconds(True), np.concatenate(batches)
        encoded = _timed(device, lambda: work.means(some)) * len(rows) / len(some)
        waited = _matching(min(config.block_size, len(rows)), latent_dim, len(rows), device, trained * len(ordered))
        step += (1.0 - plain) * (trained + (encoded + waited) / len(ordered))
    return broadcast(Pace(step, _timed(device, work.check)))


def _matching(block: int, latent_dim: int, molecules: int, device: torch.device, training: float) -> float:
    """Seconds by which matching a pool holds up its training, which takes `training` seconds."""
    means, draws = np.random.default_rng(0).standard_normal((2, block, latent_dim), dtype=np.float32)
    started = time.monotonic()
    match(means, draws)
    seconds = (time.monotonic() - started) * max(1, round(molecules / block))
    if device.type == "cpu":
        return seconds / max(1, torch.get_num_threads())  # it takes one of the cores that train
    return max(0.0, seconds / coupling_threads(device) - training)


def _timed(device: torch.device, work: Callable[[], object]) -> float:
    """Seconds of some work, until the device is done with it."""
    started = time.monotonic()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.monotonic() - started
