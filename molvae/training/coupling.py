"""Prior draws <-> molecules, by optimal transport.

For every molecule of a pool one z ~ N(0, I) is drawn, and the draws are matched to the posterior means of the pool.
Whatever the matching, all draws are used and each once: the z-marginal of the pairs is exactly N(0, I) and the
x-marginal the data, so a decoder trained on the pairs is trained to give the data from prior draws. Matching by least
squared distance gives each molecule a draw from its own neighbourhood, so that the two tasks of the decoder agree.

Among the n draws of a block a molecule gets at most n times its fair share of any region, so the coupling carries
at most log n nats and  E[-log p(x)] <= E_c[-log p(x|z)] + log n.

Related: Improving and generalizing flow-based generative models with minibatch optimal transport (Tong et al., 2024),
https://arxiv.org/abs/2302.00482; Sinkhorn AutoEncoders (Patrini et al., 2019), https://arxiv.org/abs/1810.01118
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

__all__ = ["CouplingAhead", "couple"]

Array = NDArray[np.float32]


def couple(means: Array, draws: Array, block_size: int, rng: np.random.Generator) -> Array:
    """Match draws to means by least total squared distance, in random blocks.

    Args:
        means: (N, D) posterior means.
        draws: (N, D) prior draws.
        block_size: molecules of one assignment; time and memory grow with its square and more.
        rng: source of the blocks.

    Returns:
        (N, D), the rows of `draws` in another order: row i goes with molecule i.
    """
    N = len(means)
    order = rng.permutation(N)
    matched = np.empty_like(draws)
    for block in np.array_split(order, max(1, round(N / block_size))):
        # |z - m|^2 = |z|^2 + |m|^2 - 2 z.m, and only the last part depends on the matching.
        rows, columns = linear_sum_assignment(means[block] @ draws[block].T, maximize=True)
        matched[block[rows]] = draws[block[columns]]
    return matched


class CouplingAhead:
    """Computes the coupling of the next pool in a thread of its own while this one trains.

    A context manager; the thread ends with it. scipy's assignment releases the interpreter lock.
    """

    def __init__(self, block_size: int) -> None:
        self._block_size = block_size
        self._pending: Future[Array] | None = None

    def __enter__(self) -> CouplingAhead:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="coupling")
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def start(self, means: Callable[[], Array], rng: np.random.Generator) -> None:
        """Draw from the prior for each of `means` (evaluated here) and begin to match."""
        at = means()
        draws = rng.standard_normal(at.shape, dtype=np.float32)
        self._pending = self._thread.submit(couple, at, draws, self._block_size, rng)

    def take(self) -> Array | None:
        """The coupling that was started last, waited for; None if none was."""
        pending, self._pending = self._pending, None
        return pending.result() if pending else None
