"""The account of the rows of a table: kept, merged or rejected, and the report that names each that is not kept.

Knows verdicts; does not know how they come about.
"""

from __future__ import annotations

import math
import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from molvae.chem.standard import Reason, Rejection
from molvae.corpus.reading import Chunk
from molvae.corpus.writing import csv_writer
from molvae.errors import InputError, pluralize

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Corpus", "Counts", "Ledger", "rejection_report", "write_report"]


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows; `rows == kept + duplicates + sum(rejected.values())`.

    Attributes:
        rows: all rows read.
        kept: rows that brought a new molecule.
        duplicates: rows whose molecule was there already.
        rejected: the others, by reason, most frequent first.
    """

    rows: int
    kept: int
    duplicates: int
    rejected: Mapping[str, int]

    def describe(self) -> str:
        """Say it in one line."""
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in self.rejected.items())
        line = f"{pluralize(self.rows, 'row')}: {self.kept:,} kept, {pluralize(self.duplicates, 'duplicate')}"
        return f"{line}, {sum(self.rejected.values()):,} rejected" + (f" ({reasons})" if reasons else "")


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Distinct molecules and their numbers.

    Attributes:
        smiles: N canonical SMILES, all distinct, in the order of their first row.
        properties: N rows of the table's numeric columns (float64), aligned with `smiles`. Where several rows hold
            one molecule it is the mean of the values that are there; NaN where none is.
        counts: what became of the rows.
    """

    smiles: list[str]
    properties: pd.DataFrame
    counts: Counts

    def __len__(self) -> int:
        return len(self.smiles)


class Ledger:
    """The account of the rows, entered chunk by chunk in the order of the table.

    Args:
        names: the numeric columns.
        write: is given row, text and reason of every row that is not kept.

    Attributes:
        rows: number of rows entered.
    """

    def __init__(self, names: tuple[str, ...], write: Callable[[int, str, str], None]) -> None:
        self.rows = 0
        self._names = names
        self._write = write
        self._places: dict[str, int] = {}
        self._first_rows = array("q")
        self._merged = array("q")
        self._numbers: list[NDArray[np.float64]] = []
        self._rejected: Counter[Reason] = Counter()
        self._examples: dict[Reason, str] = {}

    def enter(self, chunk: Chunk, verdicts: list[str | Rejection]) -> None:
        """Enter the next rows, each with its canonical SMILES or why it is rejected."""
        good = np.zeros(len(chunk), dtype=bool)
        for place, (row, text, verdict) in enumerate(zip(chunk.rows, chunk.smiles, verdicts, strict=True)):
            if isinstance(verdict, Rejection):
                self._reject(row, text, verdict)
            else:
                good[place] = True
                self._keep(row, text, verdict)
        self.rows += len(chunk)
        if self._names:
            self._numbers.append(np.stack([chunk.numbers[name][good] for name in self._names], axis=1))

    def _keep(self, row: int, text: str, smiles: str) -> None:
        place = self._places.setdefault(smiles, len(self._places))
        self._merged.append(place)
        if place == len(self._first_rows):
            self._first_rows.append(row)
        else:
            self._write(row, text, f"duplicate of row {self._first_rows[place]}")

    def _reject(self, row: int, text: str, rejection: Rejection) -> None:
        self._rejected[rejection.reason] += 1
        self._examples.setdefault(rejection.reason, f"row {row} {text[:40]!r}" if text.strip() else f"row {row}")
        self._write(row, text, str(rejection))

    def close(self, source: str) -> Corpus:
        """Draw up the result.

        Raises:
            InputError: nothing was kept; the message names `source`.
        """
        if not self._places:
            raise InputError(self._nothing_left(source))
        kept = len(self._places)
        counts = {str(reason): count for reason, count in self._rejected.most_common()}
        return Corpus(
            list(self._places),
            self._properties(kept),
            Counts(self.rows, kept, len(self._merged) - kept, counts),
        )

    def _properties(self, kept: int) -> pd.DataFrame:
        import pandas as pd

        sums = np.zeros((kept, len(self._names)))
        present = np.zeros_like(sums)
        if self._names:
            places = np.frombuffer(self._merged, dtype=np.int64)
            values = np.concatenate(self._numbers)
            with np.errstate(over="ignore"):
                np.add.at(sums, places, np.nan_to_num(values))
            np.add.at(present, places, ~np.isnan(values))
        sums[present == 0] = math.nan
        return pd.DataFrame(sums / np.maximum(present, 1), columns=list(self._names))

    def _nothing_left(self, source: str) -> str:
        if not self.rows:
            return f"{source} holds no rows"
        reasons = "; ".join(
            f"{reason} {count:,} (first: {self._examples[reason]})" for reason, count in self._rejected.most_common(3)
        )
        return f"{source}: none of its {self.rows:,} rows is a usable molecule: {reasons}"


@contextmanager
def rejection_report(path: Path | None) -> Iterator[Callable[[int, str, str], None]]:
    """Open a rejection report for the length of a block; yields what writes one row to it.

    Args:
        path: a CSV file to be written over; None writes nothing.

    Raises:
        InputError: it cannot be written, at any time.
    """
    if path is None:
        yield lambda row, text, reason: None
        return
    try:
        # What is no Unicode text (half a surrogate pair in a list) is written escaped.
        file = open(path, "w", encoding="utf-8", errors="backslashreplace", newline="", opener=_open)  # noqa: SIM115
    except OSError as error:
        raise _unwritable(path, error) from error
    writer = csv_writer(file)

    def write(*row: object) -> None:
        try:
            writer.writerow(row)
        except OSError as error:
            raise _unwritable(path, error) from error

    try:
        write("row", "text", "reason")
        yield write
        try:
            file.flush()
        except OSError as error:
            raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):  # said already, where the block ended well
            file.close()


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)  # else a pipe that nobody reads blocks for ever


def write_report(path: Path, content: bytes) -> None:
    """Write a rejection report that is known already.

    Raises:
        InputError: it cannot be written.
    """
    try:
        path.write_bytes(content)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"the rejection report {path} cannot be written: {error.strerror or error}")
