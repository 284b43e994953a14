"""The training loop. It knows token ids and tensors; what it learns about molecules comes from the health check."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from molvae.config import TrainConfig
from molvae.corpus.batching import TokenizedCorpus, bucketed
from molvae.errors import ConfigError, ModelError
from molvae.model import SmilesVAE
from molvae.training.checkpoint import Position, read_checkpoint, write_checkpoint
from molvae.training.coupling import CouplingAhead
from molvae.training.device import make_accelerator
from molvae.training.health import Health
from molvae.training.meter import Meter
from molvae.training.objective import beta_at, mask_tokens, terms_of
from molvae.training.optimizer import WeightAverage, learning_rate_at, make_optimizer
from molvae.training.plan import Plan

__all__ = ["Epoch", "Progress", "Trainer"]

_SECONDS_BETWEEN_CHECKPOINTS = 60.0


class Progress(NamedTuple):
    """Where a training is, after a step."""

    step: int
    """steps done"""
    steps: int
    """steps in all"""
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
    objective: float
    """nats per molecule, the held-out objective that early stopping watches"""
    best: bool
    """whether no epoch before had a lower one"""
    health: Health
    """held-out figures of the averaged weights"""

    def flat(self) -> dict[str, float]:
        """All figures by name, those of the health check too."""
        return {**{k: v for k, v in self._asdict().items() if k != "health"}, **self.health._asdict()}


@dataclass
class _Best:
    """The best weights so far, and since when."""

    objective: float
    epoch: int
    weights: dict[str, Tensor]


class Trainer:
    """Trains a model on the rows of a corpus; `run` gives the best averaged weights.

    The order of molecules and every random number are functions of the seed, so a training that was killed and is
    resumed from its checkpoint ends with the weights of one that was not (on CPU, with the same number of threads).

    Args:
        model: trained in place; its first weights count.
        corpus: tokenized molecules.
        rows: which of them to train on.
        config: how.
        check: measures a model on held-out molecules.
        checkpoint: file to keep the state in and to resume from if it is there; None keeps none.
        on_step: called after every step.
        on_epoch: called after every epoch with its figures and the averaged model.

    Raises:
        ConfigError: the device is not there; from `run`, training diverged.
        ModelError: the checkpoint is damaged, or of another model.
    """

    def __init__(
        self,
        model: SmilesVAE,
        corpus: TokenizedCorpus,
        rows: NDArray[np.int64],
        config: TrainConfig,
        *,
        check: Callable[[SmilesVAE], Health],
        checkpoint: Path | None = None,
        on_step: Callable[[Progress], None] = lambda _: None,
        on_epoch: Callable[[Epoch, SmilesVAE], None] = lambda *_: None,
    ) -> None:
        self._corpus, self._config, self._check, self._checkpoint = corpus, config, check, checkpoint
        self._on_step, self._on_epoch = on_step, on_epoch
        self._plan = Plan(rows, corpus.lengths, config)
        self._steps = self._plan.steps
        self._accelerator = make_accelerator(config)
        self._model = model.to(self._accelerator.device)
        self._optimizer = make_optimizer(self._model, config)
        self._average = WeightAverage(self._model, config.average_decay)
        self._best = _Best(float("inf"), 0, {})
        self._position = Position(pool=0, step=0, seconds=0.0)
        self._coupled: NDArray[np.float32] | None = None
        self._meter = Meter()
        if checkpoint is not None and checkpoint.exists():
            self._restore(*read_checkpoint(checkpoint))

    @property
    def epochs_done(self) -> int:
        """Whole epochs behind the place where training begins or goes on."""
        return self._position.pool // self._plan.pools_per_epoch

    @property
    def best_epoch(self) -> int:
        """The epoch with the lowest held-out objective so far; 0 before the first."""
        return self._best.epoch

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole training."""
        return self._steps

    @property
    def where(self) -> str:
        """Device and precision, as one would say them."""
        return f"{self._accelerator.device} in {'bf16' if self._accelerator.mixed_precision == 'bf16' else 'fp32'}"

    def run(self) -> SmilesVAE:
        """Train to the end, or until patience runs out, and return the model with the best averaged weights."""
        self._started = time.monotonic() - self._position.seconds
        self._saved = time.monotonic()
        per_epoch = self._plan.pools_per_epoch
        with CouplingAhead(self._config.block_size) as coupling, torch.random.fork_rng():
            while self._position.pool < self._config.epochs * per_epoch and not self._out_of_patience():
                self._train_pool(self._position.pool, coupling)
                if self._position.pool % per_epoch == 0:
                    self._end_epoch(self._position.pool // per_epoch)
        self._average.model.load_state_dict(self._best.weights)
        return self._average.model

    def _out_of_patience(self) -> bool:
        return 0 < self._config.patience <= self.epochs_done - self._best.epoch

    def _train_pool(self, pool: int, coupling: CouplingAhead) -> None:
        if self._plan.coupled(pool) and self._coupled is None:
            self._start_coupling(pool, coupling)
            self._coupled = coupling.take()
        if time.monotonic() - self._saved > _SECONDS_BETWEEN_CHECKPOINTS:
            self._save()
        if self._plan.coupled(pool + 1):
            self._start_coupling(pool + 1, coupling)
        torch.manual_seed(int(self._plan.rng(2, pool).integers(2**63)))  # dropout has no generator of its own
        generator = torch.Generator(self._accelerator.device)
        generator.manual_seed(int(self._plan.rng(3, pool).integers(2**63)))
        rows = self._plan.pool(pool)
        for at in self._plan.batches(pool):
            draws = None if self._coupled is None else torch.from_numpy(self._coupled[at])
            self._step(rows[at], draws, generator)
        self._coupled = coupling.take()
        self._position = self._position._replace(pool=pool + 1)

    def _start_coupling(self, pool: int, coupling: CouplingAhead) -> None:
        coupling.start(lambda: self._posterior_means(self._plan.pool(pool)), self._plan.rng(4, pool))

    @torch.inference_mode()
    def _posterior_means(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        means = np.empty((len(rows), self._model.config.latent_dim), dtype=np.float32)
        lengths = self._corpus.lengths[rows]
        for at in bucketed(np.arange(len(rows)), lengths, 2 * self._config.batch_size):
            batch = self._corpus.batch(rows[at]).to(self._accelerator.device)
            with self._accelerator.autocast():
                means[at] = self._model.encoder(batch.tokens, batch.lengths).mean.float().cpu().numpy()
        self._check_finite(float(means.sum()))
        return means

    def _check_finite(self, figure: float) -> None:
        if not math.isfinite(figure):
            step, rate = self._position.step, self._config.learning_rate
            raise ConfigError(f"training diverged before step {step}: lower learning_rate (now {rate:g}), start anew")

    def _step(self, rows: NDArray[np.int64], draws: Tensor | None, generator: torch.Generator) -> None:
        config, device = self._config, self._accelerator.device
        tokenizer = self._corpus.tokenizer
        progress = self._position.step / self._steps
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate_at(progress, config)
        batch = self._corpus.batch(rows).to(device)
        seen = mask_tokens(
            batch.tokens,
            config.token_dropout,
            bos_id=tokenizer.bos_id,
            mask_id=tokenizer.mask_id,
            generator=generator,
        )
        self._model.train()
        with self._accelerator.autocast():
            output = self._model(
                batch.tokens,
                batch.lengths,
                coupled=None if draws is None else draws.to(device),
                decoder_tokens=seen,
                generator=generator,
            )
        terms = terms_of(output, config.free_bits)
        targets = int(self._corpus.lengths[rows].sum()) - len(rows)
        loss = terms.loss(beta_at(progress, config), config.coupling_weight)
        self._optimizer.zero_grad(set_to_none=True)
        self._accelerator.backward(loss * (len(rows) / targets))  # nats per token: clipping knows no length
        self._accelerator.clip_grad_norm_(self._model.parameters(), config.clip_norm)
        self._optimizer.step()
        self._position = self._position._replace(step=self._position.step + 1)
        self._average.update(self._model, self._position.step)
        self._meter.add(terms, len(rows), targets, coupled=draws is not None)
        self._on_step(Progress(self._position.step, self._steps, self._meter.tokens_per_second))

    def _end_epoch(self, epoch: int) -> None:
        means, speed = self._meter.means(), self._meter.tokens_per_second
        self._check_finite(means[0] + means[1])
        health = self._check(self._average.model)
        objective = health.objective(self._config)
        self._check_finite(objective)
        best = objective < self._best.objective
        if best:
            weights = {name: value.clone() for name, value in self._average.model.state_dict().items()}
            self._best = _Best(objective, epoch, weights)
        seconds = time.monotonic() - self._started
        self._on_epoch(Epoch(epoch, seconds, speed, *means, objective, best, health), self._average.model)
        self._meter = Meter()
        self._save()

    def _save(self) -> None:
        self._saved = time.monotonic()
        if self._checkpoint is None:
            return
        self._position = self._position._replace(seconds=self._saved - self._started)
        tensors: dict[str, Mapping[str, Tensor]] = {
            "model": self._model.state_dict(),
            "average": self._average.model.state_dict(),
            "best": self._best.weights,
            "coupled": {} if self._coupled is None else {"draws": torch.from_numpy(self._coupled)},
            "meter": self._meter.state(),
        }
        best = {"objective": self._best.objective, "epoch": self._best.epoch}
        write_checkpoint(self._checkpoint, tensors, self._optimizer, self._position, {"best": best})

    def _restore(
        self,
        tensors: Mapping[str, Mapping[str, Tensor]],
        optimizer: Mapping[str, Any],
        position: Position,
        extra: Mapping[str, Any],
    ) -> None:
        try:
            self._model.load_state_dict(tensors["model"])
            self._average.model.load_state_dict(tensors["average"])
            self._optimizer.load_state_dict(dict(optimizer))
        except (KeyError, RuntimeError, ValueError):
            raise ModelError(f"{self._checkpoint} is of a model of another shape than the settings say") from None
        device = self._accelerator.device
        weights = {name: value.to(device) for name, value in tensors.get("best", {}).items()}
        self._best = _Best(extra["best"]["objective"], extra["best"]["epoch"], weights)
        self._position = position
        self._coupled = tensors["coupled"]["draws"].numpy() if "coupled" in tensors else None
        self._meter = Meter(tensors["meter"])
