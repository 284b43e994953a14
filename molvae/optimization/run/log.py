"""The csv files that grow during a search, and calls.csv: every call of the objective, in order, with its origin."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from molvae.corpus.columns import unique
from molvae.corpus.writing import csv_writer
from molvae.errors import InputError
from molvae.optimization.proposal import Proposal
from molvae.storage.files import atomic, check_writable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Call", "CallLog", "GrowingTable", "as_float", "as_text", "part_columns"]

_BEFORE = ("call", "smiles", "score")
_BEHIND = ("operator", "parents", "mean", "std", "seconds")


class GrowingTable:
    """A csv file to which rows are added. What `append` has written stays, even if the process is killed.

    A last line without its end is one that a killed process was writing: it is removed when the file is opened.

    Args:
        path: the file; it is made if it does not exist.
        columns: its header.

    Attributes:
        path: the file.
        rows: those that were in the file when it was opened.

    Raises:
        InputError: the file cannot be read or written, has another header, or a row of another length.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        # A line break in a name would be one in the file.
        self._columns = [" ".join(column.split()) for column in columns]
        self.rows = self._read()

    def append(self, rows: Iterable[Sequence[str]]) -> None:
        """Add rows.

        Raises:
            InputError: the file cannot be written.
        """
        try:
            with self.path.open("ab") as file:
                file.write(_text(rows))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror or error}") from error

    def replace(self, rows: Iterable[Sequence[str]]) -> None:
        """Replace all rows by these, atomically."""
        with atomic(self.path) as temporary:
            temporary.write_bytes(_text([self._columns, *rows]))

    def _read(self) -> list[list[str]]:
        check_writable(self.path)
        try:
            data = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error.strerror or error}") from error
        whole = data[: data.rfind(b"\n") + 1]
        if not whole and _text([self._columns]).startswith(data):  # empty, or a part of the header
            self.replace(())
            return []
        whole = whole or data
        csv.field_size_limit(max(csv.field_size_limit(), len(whole)))
        try:
            header, *rows = csv.reader(io.StringIO(whole.decode(errors="replace"), newline=""))
        except csv.Error as error:
            raise InputError(f"{self.path} is damaged ({error})") from None
        if header != self._columns:
            raise InputError(
                f"{self.path} has the columns {', '.join(header)}, not {', '.join(self._columns)}: it belongs to "
                "another search; name another file"
            )
        bad = next((number for number, row in enumerate(rows, start=2) if len(row) != len(header)), None)
        if bad is not None:
            raise InputError(f"{self.path} is damaged in line {bad}; remove that line")
        if len(whole) < len(data):
            os.truncate(self.path, len(whole))
        return rows


def as_text(value: float) -> str:
    """A number with all its digits, so that `as_float` gives exactly the same; "" for NaN."""
    return "" if value != value else repr(float(value))


def as_float(text: str) -> float:
    """The number that `as_text` wrote."""
    return float(text) if text else float("nan")


def _text(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv_writer(text).writerows(rows)
    return text.getvalue().encode()


class Call(NamedTuple):
    """A molecule that was scored."""

    proposal: Proposal
    score: float
    """NaN where there is none"""
    parts: tuple[float, ...]
    """K, the scores by each of several objectives; empty for a single one"""
    seconds: float
    """from the beginning of the search, without pauses, to the score"""


def part_columns(names: Sequence[str]) -> tuple[str, ...]:
    """The columns of the scores by each of several objectives, by their names; none for a single one."""
    fixed = (*_BEFORE, *_BEHIND)
    return unique([*fixed, *names])[len(fixed) :] if len(names) > 1 else ()


class CallLog:
    """The calls of a search, in memory and in a file that grows with every batch.

    Columns are call, from 1, smiles, score, one for each of several objectives, operator, parents (separated by
    blanks), mean and std, the prediction of the surrogate, and seconds, as in `Call`.

    Args:
        path: of the file; None keeps the calls in memory only.
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
                raise InputError(f"{path} is damaged in line {number}: it has a text instead of a number") from None

    def append(self, calls: Sequence[Call]) -> None:
        """Add calls.

        Raises:
            InputError: the file cannot be written.
        """
        if self._table is not None:
            self._table.append(_row(len(self.calls) + place, call) for place, call in enumerate(calls, start=1))
        self.calls += calls

    def keep(self, n: int) -> None:
        """Remove all calls but the first n."""
        if n < len(self.calls):
            del self.calls[n:]
            if self._table is not None:
                self._table.replace(_row(place, call) for place, call in enumerate(self.calls, start=1))

    def table(self) -> pd.DataFrame:
        """All calls, with the columns of the file; missing texts are "" and missing numbers NaN."""
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
    operator, parents, mean, std, seconds = _behind(call)
    scores = map(as_text, (call.score, *call.parts))
    return [
        str(number),
        call.proposal.smiles,
        *scores,
        operator,
        parents,
        as_text(mean),
        as_text(std),
        f"{seconds:.3f}",
    ]


def _call(row: Sequence[str]) -> Call:
    _, smiles, score, *parts = row[: -len(_BEHIND)]
    operator, parents, mean, std, seconds = row[-len(_BEHIND) :]
    proposal = Proposal(smiles, operator, tuple(parents.split()), as_float(mean), as_float(std))
    return Call(proposal, as_float(score), tuple(map(as_float, parts)), float(seconds))
