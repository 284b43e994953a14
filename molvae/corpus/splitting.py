"""Which molecules are trained on and which are held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from molvae.chem import map_chunks, scaffold
from molvae.errors import InputError, pluralize

__all__ = ["split_rows"]

Rows = NDArray[np.int64]


def split_rows(
    smiles: Sequence[str], method: Literal["random", "scaffold"], *, valid: float, test: float, seed: int
) -> dict[str, Rows]:
    """A partition of the molecules into "train", "valid" and "test".

    Args:
        smiles: canonical SMILES.
        method: "random" draws molecules; "scaffold" draws whole Bemis-Murcko scaffolds, so that no molecule shares
            its scaffold with one of another part.
        valid: share of "valid"; at least one molecule.
        test: share of "test"; may be 0.
        seed: of the draw.

    Returns:
        Indices of each part, ascending.

    Raises:
        InputError: nothing would be left to train on.
    """
    n = len(smiles)
    wanted = {"valid": max(1, round(n * valid)), "test": round(n * test)}
    few = InputError(f"of {pluralize(n, 'molecule')} none is left to train on when {sum(wanted.values())} are held out")
    if sum(wanted.values()) >= n:
        raise few
    groups = np.arange(n) if method == "random" else _scaffold_groups(smiles)
    # Each group gets a random place; molecules in that order are cut where a part is full and a group ends.
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
    """(N,) the number of each molecule's scaffold, in order of first appearance."""
    numbers: dict[str, int] = {}
    chunks = (list(smiles[at : at + 1000]) for at in range(0, len(smiles), 1000))
    found = (one for chunk in map_chunks(_scaffolds, chunks) for one in chunk)
    return np.array([numbers.setdefault(one, len(numbers)) for one in found], dtype=np.int64)


def _scaffolds(smiles: list[str]) -> list[str]:
    return [scaffold(one) for one in smiles]
