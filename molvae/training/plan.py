"""The order of a training: epochs, pools, batches. It is a function of the seed, so that a run can be resumed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from molvae.config import TrainConfig
from molvae.corpus.batching import bucketed

__all__ = ["Plan"]

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """Every epoch visits every training molecule once, in pools; batches are of similar length within a pool.

    The training ends after `config.steps`, even within an epoch, or else after `config.epochs`.

    Args:
        rows: the training molecules.
        lengths: tokens of every molecule of the corpus.
        config: epochs, steps, pool_size, batch_size, coupling_start, coupling_weight, seed.
    """

    rows: Rows
    lengths: Rows
    config: TrainConfig
    _orders: dict[int, Rows] = field(default_factory=dict, repr=False)  # of the last epoch used

    @property
    def pools_per_epoch(self) -> int:
        """Pools of an epoch, of nearly equal size."""
        return max(1, round(len(self.rows) / self.config.pool_size))

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of an epoch."""
        return int(self._steps_of_pools.sum())

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole training."""
        return self.config.steps or self.config.epochs * self.steps_per_epoch

    @property
    def pools(self) -> int:
        """Pools of the whole training; the last one may be used in part."""
        epochs, rest = divmod(self.steps, self.steps_per_epoch)
        return epochs * self.pools_per_epoch + int(np.searchsorted(np.cumsum(self._steps_of_pools), rest)) + (rest > 0)

    @property
    def epochs(self) -> int:
        """Epochs of the whole training; the last one may be incomplete."""
        return -(-self.pools // self.pools_per_epoch)

    @cached_property
    def _steps_of_pools(self) -> Rows:
        """Steps of each pool of an epoch."""
        sizes = [len(pool) for pool in np.array_split(self.rows, self.pools_per_epoch)]
        return -(-np.array(sizes) // self.config.batch_size)

    def rng(self, *key: int) -> np.random.Generator:
        """A random generator that depends only on the seed and the key."""
        return np.random.default_rng((self.config.seed, *key))

    def pool(self, index: int) -> Rows:
        """The molecules of a pool, numbered from the start of the training."""
        epoch, within = divmod(index, self.pools_per_epoch)
        if epoch not in self._orders:
            self._orders.clear()
            self._orders[epoch] = self.rng(0, epoch).permutation(self.rows)
        return np.array_split(self._orders[epoch], self.pools_per_epoch)[within]

    def batches(self, index: int) -> Iterator[Rows]:
        """The batches of a pool, as positions in it."""
        lengths = self.lengths[self.pool(index)]
        return bucketed(np.arange(len(lengths)), lengths, self.config.batch_size, self.rng(1, index))

    def coupled(self, index: int) -> bool:
        """Whether training on a pool includes the coupled prior term; False after the last pool."""
        return self.config.coupling_weight > 0.0 and self.config.coupling_start * self.pools <= index < self.pools
