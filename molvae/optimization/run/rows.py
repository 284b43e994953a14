"""A csv file that is only ever added to, and read again whatever its process died of."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from molvae.corpus.writing import csv_writer
from molvae.errors import InputError
from molvae.storage.files import atomic, check_writable

__all__ = ["GrowingTable", "as_float", "as_text"]


class GrowingTable:
    """Rows of text under a header. What `append` has written stays, also if the process is killed at once.

    A last line without its end is what a killed process was writing: it is dropped when the file is opened.

    Args:
        path: the file; it is made where there is none.
        columns: its header.

    Attributes:
        path: the file.
        rows: those that were there when it was opened.

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
        """Put these rows in place of all that are there, atomically."""
        with atomic(self.path) as temporary:
            temporary.write_bytes(_text([self._columns, *rows]))

    def _read(self) -> list[list[str]]:
        check_writable(self.path)
        try:
            data = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error.strerror or error}") from error
        whole = data[: data.rfind(b"\n") + 1]
        if not whole and _text([self._columns]).startswith(data):  # no more than a beginning, or nothing
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
                f"{self.path} has the columns {', '.join(header)}, not {', '.join(self._columns)}: it is of another "
                "search; name another file"
            )
        bad = next((number for number, row in enumerate(rows, start=2) if len(row) != len(header)), None)
        if bad is not None:
            raise InputError(f"{self.path} is damaged in line {bad}; remove that line")
        if len(whole) < len(data):
            os.truncate(self.path, len(whole))
        return rows


def as_text(value: float) -> str:
    """A number to its last digit, so that it is read as it was; "" for NaN."""
    return "" if value != value else repr(float(value))


def as_float(text: str) -> float:
    """The number that `as_text` wrote."""
    return float(text) if text else float("nan")


def _text(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv_writer(text).writerows(rows)
    return text.getvalue().encode()
