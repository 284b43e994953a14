"""How fast training is: against a textbook implementation, against the GEMM rate, and what the transport costs."""

from __future__ import annotations

import copy
import time
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch

from molvae.benchmarks.textbook import TextbookVAE
from molvae.benchmarks.timing import Figure, gemm_rate, rates, resident, seconds_of
from molvae.config import ModelConfig, TrainConfig
from molvae.corpus.batching import TokenizedCorpus
from molvae.model import SmilesVAE
from molvae.runtime.device import pick_device, profits_from_bf16
from molvae.training import Health, Trainer

__all__ = ["TrainingSpeed"]


class _EnoughError(Exception):
    """As many steps as were wanted are done."""


@dataclass
class TrainingSpeed:
    """Measures training, end to end, data loading included.

    Args:
        corpus: molecules to train on.
        model: the size.
        batch_size: molecules of a step.
        steps: of a measurement.
        rounds: measurements of each contender.
        device: as in `TrainConfig`.
        trained: weights to start from, of that size; None starts from new ones.
    """

    corpus: TokenizedCorpus
    model: ModelConfig
    batch_size: int
    steps: int
    rounds: int
    device: str = "auto"
    trained: SmilesVAE | None = None

    def __post_init__(self) -> None:
        self._device = pick_device(self.device)
        self._textbook = TextbookVAE(self.model, len(self.corpus.tokenizer), self.corpus.tokenizer.pad_id)
        self._textbook.to(self._device)
        self._optimizer = torch.optim.Adam(self._textbook.parameters(), lr=1e-3)
        self._rng = np.random.default_rng(0)
        self._memory: list[float] = []

    def run(self) -> list[Figure]:
        """Training with and without the coupled prior term, beside the textbook and the GEMM rate."""
        precision = torch.bfloat16 if profits_from_bf16(self._device) else torch.float32
        torch.manual_seed(0)
        before = resident()
        measured = rates(
            {
                "gemm": lambda: gemm_rate(self._device, precision),
                "textbook": self._textbook_rate,
                "plain": lambda: self._own_rate(coupled=False, block_size=1),
                "coupled": lambda: self._own_rate(coupled=True, block_size=1),
            },
            self.rounds,
        )
        work, name = self._work(), "bf16" if precision == torch.bfloat16 else "fp32"
        return [
            Figure(f"GEMM of 2048, {name}", measured["gemm"] / 1e9, "GFLOP/s"),
            Figure("training, textbook", measured["textbook"], "molecules/s"),
            Figure("training, ELBO", measured["plain"], "molecules/s"),
            Figure("training, with the coupled term, no transport", measured["coupled"], "molecules/s"),
            Figure("training, ELBO, against the textbook", measured["plain"] / measured["textbook"], "x", ">= 4"),
            Figure("training, ELBO, work done", measured["plain"] * work / 1e9, "GFLOP/s"),
            Figure("training, ELBO, of the GEMM rate", 100 * measured["plain"] * work / measured["gemm"], "%", ">= 80"),
            Figure("training, textbook, of the GEMM rate", 100 * measured["textbook"] * work / measured["gemm"], "%"),
            Figure("training, memory before", before, "MB"),
            Figure("training, memory in the first round", max(self._memory[:2]), "MB"),
            Figure("training, memory in the last round", max(self._memory[-2:]), "MB"),
        ]

    def transport(self) -> list[Figure]:
        """What matching by optimal transport costs, end to end, against matching at random.

        This wants trained weights: the posterior means of new ones differ in few directions, and to match such takes
        ten times as long.
        """
        size = TrainConfig().block_size
        measured = rates(
            {
                "random": lambda: self._own_rate(coupled=True, block_size=1),
                "matched": lambda: self._own_rate(coupled=True, block_size=size),
            },
            self.rounds,
        )
        cost = 100 * (measured["random"] / measured["matched"] - 1)
        return [
            Figure("transport, training without it", measured["random"], "molecules/s"),
            Figure(f"transport, training with it, blocks of {size:,}", measured["matched"], "molecules/s"),
            Figure("transport, cost of it", cost, "%", "< 5"),
        ]

    def _work(self) -> float:
        """FLOP of a molecule: multiplications and additions of forward and backward pass, padding not counted."""
        m, V = self.model, len(self.corpus.tokenizer)
        T = float(self.corpus.lengths.mean())
        encoder = 2 * 3 * m.encoder_hidden * (m.embedding_dim + m.encoder_hidden)
        deeper = 2 * 3 * m.encoder_hidden * 3 * m.encoder_hidden * (m.encoder_layers - 1)
        first = 3 * m.decoder_hidden * (m.embedding_dim + m.latent_dim + m.decoder_hidden)
        others = 3 * m.decoder_hidden * 2 * m.decoder_hidden * (m.decoder_layers - 1)
        return 3.0 * 2.0 * (T * (encoder + deeper) + (T - 1) * (first + others + m.decoder_hidden * V))

    def _textbook_rate(self) -> float:
        """Molecules a second; one step is enough."""
        rows = self._rng.integers(len(self.corpus), size=self.batch_size)

        def step() -> None:
            tokens, lengths = self.corpus.batch(rows)
            order = lengths.argsort(descending=True)
            molecules = [tokens[i, : lengths[i]].to(self._device) for i in order]
            self._optimizer.zero_grad()
            torch.autograd.backward(self._textbook.loss(molecules, 0.1))
            torch.nn.utils.clip_grad_norm_(self._textbook.parameters(), 50.0)
            self._optimizer.step()

        return self.batch_size / seconds_of(step, self._device)

    def _own_rate(self, *, coupled: bool, block_size: int) -> float:
        """Molecules a second of the trainer, once its first pool is behind it."""
        pool = self.steps * self.batch_size
        # The first pool does not count: its transport was waited for, and its steps collect the memory that later ones
        # use again. The third is not reached: it would begin by waiting for a transport that had too little time.
        first, last = self.steps - 1, 2 * self.steps - 1
        config = TrainConfig(
            epochs=9,
            batch_size=self.batch_size,
            coupling_weight=float(coupled),
            coupling_start=0.0,
            pool_size=pool,
            block_size=min(block_size, pool),
            device=self.device,
        )
        rows = np.resize(self._rng.permutation(len(self.corpus)), pool)  # again and again, where there are too few
        model = copy.deepcopy(self.trained) or SmilesVAE(self.model, len(self.corpus.tokenizer))
        stamps: list[float] = []

        def on_step(_: object) -> None:
            stamps.append(time.perf_counter())
            if len(stamps) == last + 1:
                self._memory.append(resident())
                raise _EnoughError

        nothing = Health._make([0] * len(Health._fields))  # the health check is not what is measured
        trainer = Trainer(model, self.corpus, rows, config, check=lambda _: nothing, on_step=on_step)
        with suppress(_EnoughError):
            trainer.run()
        return (last - first) * self.batch_size / (stamps[last] - stamps[first])
