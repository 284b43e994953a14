"""Repair by re-encoding: a string that is no molecule is encoded like any other, and decoded again from its mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from molvae.chem import parse, quiet_rdkit
from molvae.config import Decoding
from molvae.generator.sampling.draws import Decode

__all__ = ["repairing"]

Array = NDArray[np.float32]


def repairing(decode: Decode, encode: Callable[[list[str]], Array], rounds: int) -> Decode:
    """A decoder that gives strings which are no molecules another chance, and leaves molecules as they are.

    The encoder maps a broken string to the neighbourhood of molecules that are written like it, and the most likely
    string there is more often a molecule. A molecule found so is not a draw of the prior at the temperature asked.

    Args:
        decode: the decoder.
        encode: posterior means (N, D) of strings as they are; a row of NaN for one that cannot be encoded.
        rounds: how many times; 0 gives `decode` itself.
    """
    if not rounds:
        return decode

    def run(z: Array, decoding: Decoding, uniforms: Array | None) -> list[str]:
        texts = decode(z, decoding, uniforms)
        greedy = decoding.replace(temperature=0.0)
        for _ in range(rounds):
            with quiet_rdkit():
                broken = [row for row, text in enumerate(texts) if parse(text) is None]
            points = encode([texts[row] for row in broken])
            usable = np.isfinite(points).all(1)
            rows = np.array(broken, dtype=np.int64)[usable]
            if not len(rows):
                break
            for row, text in zip(rows, decode(points[usable], greedy, None), strict=True):
                texts[row] = text
        return texts

    return run
