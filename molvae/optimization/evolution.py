"""One round of evolution: children of the best molecules, then children of the best children."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from molvae.optimization.diversity import unlike_first
from molvae.optimization.operators import OperatorBandit, Operators
from molvae.optimization.proposal import Pool, Proposal
from molvae.optimization.settings import SearchConfig

__all__ = ["Breeder", "parents_of", "rank_weights"]

_DECADES = 3.0  # the narrowest circle of parents is the best thousandth


def rank_weights(n: int, k: float) -> NDArray[np.float64]:
    """(n,) weights 1 / (k n + rank), ranks from 0, that sum to 1.

    Source: weighted retraining (Tripp et al., 2020), https://arxiv.org/abs/2006.09191, eq. 5
    """
    weights = 1.0 / (k * n + np.arange(n))
    normalized: NDArray[np.float64] = weights / weights.sum()
    return normalized


def parents_of(n: int, size: int, k: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Ranks (size,) of parents among n molecules, best first.

    Half are drawn by `rank_weights`. Half are drawn evenly from a circle of the best: all, the best tenth, hundredth,
    ..., with the logarithm of its size uniform. So molecules unlike the best stay in use, however many there are.

    Args:
        n: at least 1.
        size: number of draws.
        k: as in `rank_weights`.
        rng: of the draws.
    """
    by_rank = rng.choice(n, size=size, p=rank_weights(n, k))
    circle = np.ceil(n * 10.0 ** -rng.uniform(0.0, _DECADES, size=size))
    by_circle = np.floor(rng.random(size) * circle).astype(np.int64)
    return np.where(rng.random(size) < 0.5, by_rank, by_circle)


class Breeder:
    """Makes children with the operators of a search.

    Args:
        operators: make the molecules.
        bandit: chooses the operators.
        settings: how many children, from how many parents.
        rng: of every random choice.
    """

    def __init__(
        self, operators: Operators, bandit: OperatorBandit, settings: SearchConfig, rng: np.random.Generator
    ) -> None:
        self._operators, self._bandit, self._settings, self._rng = operators, bandit, settings, rng

    def children_of(self, ranked: Sequence[str], *, quick: bool = False) -> list[Proposal]:
        """Children of molecules (best first), by all operators or by the quick ones alone."""
        n = self._settings.pool
        names = self._operators.quick if quick else self._operators.names
        drawn = self._bandit.draw(names, n, self._rng)
        rows = parents_of(len(ranked), 2 * n, self._settings.rank_weight, self._rng)
        order = unlike_first(ranked)
        chosen = [ranked[order[row]] for row in rows]
        return self._operators.make(drawn, chosen[:n], chosen[n:], self._rng)

    def breed(
        self,
        pool: Pool,
        elites: Sequence[str],
        utilities: NDArray[np.float64],
        acquisition: Callable[[Sequence[str]], NDArray[np.float64]],
    ) -> None:
        """Fill a pool with several generations.

        The parents of the first generation are molecules that were scored. Those of the next are these and the
        proposals so far, ranked together: scored ones by their utility, the others by the acquisition function. Only
        quick operators make later generations.

        Args:
            pool: gets the proposals.
            elites: N molecules that were scored, best first; at least 1.
            utilities: (N,) theirs.
            acquisition: from M molecules without a score to values (M,) in the unit of the utilities.
        """
        ranked, worth = list(elites), np.asarray(utilities, dtype=np.float64)
        for generation in range(self._settings.generations):
            new = pool.add(self.children_of(ranked, quick=generation > 0))
            if not new:
                continue
            ranked, worth = [*ranked, *new], np.concatenate([worth, acquisition(new)])
            order = np.argsort(-worth, kind="stable")[: self._settings.elites]
            ranked, worth = [ranked[row] for row in order], worth[order]
