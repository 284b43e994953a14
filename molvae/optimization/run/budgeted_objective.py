"""The objective of a search: its calls are counted and cached, and no molecule is scored twice."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from molvae.chem import canonical, quiet_rdkit
from molvae.errors import InputError
from molvae.optimization.objectives import Objective, UserObjective
from molvae.optimization.objectives.composing import Mean, Shaped
from molvae.optimization.run.log import GrowingTable, as_float, as_text

__all__ = ["Answers", "Cache", "CountedObjective"]

_NOT_ASKED = "+nan"  # in a cache; earlier versions read it as NaN


class Answers(NamedTuple):
    """The scores of N molecules."""

    scores: NDArray[np.float64]
    """(N,), to be maximized; NaN where there is none"""
    parts: NDArray[np.float64]
    """(N, K) the scores by each of several objectives; of a single one its scores again"""


class Cache:
    """The numbers that objectives gave, by molecule, written to a file at once.

    It has the numbers of each single objective, so that other weights or another mean need no new call. A molecule
    for which an objective had no number has an empty cell, and is not asked for again; remove its line to ask again. A
    cell ``+nan`` means that the objective was not asked, because another one failed. The columns are the names of the
    objectives: nobody checks whether the objective behind a name is still the same.

    Args:
        path: a csv file, made if it does not exist; None keeps the numbers in memory.
        names: K, of the objectives.

    Raises:
        InputError: the file cannot be read or written, or is one of other objectives.
    """

    def __init__(self, path: Path | None, names: Sequence[str]) -> None:
        self._width = len(names)
        self._known: dict[str, tuple[float | None, ...]] = {}
        self._table = GrowingTable(path, ["smiles", *names]) if path is not None else None
        for number, (smiles, *cells) in enumerate(self._table.rows if self._table else (), start=2):
            try:
                self._known[smiles] = tuple(None if cell == _NOT_ASKED else _finite(as_float(cell)) for cell in cells)
            except ValueError:
                raise InputError(f"{path} is damaged in line {number}: it has a text instead of a number") from None

    def __contains__(self, smiles: object) -> bool:
        """Whether all objectives were asked for a molecule."""
        return smiles in self._known and None not in self._known[str(smiles)]

    def __getitem__(self, smiles: str) -> tuple[float | None, ...]:
        """K numbers; NaN where an objective has none, None where it was not asked."""
        return self._known.get(smiles, (None,) * self._width)

    def __len__(self) -> int:
        return len(self._known)

    def answered(self, column: int) -> bool:
        """Whether the objective of a column (from 0) has a number for any molecule."""
        return any((value := row[column]) is not None and not math.isnan(value) for row in self._known.values())

    def add(self, smiles: Sequence[str], parts: Iterable[Sequence[float | None]]) -> None:
        """Add the numbers (N, K) of N molecules, None where an objective was not asked; complete ones never change."""
        rows = ((one, tuple(map(_finite, row))) for one, row in zip(smiles, parts, strict=True) if one not in self)
        new = {one: row for one, row in rows if row != self[one]}
        if new and self._table is not None:
            cells = ([_NOT_ASKED if value is None else as_text(value) for value in row] for row in new.values())
            self._table.append([one, *row] for one, row in zip(new, cells, strict=True))
        self._known.update(new)


class CountedObjective:
    """An objective with a budget of calls.

    A call is a distinct molecule whose score the search learns. A molecule in the cache costs no time, but it counts as
    a call, so that a search with a full cache is comparable to one without. Only the calls of the same search before it
    was resumed are not counted twice.

    Args:
        objective: what is maximized.
        budget: calls.
        cache: of known numbers; None begins with an empty one in memory.
        done: molecules whose scores the search has from before it was resumed; they are counted.
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
                _mark_as_working(one)

    @staticmethod
    def names_of(objective: Objective) -> list[str]:
        """The names of the objectives of which one is made; its own if it is a single one."""
        return [one.name for one in _parts_of(objective)]

    @property
    def calls(self) -> int:
        """Molecules whose scores the search has."""
        return len(self._done)

    @property
    def left(self) -> int:
        """Calls."""
        return self._budget - len(self._done)

    def __call__(self, smiles: Sequence[str]) -> Answers:
        """The scores of N molecules; new numbers are in the cache before this returns or raises.

        Args:
            smiles: distinct, canonical, none of them asked for before, at most `left`. Anything else is an error of the
                search, not of the user.

        Raises:
            InputError: as the objective; or the cache cannot be written.
        """
        with quiet_rdkit():
            fresh = [one for one in dict.fromkeys(smiles) if one not in self._done and canonical(one) == one]
        assert len(fresh) == len(smiles) <= self.left, "a call beyond the budget, made twice, or of no molecule"
        unknown = [one for one in smiles if one not in self._cache]
        if unknown:
            self._ask(unknown)
            self.asked += len(unknown)
        self._done.update(smiles)
        parts = np.array([self._cache[one] for one in smiles], dtype=np.float64).reshape(len(smiles), -1)
        if isinstance(self._objective, Mean):
            combined = self._objective.combined(smiles, parts)
            return Answers(np.where(np.isfinite(combined), combined, np.nan), parts)
        return Answers(parts[:, 0], parts)

    def _ask(self, smiles: list[str]) -> None:
        """Ask each objective for the numbers that the cache lacks. If one fails, the numbers of the others are kept."""
        answers = [list(self._cache[one]) for one in smiles]
        try:
            for column, objective in enumerate(_parts_of(self._objective)):
                rows = [row for row, known in enumerate(answers) if known[column] is None]
                scores = np.asarray(objective([smiles[row] for row in rows]), np.float64) if rows else np.array([])
                for row, score in zip(rows, scores.tolist(), strict=True):
                    answers[row][column] = score
        finally:
            self._cache.add(smiles, answers)


def _finite(value: float | None) -> float | None:
    """NaN for a number that is not finite; None stays None."""
    return value if value is None or math.isfinite(value) else math.nan


def _parts_of(objective: Objective) -> tuple[Objective, ...]:
    return objective.objectives if isinstance(objective, Mean) else (objective,)


def _mark_as_working(objective: Objective) -> None:
    """Let a user's function, alone or inside of other objectives, know that it has worked before."""
    if isinstance(objective, UserObjective):
        objective.has_worked = True
    elif isinstance(objective, Shaped):
        _mark_as_working(objective.objective)
    elif isinstance(objective, Mean):
        for one in objective.objectives:
            _mark_as_working(one)
