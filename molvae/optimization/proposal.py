"""Proposals: molecules to be scored, with their origin; and the pool among which a round chooses."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from molvae.optimization.constraints import Constraint

__all__ = ["Pool", "Proposal"]

_ANCESTORS = 4  # that a proposal remembers


class Proposal(NamedTuple):
    """A molecule to be scored."""

    smiles: str
    """canonical; without stereo, unless the search distinguishes stereoisomers"""
    operator: str
    """the operator that made it"""
    parents: tuple[str, ...] = ()
    """the molecules of the archive from which it was made"""
    mean: float = math.nan
    """the score that the surrogate predicts; NaN without a prediction"""
    std: float = math.nan
    """the standard deviation of the prediction"""


class Pool:
    """A growing list of proposals: new, inside the constraints, each once.

    Args:
        constraints: what a molecule must fulfil.
        is_known: whether a molecule was scored or asked for already.
    """

    def __init__(self, constraints: Sequence[Constraint], is_known: Callable[[str], bool]) -> None:
        self._constraints, self._is_known = constraints, is_known
        self._seen: set[str] = set()
        self._taken: dict[str, Proposal] = {}

    def add(self, proposals: Iterable[Proposal]) -> list[str]:
        """Add what is new and inside the constraints, and return it.

        If a parent is itself in this pool, and so not scored, its parents are recorded instead.
        """
        new = {one.smiles: one for one in proposals if one.smiles not in self._seen and not self._is_known(one.smiles)}
        self._seen |= new.keys()
        smiles = [one for one in new if "." not in one]
        for constraint in self._constraints:
            smiles = [one for one, allowed in zip(smiles, constraint.allows(smiles), strict=True) if allowed]
        for one in smiles:
            self._taken[one] = new[one]._replace(parents=self._roots(new[one].parents))
        return smiles

    def _roots(self, parents: Sequence[str]) -> tuple[str, ...]:
        roots = [root for one in parents for root in (self._taken[one].parents if one in self._taken else (one,))]
        return tuple(dict.fromkeys(roots))[:_ANCESTORS]

    @property
    def smiles(self) -> list[str]:
        """In the order in which they were added."""
        return list(self._taken)

    @property
    def proposals(self) -> list[Proposal]:
        """Those of `smiles`."""
        return list(self._taken.values())

    def __len__(self) -> int:
        return len(self._taken)
