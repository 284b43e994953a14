"""Progress of a training: figures of a step and of an epoch, speed, and the number of steps that fit into a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from molvae.runtime.distributed import broadcast, total
from molvae.training.coupling import coupling_threads, match
from molvae.training.health import Health
from molvae.training.labels import HeadFit
from molvae.training.objective import Terms
from molvae.training.plan import Plan

__all__ = ["Epoch", "Meter", "Pace", "Progress", "Work", "measure_pace"]

_CHECKING = 0.04  # the largest share of the time for health checks
_BATCHES = 12  # the largest number of batches in a speed measurement
_MEASURING = 0.02  # share of the time for the measurement of each kind of step

Rows = NDArray[np.int64]


class Progress(NamedTuple):
    """The state of a training after a step."""

    step: int
    """steps done"""
    steps: int
    """steps of the whole training"""
    tokens_per_second: float
    """target tokens trained on, since the start of the epoch"""


class Epoch(NamedTuple):
    """One line of history.csv."""

    epoch: int
    """epochs done"""
    seconds: float
    """training time so far, the health checks included"""
    tokens_per_second: float
    """target tokens trained on in this epoch"""
    train_reconstruction: float
    """nats per molecule, mean over the epoch"""
    train_kl: float
    """nats per molecule, mean over the epoch"""
    train_prior: float
    """nats per molecule at coupled prior draws, mean over the epoch; NaN without them"""
    train_properties: float
    """nats per molecule, loss of the heads, summed over the properties, mean over the epoch; 0 without heads"""
    objective: float
    """nats per molecule, the held-out objective that early stopping watches"""
    best: bool
    """whether the objective is the lowest so far"""
    health: Health
    """held-out figures of the averaged weights"""
    fits: dict[str, HeadFit]
    """held-out figures of the property heads"""

    def flat(self) -> dict[str, float]:
        """All figures by name, including those of the health check and of the heads."""
        without = {"health", "fits"} | (set() if self.fits else {"train_properties"})
        own = {name: value for name, value in self._asdict().items() if name not in without}
        heads = {f"{name}_{key}": getattr(fit, key) for name, fit in self.fits.items() for key in ("r2", "mae")}
        return {**own, **self.health._asdict(), **heads}


class Meter:
    """Means over an epoch, of the molecules that this process trained on.

    Args:
        device: device of the terms; they are summed there, so that no step waits for them.
        state: a `state` to continue from; None starts at zero.
    """

    def __init__(self, device: torch.device, state: Mapping[str, Tensor] | None = None) -> None:
        number = torch.float32 if device.type == "mps" else torch.float64
        self._sums = torch.zeros(6, dtype=number, device=device)  # four terms, molecules, coupled molecules
        if state:
            self._sums += state["sums"].to(self._sums)
        self._tokens, self._started = 0, time.monotonic()

    def state(self) -> dict[str, Tensor]:
        """The sums of all processes, for `__init__` of one of them; the speed is measured anew."""
        return {"sums": total(self._sums.clone())}

    def add(self, terms: Terms, molecules: int, tokens: int, *, coupled: bool) -> None:
        """Add a step.

        Args:
            terms: means over the molecules of this process.
            molecules: number of molecules of this process.
            tokens: number of target tokens of all processes.
            coupled: whether the step has a coupled prior term.
        """
        parts = torch.stack([terms.reconstruction, terms.kl, terms.prior, terms.properties]).detach().to(self._sums)
        self._sums[:4] += parts * molecules
        self._sums[4] += molecules
        self._sums[5] += molecules * coupled
        self._tokens += tokens

    def means(self) -> tuple[float, float, float, float]:
        """Reconstruction, KL, coupled prior term and properties in nats per molecule, over all processes."""
        reconstruction, kl, prior, properties, molecules, coupled = self.state()["sums"].tolist()
        n = max(1, molecules)
        return reconstruction / n, kl / n, prior / coupled if coupled else float("nan"), properties / n

    @property
    def tokens_per_second(self) -> float:
        """Target tokens per second since the start."""
        return self._tokens / max(1e-9, time.monotonic() - self._started)


class Pace(NamedTuple):
    """Measured times, seconds."""

    step: float
    """of an optimizer step, including its share of the optimal transport"""
    check: float
    """of a health check"""

    def fit(self, seconds: float, steps_per_epoch: int) -> tuple[int, int]:
        """Plan a training of a given duration.

        Args:
            seconds: the duration.
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
    """The parts of a training, to be timed."""

    step: Callable[[Rows, bool], object]
    """an optimizer step on the molecules of these rows, with the coupled prior term or without"""
    means: Callable[[Rows], object]
    """the posterior means of the molecules of these rows"""
    check: Callable[[], object]
    """a health check"""


def measure_pace(plan: Plan, work: Work, latent_dim: int, device: torch.device, seconds: float) -> Pace:
    """Time the parts of a training on some batches of its first pool, of short and of long molecules.

    Args:
        plan: plan of the training.
        work: its parts.
        latent_dim: D.
        device: device of the training.
        seconds: duration of the training; the measurement takes a few per cent of it.
    """
    config, rows = plan.config, plan.pool(0)
    ordered = [rows[at] for at in sorted(plan.batches(0), key=lambda at: int(plan.lengths[rows[at]].max()))]
    first = _timed(device, lambda: work.step(ordered[len(ordered) // 2], False))
    count = broadcast(round(_MEASURING * seconds / max(first, 1e-9)))
    places = np.linspace(0, len(ordered) - 1, min(len(ordered), max(3, min(_BATCHES, count))))
    batches = [ordered[round(place)] for place in places.tolist()]

    def step_seconds(coupled: bool) -> float:
        work.step(batches[-1], coupled)  # the longest, so that memory is allocated before the timing
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
    """Seconds by which matching a pool delays its training, which takes `training` seconds."""
    means, draws = np.random.default_rng(0).standard_normal((2, block, latent_dim), dtype=np.float32)
    started = time.monotonic()
    match(means, draws)
    seconds = (time.monotonic() - started) * max(1, round(molecules / block))
    if device.type == "cpu":
        return seconds / max(1, torch.get_num_threads())  # it uses one of the training cores
    return max(0.0, seconds / coupling_threads(device) - training)


def _timed(device: torch.device, work: Callable[[], object]) -> float:
    """Seconds of some work, until the device has finished it."""
    started = time.monotonic()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.monotonic() - started
