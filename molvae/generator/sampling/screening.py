"""What RDKit says of raw strings: which are molecules, their canonical SMILES, hashes and properties.

This runs in worker processes, so it imports no torch.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from molvae.chem import PROPERTIES, canonical, parse
from molvae.chem.molecule_set import hash_smiles

__all__ = ["Raw", "Screened", "screen", "unscreened"]


class Raw(NamedTuple):
    """Strings as a model gave them."""

    start: int
    """number of the first among all draws"""
    texts: list[str]
    seconds: float
    """that decoding took"""


class Screened(NamedTuple):
    """The V molecules among some raw strings, in the order of the draws."""

    start: int
    """number of the first string among all draws"""
    drawn: int
    """strings looked at"""
    positions: NDArray[np.int64]
    """(V,) position of each molecule among the strings"""
    smiles: list[str]
    """V canonical SMILES"""
    hashes: NDArray[np.uint64]
    """(V,)"""
    properties: NDArray[np.float64]
    """(V, P)"""
    decoding: float
    """seconds that decoding took"""
    screening: float
    """seconds of a core that RDKit took"""


def screen(names: tuple[str, ...], raw: Raw) -> Screened:
    """Find the molecules, with the properties of these names (of `PROPERTIES`)."""
    begin = time.thread_time()
    found = [(at, one) for at, text in enumerate(raw.texts) if (one := canonical(text)) is not None]
    smiles = [one for _, one in found]
    properties = np.empty((len(smiles), len(names)))
    if names:
        wanted = [PROPERTIES[name] for name in names]
        for row, one in enumerate(smiles):
            mol = parse(one)  # of the canonical SMILES: the sums do not depend on the spelling that was drawn
            properties[row] = [each(mol) for each in wanted]
    positions = np.array([at for at, _ in found], dtype=np.int64)
    hashes = hash_smiles(smiles)
    seconds = time.thread_time() - begin
    return Screened(raw.start, len(raw.texts), positions, smiles, hashes, properties, raw.seconds, seconds)


def unscreened(raw: Raw) -> Screened:
    """All strings as they are, unhashed."""
    n = len(raw.texts)
    return Screened(
        raw.start, n, np.arange(n), raw.texts, np.empty(0, dtype=np.uint64), np.empty((n, 0)), raw.seconds, 0.0
    )
