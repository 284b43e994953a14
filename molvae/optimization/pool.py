"""Proposals among which a round chooses: new, inside the constraints, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from molvae.optimization.constraints import Constraint
from molvae.optimization.proposal import Proposal

__all__ = ["Pool"]

_ANCESTORS = 4  # that a proposal remembers


class Pool:
    """A growing list of proposals.

    Args:
        constraints: what a molecule must fulfil.
        is_known: whether a molecule was scored or asked for already.
    """

    def __init__(self, constraints: Sequence[Constraint], is_known: Callable[[str], bool]) -> None:
        self._constraints, self._is_known = constraints, is_known
        self._seen: set[str] = set()
        self._taken: dict[str, Proposal] = {}

    def add(self, proposals: Iterable[Proposal]) -> list[str]:
        """Take in what is new and inside the constraints, and return it.

        A child of a molecule of this pool, which nobody has scored, counts as one of that molecule's parents.
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
        """In the order in which they were taken in."""
        return list(self._taken)

    @property
    def proposals(self) -> list[Proposal]:
        """Those of `smiles`."""
        return list(self._taken.values())

    def __len__(self) -> int:
        return len(self._taken)
