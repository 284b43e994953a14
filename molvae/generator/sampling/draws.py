"""Raw strings from draws of N(0, I): what is drawn, and the decoding of it ahead of whoever reads.

Draws come in blocks that share a seed. What a block holds depends on the seed and its number alone, so blocks may be
cut, decoded in any thread or process, and in any order.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from molvae.config import Decoding, check_batch_size, check_seed
from molvae.generator.sampling.screening import Raw

__all__ = ["BLOCK", "Decode", "Draws", "decoded"]

Array = NDArray[np.float32]
Decode = Callable[[Array, Decoding, "Array | None"], list[str]]
"""z (B, D), settings and uniforms (B, max_length) -> B strings"""

BLOCK = 1024  # draws that share a seed; fixed, so that a sample does not depend on the batch size
_SMALLEST = 64  # draws decoded at a time; fewer take as long


class Draws:
    """All draws of a seed.

    Args:
        decode: the decoder.
        latent_dim: D.
        decoding: how a token is drawn.
        seed: of all of them; None takes a new one.
        batch_size: rows decoded at a time; does not change what is drawn.

    Raises:
        ConfigError: `batch_size` below 1, or `seed` below 0.
    """

    def __init__(
        self, decode: Decode, latent_dim: int, decoding: Decoding, *, seed: int | None, batch_size: int
    ) -> None:
        check_batch_size(batch_size)
        check_seed(seed)
        self._decode, self._latent_dim, self._decoding, self._batch_size = decode, latent_dim, decoding, batch_size
        self._key = np.random.SeedSequence(seed).generate_state(4)

    def __iter__(self) -> Iterator[list[str]]:
        """The blocks, without end."""
        return (self.part(block, 0, BLOCK).texts for block in itertools.count())

    def part(self, block: int, start: int, stop: int) -> Raw:
        """Decode the draws from `start` to `stop` of a block."""
        begin = time.perf_counter()
        # numpy's generator gives the same numbers on every device; the key makes blocks independent.
        rng = np.random.default_rng((*self._key, block))
        z = rng.standard_normal((BLOCK, self._latent_dim), dtype=np.float32)
        uniforms = rng.random((BLOCK, self._decoding.max_length), dtype=np.float32)
        texts: list[str] = []
        for at in range(start, stop, self._batch_size):
            rows = slice(at, min(at + self._batch_size, stop))
            texts += self._decode(z[rows], self._decoding, uniforms[rows])
        return Raw(block * BLOCK + start, texts, time.perf_counter() - begin)


def decoded(
    draws: Draws, needed: Callable[[], int], *, threads: int, first: int = 0, step: int = 1
) -> Generator[Raw, None, None]:
    """Decode in threads, ahead of the reader, as much as seems needed; without end.

    Args:
        draws: what to decode.
        needed: gives how many draws will be needed in all, as far as is known by now. As long as that many are on
            their way the reader gets nothing, in an empty `Raw`, instead of what would be decoded in vain.
        threads: decoding at once.
        first: the first block.
        step: every how many-th block is decoded; above 1 blocks are whole.
    """
    pending: deque[Future[Raw]] = deque()
    at, block = 0, first
    pool = ThreadPoolExecutor(threads, thread_name_prefix="molvae-decoding")
    try:
        while True:
            # One for each thread to work on and one to have at hand: enough to pause for a reader that is slower.
            while len(pending) < 2 * threads and (left := needed() - block * BLOCK - at) > 0:
                size = BLOCK if step > 1 else _size(left, threads)
                stop = min(at + size, BLOCK)
                pending.append(pool.submit(draws.part, block, at, stop))
                at, block = (stop, block) if stop < BLOCK else (0, block + step)
            yield pending.popleft().result() if pending else Raw(0, [], 0.0)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _size(left: int, threads: int) -> int:
    """Draws to decode at a time: an even share for each thread, in powers of 2 that fit into a block."""
    return min(BLOCK, max(_SMALLEST, 1 << (-(-left // threads) - 1).bit_length()))
