"""How many proposals each operator may make, by what came of its earlier ones.

Thompson sampling (Thompson, 1933), https://doi.org/10.1093/biomet/25.3-4.285, on the chance that a proposal that was
scored is among the best so far; old successes fade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["Shares"]

_FLOOR = 0.3  # of the proposals, shared evenly, so that no operator is ever given up
_FADE = 0.995  # of an operator's count, with each of its calls


class Shares:
    """Successes and failures of operators.

    Args:
        operators: by name.
    """

    def __init__(self, operators: Sequence[str]) -> None:
        self.counts = {name: [1.0, 1.0] for name in operators}

    def draw(self, names: Sequence[str], n: int, rng: np.random.Generator) -> list[str]:
        """The operators of n proposals, of these names."""
        chance = np.array([rng.beta(self.counts[name][0], self.counts[name][1]) for name in names])
        share = _FLOOR / len(names) + (1.0 - _FLOOR) * chance / chance.sum()
        return [names[index] for index in rng.choice(len(names), size=n, p=share)]

    def learn(self, operator: str, success: bool) -> None:
        """Count a call; those of operators that are not of these are not counted."""
        if operator in self.counts:
            counts = [max(1.0, _FADE * one) for one in self.counts[operator]]
            counts[not success] += 1.0
            self.counts[operator] = counts

    def restore(self, counts: Mapping[str, Sequence[float]]) -> None:
        """Go on with the `counts` of another."""
        self.counts = {name: list(each) for name, each in counts.items()}
