"""What a search is told, before it believes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from molvae.chem import canonical, quiet_rdkit
from molvae.errors import InputError, pluralize
from molvae.optimization.archive import Archive
from molvae.optimization.proposal import Proposal

__all__ = ["checked"]

Numbers = NDArray[np.float64]

_FEWEST = 2  # objectives of a front


def checked(
    proposals: Sequence[Proposal], scores: Any, parts: Any, known: Archive, asked: Container[str], *, front: bool
) -> tuple[Numbers, Numbers]:
    """Scores (N,) and parts (N, K) as the archive takes them; NaN for what is not finite.

    Args:
        proposals: N, that were asked for or not.
        scores: what should be N numbers.
        parts: what should be (N, K) numbers; None for K = 0.
        known: what was told before.
        asked: SMILES that were asked for; others may be anything.
        front: whether a front of several objectives is looked for.

    Raises:
        InputError: as `Optimizer.tell`.
    """
    n = len(proposals)
    try:
        values = np.asarray(scores, dtype=np.float64)
        each = np.asarray(np.empty((n, 0)) if parts is None else parts, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"scores must be numbers, as many for each molecule ({error})") from None
    shape = (n, known.parts.shape[1] if len(known) else each.shape[-1])
    if values.shape != (n,) or (n and each.shape != shape):
        raise InputError(
            f"{pluralize(n, 'molecule')} cannot have scores of shape {values.shape} and parts of shape {each.shape}; "
            f"give ({n},) and {shape}"
        )
    if front and n and shape[1] < _FEWEST:
        raise InputError("a front is looked for: give the scores by each of two or more objectives, parts (N, K)")
    with quiet_rdkit():
        odd = next((one.smiles for one in proposals if not (one.smiles in asked or _is_canonical(one.smiles))), None)
    if odd is not None:
        raise InputError(f"{odd!r} is no molecule in canonical SMILES; molvae.chem.canonical writes them so")
    times = Counter(one.smiles for one in proposals)
    twice = next((one for one, number in times.items() if number > 1 or one in known), None)
    if twice is not None:
        raise InputError(f"{twice} was scored before; tell each molecule once")
    return np.where(np.isfinite(values), values, np.nan), np.where(np.isfinite(each), each, np.nan)


def _is_canonical(smiles: str) -> bool:
    return canonical(smiles) == smiles
