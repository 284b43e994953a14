"""The figures of an optimization run by the protocol of PMO, and some more that explain them.

Source: PMO (Gao et al., 2022), https://arxiv.org/abs/2206.12411, and its code.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from molvae.chem import canonical, property_table, quiet_rdkit, tanimoto
from molvae.errors import ConfigError

__all__ = ["BUDGET", "auc_top", "best_of", "pmo_figures", "running_top"]

BUDGET = 10_000
"""Calls of the objective in PMO: distinct molecules that were scored."""

_EVERY = 100
_UNLIKE = 0.4
_MANY = 100


def running_top(scores: ArrayLike, top: int, *, keys: Callable[[int], Hashable] | None = None) -> NDArray[np.float64]:
    """The mean of the best scores so far, after every call.

    Args:
        scores: (N,) in the order of the calls; NaN counts as a call, and never as one of the best.
        top: how many of the best; fewer as long as there are fewer.
        keys: the key of the molecule of a row; of those with the same key only the best counts. None: all differ.

    Returns:
        (N,), which never falls once there are `top` scores; 0 before the first score.

    >>> running_top([0.2, 0.6, 0.1, 0.8], 2).round(2).tolist()
    [0.2, 0.4, 0.4, 0.7]
    """
    return np.array([np.mean(list(best.values())) if best else 0.0 for best in _running(scores, top, keys)])


def best_of(scores: ArrayLike, top: int, *, keys: Callable[[int], Hashable] | None = None) -> float:
    """The mean of the best of all scores; arguments as in `running_top`; NaN without any score."""
    values = np.asarray(scores, dtype=np.float64)
    return float("nan") if np.isnan(values).all() else float(running_top(values, top, keys=keys)[-1])


def auc_top(
    scores: ArrayLike,
    top: int = 10,
    *,
    budget: int = BUDGET,
    every: int | None = None,
    keys: Callable[[int], Hashable] | None = None,
) -> float:
    """The area under the mean of the best so far against the calls, divided by the budget.

    The curve begins with 0 at call 0. It is evaluated after every `every` calls and after the last one, and is linear
    in between. A run that ended early keeps its last value up to the budget.

    Args:
        scores: (N,) in the order of the calls, each distinct molecule once; calls beyond the budget are left out.
        top: how many of the best.
        budget: calls.
        every: calls; None means 100, as in PMO, or a tenth of a smaller budget than 1,000.
        keys: as in `running_top`.

    Raises:
        ConfigError: budget or `every` is below 1.

    >>> auc_top([1.0] * 100, 10, budget=200, every=100)
    0.75
    """
    every = max(1, min(_EVERY, budget // 10)) if every is None else every
    if budget < 1 or every < 1:
        raise ConfigError(f"budget and steps of an area must be at least 1, not {budget} and {every}")
    values = np.asarray(scores, dtype=np.float64)[:budget]
    if not len(values):
        return 0.0
    curve = running_top(values, top, keys=keys)
    calls = [0, *range(every, len(values), every), len(values), budget]
    heights = [0.0, *(curve[call - 1] for call in calls[1:-1]), curve[-1]]
    return float(np.trapezoid(heights, calls)) / budget


def pmo_figures(smiles: Sequence[str], scores: ArrayLike, *, budget: int = BUDGET) -> dict[str, float]:
    """All figures of one run.

    Morgan fingerprints ignore stereo, so that ten stereoisomers of one molecule may be the ten best. For figures with
    ``flat`` only the best of all stereoisomers counts.

    Args:
        smiles: N distinct molecules, in the order of the calls; those beyond the budget are left out.
        scores: (N,) theirs.
        budget: calls.

    Returns:
        ``auc_top1``, ``auc_top10``, ``auc_top100`` (see `auc_top`) and ``auc_top10_flat``; ``top1``, ``top10``,
        ``top100``, the means of the best, and ``top10_flat``; ``top10_diverse``, the mean of the ten best whose
        similarities to each other are below 0.4, where missing ones count as 0; of the hundred best
        ``diversity``, 1 - the mean Tanimoto
        similarity of all pairs (Morgan, radius 2, 2,048 bits), and ``sa``, the mean synthetic accessibility, from 1,
        easy, to 10; ``calls``.
    """
    smiles, values = list(smiles[:budget]), np.asarray(scores, dtype=np.float64)[:budget]

    def flat(row: int) -> str | None:
        return canonical(smiles[row], stereo=False)

    with quiet_rdkit():
        figures = {f"auc_top{top}": auc_top(values, top, budget=budget) for top in (1, 10, _MANY)}
        figures["auc_top10_flat"] = auc_top(values, 10, budget=budget, keys=flat)
        figures |= {f"top{top}": best_of(values, top) for top in (1, 10, _MANY)}
        figures["top10_flat"] = best_of(values, 10, keys=flat)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(-values[known], kind="stable")]
    unlike = _unlike([smiles[row] for row in order], 10)
    figures["top10_diverse"] = float(values[order[unlike]].sum()) / 10
    best = [smiles[row] for row in order[:_MANY]]
    similarities = tanimoto(best, best)[np.triu_indices(len(best), 1)]
    figures["diversity"] = 1.0 - float(similarities.mean()) if len(similarities) else float("nan")
    figures["sa"] = float(property_table(best, ["sa"], workers=1)["sa"].mean())
    return figures | {"calls": float(len(values))}


def _unlike(smiles: Sequence[str], k: int) -> list[int]:
    """The first k rows of molecules whose similarity (Morgan, radius 2, 2,048 bits) to all before them is below 0.4."""
    found: list[int] = []
    for row, one in enumerate(smiles):
        if len(found) == k:
            break
        if not found or tanimoto([one], [smiles[place] for place in found]).max() < _UNLIKE:
            found.append(row)
    return found


def _running(scores: ArrayLike, top: int, keys: Callable[[int], Hashable] | None) -> Iterator[dict[Hashable, float]]:
    """After every call the best scores so far by key: at most `top`, in the same dictionary each time."""
    best: dict[Hashable, float] = {}
    lowest = -np.inf
    for call, score in enumerate(np.asarray(scores, dtype=np.float64).tolist()):
        if score > lowest or (len(best) < top and score == score):
            key = call if keys is None else keys(call)
            best[key] = max(score, best.get(key, score))
            if len(best) > top:
                del best[min(best, key=best.__getitem__)]
            if len(best) == top:
                lowest = min(best.values())
        yield best
