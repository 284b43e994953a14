"""calls.csv: every call of the objective, in order, with where the molecule came from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from molvae.corpus.columns import unique
from molvae.errors import InputError
from molvae.optimization.proposal import Proposal
from molvae.optimization.run.rows import GrowingTable, as_float, as_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Call", "CallLog", "part_columns"]

_BEFORE = ("call", "smiles", "score")
_BEHIND = ("operator", "parents", "mean", "std", "seconds")


class Call(NamedTuple):
    """A molecule that was scored."""

    proposal: Proposal
    score: float
    """NaN where there is none"""
    parts: tuple[float, ...]
    """K, the scores by each of several objectives; none for a single one"""
    seconds: float
    """since the search began, pauses left out, when the score was there"""


def part_columns(names: Sequence[str]) -> tuple[str, ...]:
    """The columns of the scores by each of several objectives, by their names; none for a single one."""
    fixed = (*_BEFORE, *_BEHIND)
    return unique([*fixed, *names])[len(fixed) :] if len(names) > 1 else ()


class CallLog:
    """Calls, in memory and in a file that is added to with every batch.

    Columns are call, from 1, smiles, score, one for each of several objectives, operator, parents (separated by
    blanks), mean and std, what the surrogate expected, and seconds, as in `Call`.

    Args:
        path: of the file; None keeps them in memory alone.
        names: of the objectives.

    Attributes:
        calls: all, in order.

    Raises:
        InputError: the file cannot be read or written, or is one of other objectives.
    """

    def __init__(self, path: Path | None, names: Sequence[str]) -> None:
        self.columns = [*_BEFORE, *part_columns(names), *_BEHIND]
        self.calls: list[Call] = []
        self._table = GrowingTable(path, self.columns) if path is not None else None
        for number, row in enumerate(self._table.rows if self._table else (), start=2):
            try:
                self.calls.append(_call(row))
            except ValueError:
                raise InputError(f"{path} is damaged in line {number}: there is a text for a number") from None

    def append(self, calls: Sequence[Call]) -> None:
        """Add calls.

        Raises:
            InputError: the file cannot be written.
        """
        if self._table is not None:
            self._table.append(_row(len(self.calls) + place, call) for place, call in enumerate(calls, start=1))
        self.calls += calls

    def keep(self, n: int) -> None:
        """Forget all calls but the first n."""
        if n < len(self.calls):
            del self.calls[n:]
            if self._table is not None:
                self._table.replace(_row(place, call) for place, call in enumerate(self.calls, start=1))

    def table(self) -> pd.DataFrame:
        """All calls, with the columns of the file; texts are "" and numbers NaN where there are none."""
        import pandas as pd

        rows = [
            (number, one.proposal.smiles, one.score, *one.parts, *_behind(one))
            for number, one in enumerate(self.calls, start=1)
        ]
        return pd.DataFrame(rows, columns=self.columns)


def _behind(call: Call) -> tuple[str, str, float, float, float]:
    proposal = call.proposal
    return proposal.operator, " ".join(proposal.parents), proposal.mean, proposal.std, call.seconds


def _row(number: int, call: Call) -> list[str]:
    operator, parents, *numbers = _behind(call)
    values = [as_text(value) for value in (call.score, *call.parts)]
    return [
        str(number),
        call.proposal.smiles,
        *values,
        operator,
        parents,
        *map(as_text, numbers[:2]),
        f"{numbers[2]:.3f}",
    ]


def _call(row: Sequence[str]) -> Call:
    _, smiles, score, *parts = row[: -len(_BEHIND)]
    operator, parents, mean, std, seconds = row[-len(_BEHIND) :]
    proposal = Proposal(smiles, operator, tuple(parents.split()), as_float(mean), as_float(std))
    return Call(proposal, as_float(score), tuple(map(as_float, parts)), float(seconds))
