"""The training loop, on token ids and tensors, and its device: the only module that uses accelerate."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from molvae.config import TrainConfig
from molvae.corpus.batching import TokenizedCorpus, bucketed
from molvae.errors import ConfigError, ModelError
from molvae.model import SmilesVAE
from molvae.runtime.device import kept_memory, pick_device, profits_from_bf16
from molvae.runtime.distributed import connect, is_main, on_main, rank, total, world_size
from molvae.runtime.interruption import Interruption
from molvae.training.batch_inputs import BatchInputs, Randomize
from molvae.training.checkpoint import Position, read_checkpoint, write_checkpoint
from molvae.training.coupling import PriorMatching, coupling_threads
from molvae.training.health import Health
from molvae.training.labels import HeadFigures, Labels
from molvae.training.objective import beta_at, loss_terms
from molvae.training.optimizer import WeightAverage, learning_rate_at, make_optimizer, skip_nonfinite
from molvae.training.plan import Plan
from molvae.training.progress import Epoch, Meter, Pace, Progress, Work, measure_pace

__all__ = ["Trainer"]

_ENCODED = 8_192  # molecules that a GPU encodes at a time
_SYNC_STEPS = 8  # steps between two agreements of several processes on saving and ending, for which GPUs wait


@dataclass
class _Best:
    """The best weights so far, and their epoch."""

    objective: float
    epoch: int
    weights: dict[str, Tensor]


class Trainer:
    """Trains a model on rows of a corpus; `run` returns the best averaged weights.

    Under torchrun every process makes a trainer with the same arguments and takes its share of each batch. The result
    is that of one process, except for rounding and dropout. Only the main process checks and saves.

    The order of molecules and every random number are functions of the seed. So a training that was killed and resumed
    from its checkpoint ends with the same weights as one that was not (on CPU, with the same number of threads).

    Args:
        model: trained in place, from its current weights.
        corpus: tokenized molecules.
        rows: the training molecules.
        config: training settings.
        check: measures a model on held-out molecules.
        labels: labels of the corpus for the property heads.
        check_heads: measures the property heads; given with `labels`.
        randomize: randomized SMILES for the encoder, for a share `config.randomized` of the molecules; None uses none.
        checkpoint: file to save the state in, and to resume from if it exists; None saves nothing.
        on_step: called after every step.
        on_epoch: called after every epoch with its figures and the averaged model.
        on_interrupt: called at Ctrl-C or SIGTERM, before the step is finished and saved.

    Attributes:
        plan: epochs, pools and steps of the whole training.

    Raises:
        ConfigError: the device does not exist; from `run`, training diverged.
        ModelError: the checkpoint is damaged, or belongs to another model.
    """

    def __init__(
        self,
        model: SmilesVAE,
        corpus: TokenizedCorpus,
        rows: NDArray[np.int64],
        config: TrainConfig,
        *,
        check: Callable[[SmilesVAE], Health],
        labels: Labels | None = None,
        check_heads: Callable[[SmilesVAE], HeadFigures] | None = None,
        randomize: Randomize | None = None,
        checkpoint: Path | None = None,
        on_step: Callable[[Progress], None] = lambda _: None,
        on_epoch: Callable[[Epoch, SmilesVAE], None] = lambda *_: None,
        on_interrupt: Callable[[], None] = lambda: None,
    ) -> None:
        self._config, self._checkpoint = config, checkpoint
        self._check, self._check_heads, self._labels = check, check_heads or (lambda _: HeadFigures({}, 0.0)), labels
        self._on_step, self._on_epoch, self._on_interrupt = on_step, on_epoch, on_interrupt
        self.plan = Plan(rows, corpus.lengths, config)
        self._accelerator = make_accelerator(config)
        self._corpus = corpus.to(self._accelerator.device)
        self._inputs = BatchInputs(self._corpus, self.plan, model.config.latent_dim, randomize)
        self._model = model.to(self._accelerator.device)
        self._parallel = data_parallel(self._model)
        self._optimizer = make_optimizer(self._model, config, bf16=self._accelerator.mixed_precision == "bf16")
        self._average = WeightAverage(self._model, config.average_decay)
        self._best = _Best(float("inf"), 0, {})
        self._position = Position(pool=0, batch=0, step=0, seconds=0.0)
        self._meter = Meter(self._accelerator.device)
        threads, device = coupling_threads(self._accelerator.device), self._accelerator.device
        self._pools = PriorMatching(self.plan, self._posterior_means, threads, device)
        if checkpoint is not None and checkpoint.exists():
            self._restore(*read_checkpoint(checkpoint))

    @property
    def epochs_done(self) -> int:
        """Epochs done before training starts or continues; the last one may be incomplete."""
        done = self._position.pool
        return self.plan.epochs if done >= self.plan.pools else done // self.plan.pools_per_epoch

    @property
    def best_epoch(self) -> int:
        """The epoch with the lowest held-out objective so far; 0 before the first."""
        return self._best.epoch

    @property
    def steps_done(self) -> int:
        """Steps done before training starts or continues."""
        return self._position.step

    @property
    def where(self) -> str:
        """Number of processes, device and precision, as text."""
        times = f"{world_size()} x " if world_size() > 1 else ""
        precision = "bf16" if self._accelerator.mixed_precision == "bf16" else "fp32"
        emulated = precision == "bf16" and not profits_from_bf16(self._accelerator.device)
        note = ", which is emulated here: fp32 is far faster" if emulated else ""
        return f"{times}{self._accelerator.device.type} in {precision}{note}"

    def run(self) -> SmilesVAE:
        """Train to the end, or until early stopping, and return the model with the best averaged weights.

        Raises:
            KeyboardInterrupt: on Ctrl-C or SIGTERM; the step is done and the state saved.
        """
        self._started = time.monotonic() - self._position.seconds
        # A new run saves its first step: a folder with a model and without a checkpoint is a finished run.
        self._saved = time.monotonic() if self._position.step else -math.inf
        per_epoch = self.plan.pools_per_epoch
        with ExitStack() as stack:
            interruption = stack.enter_context(Interruption(self._on_interrupt))
            stack.enter_context(torch.random.fork_rng())
            stack.enter_context(self._pools)
            if self._accelerator.device.type == "cpu":
                stack.enter_context(kept_memory())
            while self._position.pool < self.plan.pools and not self._out_of_patience():
                self._train_pool(self._position.pool, interruption)
                whole = self._position.pool % (per_epoch * self._config.check_epochs) == 0
                if whole or self._position.pool == self.plan.pools:
                    self._end_epoch(self.epochs_done)
        self._average.model.load_state_dict(self._best.weights)
        return self._average.model

    def rehearse(self, seconds: float) -> Pace:
        """Measure the speed of `run`. It changes the weights, so use a separate trainer.

        Args:
            seconds: duration of the training; the measurement takes a small share of it.
        """
        self._on_step = lambda _: None
        device, D = self._accelerator.device, self._model.config.latent_dim
        work = Work(
            lambda rows, coupled: self._step(rows, torch.randn(len(rows), D, device=device) if coupled else None),
            self._posterior_means,
            lambda: self._check(self._average.model),
        )
        with torch.random.fork_rng():
            return measure_pace(self.plan, work, D, device, seconds)

    def _out_of_patience(self) -> bool:
        measured = self.epochs_done - self.epochs_done % self._config.check_epochs
        return 0 < self._config.patience <= measured - self._best.epoch

    def _train_pool(self, pool: int, interruption: Interruption) -> None:
        self._pools.enter(pool)
        rows = self.plan.pool(pool)
        left = self.plan.steps - self._position.step
        for at in list(self.plan.batches(pool))[self._position.batch :][:left]:
            self._step(rows[at], self._pools.draws(at))
            self._pause(interruption)
        self._pools.leave()
        self._position = self._position._replace(pool=pool + 1, batch=0)

    def _pause(self, interruption: Interruption) -> None:
        """Save if it is time, and end if the user interrupted: all processes at the same step."""
        if world_size() > 1 and (self._position.step - 1) % _SYNC_STEPS:
            return
        due = is_main() and time.monotonic() - self._saved > self._config.checkpoint_seconds
        wanted, due = total(torch.tensor([float(interruption.asked), float(due)])).tolist()
        if wanted or due:
            self._save()
        if wanted:
            raise KeyboardInterrupt

    @torch.inference_mode()
    def _posterior_means(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        means = torch.zeros(len(rows), self._model.config.latent_dim, device=self._accelerator.device)
        # Without gradients, memory allows larger batches; a GPU needs them.
        size = max(2 * self._config.batch_size, _ENCODED if means.is_cuda else 0)
        batches = bucketed(np.arange(len(rows)), self._corpus.lengths[rows], size)
        for at in islice(batches, rank(), None, world_size()):
            batch = self._corpus.batch(rows[at])
            with self._accelerator.autocast():
                means[torch.from_numpy(at).to(means.device)] = self._model.encoder(*batch).mean.float()
        self._check_finite(float(total(means).sum()))
        return means.cpu().numpy()

    def _check_finite(self, figure: float) -> None:
        if not math.isfinite(figure):
            step, rate = self._position.step, self._config.learning_rate
            raise ConfigError(f"training diverged before step {step}: lower learning_rate (now {rate:g}), start again")

    def _step(self, rows: NDArray[np.int64], draws: Tensor | None) -> None:
        """One step on the molecules `rows`; each process takes its share."""
        config, device, step = self._config, self._accelerator.device, self._position.step
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate_at(step / self.plan.steps, config)
        # Every process needs a molecule; an additional one has the weight 0.
        count = len(range(rank(), len(rows), world_size()))
        given = slice(rank(), None, world_size()) if count else slice(1)
        inputs = self._inputs.at(step, rows, given, draws)
        self._model.train()
        with self._accelerator.autocast():
            output = self._parallel(**inputs._asdict())
        labels = None if self._labels is None else self._labels.batch(rows[given]).to(device)
        terms = loss_terms(output, config.free_bits, share=count / len(rows), labels=labels)
        targets = int(self._corpus.lengths[rows].sum()) - len(rows)
        loss = terms.loss(beta_at(step / self.plan.steps, config), config.coupling_weight, config.property_weight)
        self._optimizer.zero_grad(set_to_none=True)
        # Nats per token of the whole batch, so that clipping does not depend on lengths; DDP averages the gradients.
        self._accelerator.backward(loss * (count * world_size() / targets))
        norm = self._accelerator.clip_grad_norm_(self._model.parameters(), config.clip_norm)
        skip_nonfinite(norm, self._model)
        self._optimizer.step()
        self._position = self._position._replace(step=step + 1, batch=self._position.batch + 1)
        self._average.update(self._model, self._position.step)
        self._meter.add(terms, count, targets, coupled=draws is not None)
        self._on_step(Progress(self._position.step, self.plan.steps, self._meter.tokens_per_second))

    def _end_epoch(self, epoch: int) -> None:
        means, speed = self._meter.means(), self._meter.tokens_per_second
        self._check_finite(means[0] + means[1])
        health, heads = on_main(lambda: (self._check(self._average.model), self._check_heads(self._average.model)))
        objective = health.objective(self._config) + self._config.property_weight * heads.loss
        self._check_finite(objective)
        best = objective < self._best.objective
        if best:
            weights = {name: value.clone() for name, value in self._average.model.state_dict().items()}
            self._best = _Best(objective, epoch, weights)
        seconds = time.monotonic() - self._started
        figures = Epoch(epoch, seconds, speed, *means, objective, best, health, heads.fits)
        self._on_epoch(figures, self._average.model)
        self._meter = Meter(self._accelerator.device)
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
            "coupled": self._pools.state(),
            "meter": self._meter.state(),
        }
        best = {"objective": self._best.objective, "epoch": self._best.epoch}
        path, optimizer, position = self._checkpoint, self._optimizer, self._position
        on_main(lambda: write_checkpoint(path, tensors, optimizer, position, {"best": best}))

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
            device = self._accelerator.device
            weights = {name: value.to(device) for name, value in tensors.get("best", {}).items()}
            self._best = _Best(float(extra["best"]["objective"]), int(extra["best"]["epoch"]), weights)
        except (KeyError, RuntimeError, ValueError, TypeError, AttributeError, IndexError):
            raise ModelError(
                f"{self._checkpoint} is damaged, or of a model of another shape than the settings say"
            ) from None
        self._position = position
        self._pools.restore(tensors.get("coupled", {}))
        self._meter = Meter(device, tensors["meter"] if is_main() else None)


def make_accelerator(config: TrainConfig) -> Accelerator:
    """An accelerate `Accelerator` for the device and precision of `config`.

    Raises:
        ConfigError: the device does not exist.
    """
    device = pick_device(config.device)
    bf16 = config.precision == "bf16" or (config.precision == "auto" and profits_from_bf16(device))
    if device.index is not None:
        torch.cuda.set_device(device)
    # accelerate keeps its choices for the life of the process; a second training may choose others.
    AcceleratorState._reset_state(reset_partial_state=True)
    connect(cpu=device.type == "cpu")
    return Accelerator(cpu=device.type == "cpu", mixed_precision="bf16" if bf16 else "no")


def data_parallel(model: nn.Module) -> nn.Module:
    """The model as one of several copies that average their gradients; for a single process, the model itself."""
    if world_size() == 1:
        return model
    device = next(model.parameters()).device
    return DistributedDataParallel(model, device_ids=[device] if device.type == "cuda" else None)
