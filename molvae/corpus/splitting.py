"""Split molecules into training, validation and test sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from molvae.chem import map_chunks, scaffold
from molvae.chem.workers import batches
from molvae.errors import InputError

__all__ = ["split_rows"]

Rows = NDArray[np.int64]


def split_rows(
    smiles: Sequence[str], method: Literal["random", "scaffold"], *, valid: float, test: float, seed: int
) -> dict[str, Rows]:
    """Partition the molecules into "train", "valid" and "test".

    Args:
        smiles: canonical SMILES.
        method: "random" assigns single molecules; "scaffold" assigns all molecules of a Bemis-Murcko scaffold to the
            same part.
        valid: fraction of "valid"; at least one molecule.
        test: fraction of "test"; may be 0.
        seed: the random seed.

    Returns:
        The indices of each part, ascending.

    Raises:
        InputError: no molecule would be left for training.
    """
    n = len(smiles)
    wanted = {"valid": max(1, round(n * valid)), "test": round(n * test)}
    few = InputError(f"no molecule of {n:,} is left for training if {sum(wanted.values()):,} are held out")
    if sum(wanted.values()) >= n:
        raise few
    groups = np.arange(n) if method == "random" else _scaffold_groups(smiles)
    # Put the groups in random order, then cut at the first end of a group where a part is full.
    place = np.random.default_rng(seed).permutation(int(groups.max(initial=-1)) + 1)[groups]
    order = np.argsort(place, kind="stable")
    ends = np.flatnonzero(np.diff(place[order], append=-1))  # last position of each group
    parts: dict[str, Rows] = {}
    start = 0
    for name, size in wanted.items():
        stop = int(ends[np.searchsorted(ends, start + size - 1)]) + 1 if size and start < n else start
        parts[name], start = np.sort(order[start:stop]), stop
    if start >= n:
        raise few
    return {"train": np.sort(order[start:]), **parts}


def _scaffold_groups(smiles: Sequence[str]) -> Rows:
    """(N,) a number for the scaffold of each molecule, in order of first appearance."""
    numbers: dict[str, int] = {}
    found = (one for chunk in map_chunks(_scaffolds, batches(smiles, 1_000)) for one in chunk)
    return np.array([numbers.setdefault(one, len(numbers)) for one in found], dtype=np.int64)


def _scaffolds(smiles: list[str]) -> list[str]:
    return [scaffold(one) for one in smiles]
