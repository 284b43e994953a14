"""Raw strings from draws of N(0, I), decoded in threads ahead of the reader.

Draws come in blocks. The content of a block depends only on the seed and the number of the block, so blocks can be
split, and decoded in any thread or process and in any order.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from molvae.chem import parse, quiet_rdkit
from molvae.config import Decoding, check_batch_size, check_seed
from molvae.generator.sampling.screening import Raw

__all__ = ["BLOCK", "Decode", "Draws", "decoded", "with_repair"]

Array = NDArray[np.float32]
Decode = Callable[[Array, Decoding, "Array | None"], list[str]]
"""z (B, D), settings and uniforms (B, max_length) -> B strings"""

BLOCK = 1024  # draws that share a random generator; fixed, so that a sample does not depend on the batch size
_SMALLEST = 64  # draws decoded at a time; fewer take as long


class Draws:
    """The infinite sequence of draws of a seed.

    Args:
        decode: the decoder.
        latent_dim: D.
        decoding: decoding settings.
        seed: of all draws; None uses a new one.
        batch_size: rows decoded at a time; does not change the strings.

    Raises:
        ConfigError: `batch_size` is below 1, or `seed` is below 0.
    """

    def __init__(
        self, decode: Decode, latent_dim: int, decoding: Decoding, *, seed: int | None, batch_size: int
    ) -> None:
        check_batch_size(batch_size)
        check_seed(seed)
        self._decode, self._latent_dim, self._decoding, self._batch_size = decode, latent_dim, decoding, batch_size
        self._key = np.random.SeedSequence(seed).generate_state(4)

    def __iter__(self) -> Iterator[list[str]]:
        """The strings of block after block, without end."""
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
    """Decode in threads, ahead of the reader, without end.

    Args:
        draws: what to decode.
        needed: returns the number of draws that the reader will need in total, by the current estimate. While that
            many are decoded or in work, the generator yields an empty `Raw` instead of decoding more.
        threads: number of decoding threads.
        first: the first block.
        step: decode every `step`-th block; above 1, blocks are not split.
    """
    pending: deque[Future[Raw]] = deque()
    at, block = 0, first
    pool = ThreadPoolExecutor(threads, thread_name_prefix="molvae-decoding")
    try:
        while True:
            # One part in work and one finished for each thread: decoding pauses if the reader is slower.
            while len(pending) < 2 * threads and (left := needed() - block * BLOCK - at) > 0:
                size = BLOCK if step > 1 else _part_size(left, threads)
                stop = min(at + size, BLOCK)
                pending.append(pool.submit(draws.part, block, at, stop))
                at, block = (stop, block) if stop < BLOCK else (0, block + step)
            yield pending.popleft().result() if pending else Raw(0, [], 0.0)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _part_size(left: int, threads: int) -> int:
    """Draws to decode at a time: an equal share for each thread, as a power of 2 up to a block."""
    return min(BLOCK, max(_SMALLEST, 1 << (-(-left // threads) - 1).bit_length()))


def with_repair(decode: Decode, encode: Callable[[list[str]], Array], rounds: int) -> Decode:
    """A decoder that encodes an invalid string and decodes it again from its posterior mean; valid strings stay.

    The encoder maps an invalid string near the molecules with similar SMILES, and the most likely string there is
    often valid. A repaired molecule is not a draw of the prior at the requested temperature.

    Args:
        decode: the decoder.
        encode: posterior means (N, D) of raw strings; a row of NaN for one that cannot be encoded.
        rounds: number of attempts; 0 returns `decode` itself.
    """
    if not rounds:
        return decode

    def repaired(z: Array, decoding: Decoding, uniforms: Array | None) -> list[str]:
        texts = decode(z, decoding, uniforms)
        greedy = decoding.replace(temperature=0.0)
        for _ in range(rounds):
            with quiet_rdkit():
                invalid = [row for row, text in enumerate(texts) if parse(text) is None]
            points = encode([texts[row] for row in invalid])
            usable = np.isfinite(points).all(1)
            rows = np.array(invalid, dtype=np.int64)[usable]
            if not len(rows):
                break
            for row, text in zip(rows, decode(points[usable], greedy, None), strict=True):
                texts[row] = text
        return texts

    return repaired
