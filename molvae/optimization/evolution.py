"""One round: children of the best molecules, and children of the best children, as the surrogate sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from molvae.optimization.operators import Workshop
from molvae.optimization.pool import Pool
from molvae.optimization.proposal import Proposal
from molvae.optimization.selection import parents_of
from molvae.optimization.settings import SearchConfig
from molvae.optimization.shares import Shares

__all__ = ["Makers", "Promise", "breed"]

Promise = Callable[[Sequence[str]], NDArray[np.float64]]
"""From N molecules to how much each promises, (N,), in units of the scores."""


class Makers(NamedTuple):
    """What children are made with."""

    workshop: Workshop
    shares: Shares
    settings: SearchConfig
    rng: np.random.Generator

    def children_of(self, ranked: Sequence[str], operators: Sequence[str]) -> list[Proposal]:
        """Children of molecules, best first, each by one of some operators, drawn by its share."""
        n = self.settings.pool
        drawn = self.shares.draw(operators, n, self.rng)
        rows = parents_of(len(ranked), 2 * n, self.settings.rank_weight, self.rng)
        chosen = [ranked[row] for row in rows]
        return self.workshop.make(drawn, chosen[:n], chosen[n:], self.rng)


def breed(pool: Pool, elites: Sequence[str], merits: NDArray[np.float64], promise: Promise, makers: Makers) -> None:
    """Fill a pool with several generations.

    The parents of the first are molecules that were scored; those of the next are these and the proposals so far,
    ranked together: what was scored by its merit, what was not by its promise. They are made by quick operators alone.

    Args:
        pool: gets the proposals.
        elites: N molecules that were scored, best first; at least 1.
        merits: (N,) theirs.
        promise: of a molecule that was not scored.
        makers: of the children.
    """
    ranked, worth = list(elites), np.asarray(merits, dtype=np.float64)
    workshop = makers.workshop
    for generation in range(makers.settings.generations):
        new = pool.add(makers.children_of(ranked, workshop.quick if generation else workshop.operators))
        if not new:
            continue
        ranked, worth = [*ranked, *new], np.concatenate([worth, promise(new)])
        order = np.argsort(-worth, kind="stable")[: makers.settings.elites]
        ranked, worth = [ranked[row] for row in order], worth[order]
