"""The coupled prior draws of the pool that trains, and those of the next, matched in threads while this one trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from molvae.runtime.distributed import rank, total, world_size
from molvae.training.coupling import blocks, match
from molvae.training.plan import Plan

__all__ = ["CoupledPools"]

Array = NDArray[np.float32]
Rows = NDArray[np.int64]


class CoupledPools:
    """Gives every molecule of a pool a draw of N(0, I), by optimal transport.

    A context manager; its threads end with it (scipy's assignment releases the interpreter lock). Of several
    processes each matches its share of the blocks.

    Args:
        plan: which pools are coupled, and their molecules.
        means: posterior means (N, D) of some molecules under the weights of the moment.
        threads: matchings at a time.
        device: where the draws are wanted.
    """

    def __init__(self, plan: Plan, means: Callable[[Rows], Array], threads: int, device: torch.device) -> None:
        self._plan, self._means, self._count, self._device = plan, means, threads, device
        self._now: Tensor | None = None
        self._next: Array | None = None
        self._pending: list[tuple[Rows, Future[Array]]] | None = None

    def __enter__(self) -> CoupledPools:
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="coupling")
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def enter(self, pool: int) -> None:
        """Have the draws of a pool, and begin to match those of the next."""
        if self._plan.coupled(pool) and self._now is None:
            self._start(pool)
            self._advance()
        if self._plan.coupled(pool + 1) and self._next is None:
            self._start(pool + 1)

    def leave(self) -> None:
        """The pool is over; the next is the one that trains."""
        self._advance()

    def draws(self, at: Rows) -> Tensor | None:
        """(B, D), the draws of the molecules at these positions of the pool; None if it is not coupled."""
        return None if self._now is None else self._now[torch.from_numpy(at).to(self._device)]

    def state(self) -> dict[str, Tensor]:
        """What `restore` takes; waits for the threads."""
        following = self._finished()
        whole = {"now": self._now, "next": None if following is None else torch.from_numpy(following)}
        return {name: draws for name, draws in whole.items() if draws is not None}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        self._now = state["now"].to(self._device) if "now" in state else None
        self._next = state["next"].numpy() if "next" in state else None

    def _advance(self) -> None:
        following = self._finished()
        self._now = None if following is None else torch.from_numpy(following).to(self._device)
        self._next = None

    def _start(self, pool: int) -> None:
        means = self._means(self._plan.pool(pool))
        self._next = np.zeros_like(means)
        self._pending = []
        for number, rows in enumerate(blocks(len(means), self._plan.config.block_size, self._plan.rng(4, pool))):
            if number % world_size() == rank():
                rng = self._plan.rng(4, pool, number)
                self._pending.append((rows, self._threads.submit(_matched, means[rows], rng)))

    def _finished(self) -> Array | None:
        """The draws of the next pool, from all processes."""
        if self._pending is not None and self._next is not None:
            for rows, future in self._pending:
                self._next[rows] = future.result()
            self._pending = None
            total(torch.from_numpy(self._next))
        return self._next


def _matched(means: Array, rng: np.random.Generator) -> Array:
    return match(means, rng.standard_normal(means.shape, dtype=np.float32))
