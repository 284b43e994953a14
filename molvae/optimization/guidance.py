"""How a round sees molecules: scored ones by their scores, others by what the surrogate expects of them."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from molvae.optimization.archive import Archive
from molvae.optimization.pareto import chebyshev, random_weights
from molvae.optimization.surrogate import Choice, Surrogate

__all__ = ["Guide", "boldness_after", "idle_calls", "merits_of"]

Numbers = NDArray[np.float64]

_POWERS = (-2.0, 0.0)  # logarithms to base 10, between which the share of the boldness of a round lies
_IDLE = 200  # calls without anything better, after which a search is twice as bold
_BOLDEST = 10.0
_ROUNDING = 1e-9
_TOP = 10


def merits_of(archive: Archive, weights: Numbers | None) -> Numbers:
    """How good the molecules of an archive are: (N,), NaN where that is not known.

    Args:
        archive: N molecules.
        weights: (K,) of several objectives in a scalarization; None takes the scores.
    """
    return archive.scores if weights is None else _joined(archive.parts, archive.parts, weights)


def idle_calls(merits: Numbers, asked: NDArray[np.bool_] | None = None) -> int:
    """Calls since one was last among the ten best of its time; those without a merit count as calls.

    Args:
        merits: (N,)
        asked: (N,) which of them the search asked for, all by default. What it was told besides, measured long ago
            and in any order, is no call in vain.

    >>> idle_calls(np.array([*range(10), 20.0, 0.5, 1.0]))
    2
    """
    best: list[float] = []
    last = 0
    for call, merit in enumerate(merits.tolist()):
        if merit == merit and (len(best) < _TOP or merit > best[0]):
            last = call
            heapq.heappush(best, merit)
            if len(best) > _TOP:
                heapq.heappop(best)
    return max(0, len(merits) - 1 - last) if asked is None else int(asked[last + 1 :].sum())


def boldness_after(idle: int) -> float:
    """Standard deviations that are added to a mean, at most: 1, and more the longer nothing became better."""
    return min(_BOLDEST, 1.0 + idle / _IDLE)


class Guide:
    """The surrogate, and how bold it is in a round.

    Args:
        surrogate: what is expected of molecules.
        front: look for the front of several objectives, each round in another direction, rather than for high scores.
    """

    def __init__(self, surrogate: Surrogate, *, front: bool) -> None:
        self._front, self._surrogate = front, surrogate

    def direction(self, archive: Archive, rng: np.random.Generator) -> Numbers | None:
        """The weights of the objectives in this round; None where the scores are looked at."""
        return random_weights(archive.parts.shape[1], rng) if self._front and len(archive) else None

    def look(self, archive: Archive, weights: Numbers | None, idle: int, rng: np.random.Generator) -> None:
        """Learn from an archive, and choose how bold to be after so many calls without anything better."""
        self._surrogate.fit(archive, parts=weights is not None)
        self._parts, self._weights = archive.parts, weights
        self._most = boldness_after(idle)
        self._boldness = self._most * 10.0 ** rng.uniform(*_POWERS)

    def promise(self, smiles: Sequence[str]) -> Numbers:
        """Upper confidence bounds (M,), to be compared with the merits of the archive."""
        expected = self._surrogate.predict(smiles)
        if self._weights is None:
            bound: Numbers = expected.mean[:, 0] + self._boldness * expected.std
            return bound
        return _joined(expected.mean + self._boldness * expected.std, self._parts, self._weights)

    def choose(
        self, smiles: Sequence[str], n: int, rng: np.random.Generator, *, keys: Sequence[Hashable] | None, cap: int
    ) -> Choice:
        """The n candidates that are worth a call, as `Surrogate.choose`."""
        return self._surrogate.choose(smiles, n, rng, boldness=self._most, keys=keys, cap=cap)


def _joined(values: Numbers, known: Numbers, weights: Numbers) -> Numbers:
    """(M,) of (M, K): the scalarization, each objective measured from the worst known to the best.

    One that has been the same for all, or has no number yet, tells no molecule from another.
    """
    there = np.isfinite(known)
    low = np.where(there, known, np.inf).min(axis=0, initial=np.inf)
    high = np.where(there, known, -np.inf).max(axis=0, initial=-np.inf)
    telling = high - low > _ROUNDING * np.maximum(np.abs(low), np.abs(high))  # NaN for one without numbers
    low, unit = np.where(telling, low, 0.0), np.where(telling, high - low, 1.0)
    same = np.where(np.isnan(values) & there.any(axis=0), np.nan, 1.0)
    return chebyshev(np.where(telling, (values - low) / unit, same), weights)
