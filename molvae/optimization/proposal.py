"""A molecule that somebody thinks worth a call of the objective, and where it comes from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

__all__ = ["Proposal", "Proposer"]


class Proposal(NamedTuple):
    """A molecule to be scored."""

    smiles: str
    """canonical; without stereo, unless the search looks at it"""
    operator: str
    """what made it"""
    parents: tuple[str, ...] = ()
    """what it was made of, as in the archive"""
    mean: float = math.nan
    """the score that the surrogate expects; NaN where it was not asked"""
    std: float = math.nan
    """the standard deviation of that"""


class Proposer(Protocol):
    """Makes molecules of molecules."""

    @property
    def name(self) -> str:
        """The operator of its proposals."""
        ...

    def propose(self, parents: Sequence[str], mates: Sequence[str], rng: np.random.Generator) -> list[Proposal]:
        """Children of parents.

        Args:
            parents: N canonical SMILES; the same may be there many times.
            mates: N more; a child of one parent does not look at them.
            rng: of every random choice.

        Returns:
            At most N valid molecules in canonical SMILES, in the order of their parents, neither of which they are
            equal to. Where nothing came of a parent there is none. The same child may be there several times.
        """
        ...
