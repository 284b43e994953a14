"""CMA-ES in the latent space of a model that stays as it is."""

from __future__ import annotations

import cma
import numpy as np
from numpy.typing import NDArray

from molvae.benchmarks.searchers.base import Baseline, flat
from molvae.generator.molvae import MolVAE
from molvae.optimization.proposal import Proposal

__all__ = ["LatentEvolution"]

_POPULATION = 64
_SIGMA = 0.5
_PATIENCE = 20  # populations without a new molecule, before it gives up


class LatentEvolution(Baseline):
    """A point scores what its molecule scores, decoded greedily; one without a molecule scores as the worst so far.

    Source: The CMA Evolution Strategy: A Tutorial (Hansen, 2016), https://arxiv.org/abs/1604.00772

    Args:
        vae: the model.
        seed: of every random choice.
    """

    def __init__(self, vae: MolVAE, seed: int) -> None:
        super().__init__("latent CMA-ES", _POPULATION)
        self._vae = vae
        options = {"seed": seed + 1, "popsize": _POPULATION, "verbose": -9}  # a seed of 0 would mean the clock
        self._strategy = cma.CMAEvolutionStrategy(np.zeros(vae.config.latent_dim), _SIGMA, options)
        self._points: list[NDArray[np.float64]] = []
        self._molecules: list[str | None] = []
        self._waiting: list[Proposal] = []

    def ask(self, n: int | None = None) -> list[Proposal]:
        """What is new of a population; the next population where nothing is."""
        n = n or self.batch_size
        for _ in range(_PATIENCE):
            if self._waiting:
                break
            if self._points:
                self._learn()
            self._points = self._strategy.ask()
            self._molecules = flat(self._vae.decode(np.array(self._points, dtype=np.float32)))
            self._waiting = self._new(self._molecules, _POPULATION)
        batch, self._waiting = self._waiting[:n], self._waiting[n:]
        return batch

    def _learn(self) -> None:
        scores = self.archive.scores
        worst = float(np.nanmin(scores)) if len(scores) else 0.0
        values = [
            scores[self.archive.row(one)] if one is not None and one in self.archive else worst
            for one in self._molecules
        ]
        self._strategy.tell(self._points, (-np.nan_to_num(np.array(values), nan=worst)).tolist())
