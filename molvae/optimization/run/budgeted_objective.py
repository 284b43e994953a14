"""The objective as a search may call it: counted, never twice for one molecule, and with a memory on disk."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from molvae.chem import canonical, quiet_rdkit
from molvae.errors import InputError
from molvae.optimization.objectives import Objective, UserObjective
from molvae.optimization.objectives.composing import Mean, Shaped
from molvae.optimization.objectives.objective import Scores
from molvae.optimization.run.rows import GrowingTable, as_float, as_text

__all__ = ["Answers", "Cache", "Composite", "CountedObjective"]


@runtime_checkable
class Composite(Protocol):
    """One objective made of several, whose scores are kept beside its own."""

    objectives: tuple[Objective, ...]

    def scores(self, smiles: Sequence[str]) -> Scores:
        """(N, K) the scores of N texts by each of the K objectives."""
        ...

    def combined(self, smiles: Sequence[str], scores: Scores) -> Scores:
        """(N,) what is made of scores (N, K) of N texts."""
        ...


class Answers(NamedTuple):
    """What an objective says of N molecules."""

    scores: NDArray[np.float64]
    """(N,), to be maximized; NaN where there is none"""
    parts: NDArray[np.float64]
    """(N, K) the scores by each of several objectives; of a single one its scores again"""


class Cache:
    """What objectives have said: numbers by molecule, kept in a file as soon as they are there.

    Kept are the numbers of each single objective, from which other weights or another mean make other scores. A
    molecule that an objective had no number for is known to have none, and is not asked for again; to have it asked
    for, remove its line. The columns are the names of the objectives: whether the objective behind a name is still the
    same, nobody checks.

    Args:
        path: a csv file, made where there is none; None keeps nothing beyond this process.
        names: K, of the objectives.

    Raises:
        InputError: the file cannot be read or written, or is one of other objectives.
    """

    def __init__(self, path: Path | None, names: Sequence[str]) -> None:
        self._known: dict[str, tuple[float, ...]] = {}
        self._table = GrowingTable(path, ["smiles", *names]) if path is not None else None
        for number, (smiles, *numbers) in enumerate(self._table.rows if self._table else (), start=2):
            try:
                self._known[smiles] = tuple(map(_finite, map(as_float, numbers)))
            except ValueError:
                raise InputError(f"{path} is damaged in line {number}: there is a text for a number") from None

    def __contains__(self, smiles: object) -> bool:
        return smiles in self._known

    def __getitem__(self, smiles: str) -> tuple[float, ...]:
        return self._known[smiles]

    def __len__(self) -> int:
        return len(self._known)

    def answered(self, column: int) -> bool:
        """Whether the objective of a column (from 0) has a number for any molecule."""
        return any(row[column] == row[column] for row in self._known.values())

    def add(self, smiles: Sequence[str], parts: ArrayLike) -> None:
        """Keep the numbers (N, K) of N molecules; of those that are known already nothing changes."""
        new = [
            (one, tuple(row))
            for one, row in zip(smiles, np.asarray(parts, np.float64).tolist(), strict=True)
            if one not in self._known
        ]
        if new and self._table is not None:
            self._table.append([one, *map(as_text, row)] for one, row in new)
        self._known.update(new)


class CountedObjective:
    """An objective under a budget of calls.

    A call is a distinct molecule whose score the search learns. One that the cache knows costs no time, but it is a
    call all the same, for what a search has found is to be compared with what it was told: a search with a full cache
    is no better than it would have been without. Only of the very run that is resumed nothing is counted twice.

    Args:
        objective: what is maximized.
        budget: calls.
        cache: what is known; None begins with nothing and keeps nothing.
        done: molecules whose scores the search knows from before it was resumed; they are counted.
    """

    def __init__(
        self, objective: Objective, *, budget: int, cache: Cache | None = None, done: Iterable[str] = ()
    ) -> None:
        self._objective = objective
        self._budget = budget
        self._cache = cache if cache is not None else Cache(None, self.names_of(objective))
        self._done = set(done)
        self.asked = 0
        if self._done and isinstance(objective, Mean):
            objective.has_worked = True
        for column, one in enumerate(_parts_of(objective)):
            if self._cache.answered(column):
                _trust(one)

    @staticmethod
    def names_of(objective: Objective) -> list[str]:
        """The names of the objectives that one is made of; its own where it is made of none."""
        return [one.name for one in _parts_of(objective)]

    @property
    def calls(self) -> int:
        """Molecules whose scores the search knows."""
        return len(self._done)

    @property
    def left(self) -> int:
        """Calls."""
        return self._budget - len(self._done)

    def __call__(self, smiles: Sequence[str]) -> Answers:
        """The answers for N molecules; those that are new are in the cache before this returns.

        Args:
            smiles: distinct, canonical, none of them asked for before, at most `left`. Anything else is a mistake of
                the search, not of the user.

        Raises:
            InputError: as the objective; or the cache cannot be written.
        """
        with quiet_rdkit():
            fresh = [one for one in dict.fromkeys(smiles) if one not in self._done and canonical(one) == one]
        assert len(fresh) == len(smiles) <= self.left, "a call beyond the budget, made twice, or of no molecule"
        unknown = [one for one in smiles if one not in self._cache]
        if unknown:
            self._cache.add(unknown, self._asked(unknown))
            self.asked += len(unknown)
        self._done.update(smiles)
        parts = np.array([self._cache[one] for one in smiles], dtype=np.float64).reshape(len(smiles), -1)
        if isinstance(self._objective, Composite):
            combined = self._objective.combined(smiles, parts)
            return Answers(np.where(np.isfinite(combined), combined, np.nan), parts)
        return Answers(parts[:, 0], parts)

    def _asked(self, smiles: list[str]) -> NDArray[np.float64]:
        scores = self._objective.scores(smiles) if isinstance(self._objective, Composite) else self._objective(smiles)
        parts = np.asarray(scores, dtype=np.float64).reshape(len(smiles), -1)
        parts[~np.isfinite(parts)] = np.nan
        return parts


def _finite(value: float) -> float:
    """NaN for what is no score, as if the objective had said so."""
    return value if math.isfinite(value) else math.nan


def _parts_of(objective: Objective) -> tuple[Objective, ...]:
    return objective.objectives if isinstance(objective, Composite) else (objective,)


def _trust(objective: Objective) -> None:
    """Tell a user's function, wherever in an objective it is, that it has worked before."""
    if isinstance(objective, UserObjective):
        objective.has_worked = True
    elif isinstance(objective, Shaped):
        _trust(objective.objective)
    elif isinstance(objective, Composite):
        for one in objective.objectives:
            _trust(one)
