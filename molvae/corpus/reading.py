"""A user's file as chunks of SMILES and numbers: `open_table` finds out how to read it and says so.

Knows files and columns, and that a row may be anything; what is a usable molecule is decided in `cleaning`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from molvae.corpus import delimited, formats
from molvae.corpus.delimited import Layout, Record
from molvae.corpus.sources import Source
from molvae.errors import InputError

__all__ = ["Chunk", "Table", "open_table", "read_smiles"]

_SDF = frozenset({".sdf", ".sd", ".mol"})
_PARQUET = frozenset({".parquet", ".pq"})


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some consecutive rows of a table.

    Attributes:
        rows: N row numbers: the line of the file on which the row begins, from 1 with the header counted; for SD
            files and Parquet the number of the record, from 1.
        smiles: N texts, as they stand in the file; "" where the cell is missing.
        numbers: N values (float64) of each numeric column, NaN where there is no finite number.
    """

    rows: list[int]
    smiles: list[str]
    numbers: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.rows)


class Table:
    """A table that has been looked into, but not yet read. Made by `open_table`.

    Attributes:
        name: the file, without its folder.
        columns: names of all columns, all distinct: a second 'x' is called x_2, one without a name column_3.
        smiles_column: the name of the one with the SMILES; "" where they come from mol blocks.
        numeric_columns: names of those that `chunks` carries along, judged by the first rows.
        has_header: whether the file itself names its columns.
        types: the Arrow type of each column of a Parquet file; none otherwise.
        grouping: what stands between thousands in a column, as `molvae.corpus.numbers.number` takes it; columns that
            are not there have "".
        codes: those of `numeric_columns` whose texts say more than their numbers, such as 007.
    """

    def __init__(self, source: Source, layout: Layout, kind: str) -> None:
        self._source = source
        self._layout = layout
        self._kind = kind
        self.name = source.name
        self.columns = layout.columns
        self.smiles_column = layout.columns[layout.smiles] if layout.smiles >= 0 else ""
        self.numeric_columns = tuple(layout.columns[index] for index in layout.numeric)
        self.has_header = layout.header
        self.types = layout.types
        self.grouping = {name: sign for name, sign in zip(layout.columns, layout.grouping, strict=False) if sign}
        self.codes = tuple(layout.columns[index] for index in layout.codes)

    def describe(self) -> str:
        """Say in one sentence how the file is read."""
        return self._layout.sentence

    def carrying(self, names: Collection[str]) -> Table:
        """The same table with further columns among those of numbers, whatever their first rows hold."""
        wanted = [self.columns.index(name) for name in names]
        numeric = sorted({*self._layout.numeric, *wanted})
        return Table(self._source, replace(self._layout, numeric=tuple(numeric)), self._kind)

    @property
    def file(self) -> Path | None:
        """The file, where it is one that can be read again; None for a pipe and standard input."""
        return self._source.file

    def how(self) -> str:
        """All but the bytes that decides on the rows: the same bytes read in the same way are the same rows."""
        source, layout = self._source, self._layout
        columns = [layout.columns, layout.smiles, layout.numeric, layout.grouping]
        lines = [layout.delimiter, layout.header, layout.first_line]
        return json.dumps([self._kind, source.suffix, source.encoding, source.errors, columns, lines])

    def chunks(self, size: int = 10_000) -> Iterator[Chunk]:
        """Read the rows from the first to the last, in constant memory (Parquet: the file's size).

        A file can be read again; a pipe and standard input once.

        Args:
            size: rows of a chunk; the last has fewer. Blank lines and comments of .smi files are no rows.

        Raises:
            InputError: the file breaks off or cannot be read on.
        """
        rows = self._records()
        while batch := list(islice(rows, size)):
            numbers = np.array([record[2] for record in batch], dtype=np.float64)
            yield Chunk(
                [record[0] for record in batch],
                [record[1] for record in batch],
                {name: numbers[:, place] for place, name in enumerate(self.numeric_columns)},
            )

    def full_records(self) -> Iterator[tuple[int, str, list[Any]]]:
        """Read the rows one by one: row number, text of the SMILES, and a value for each of `columns`.

        The values are texts as they stand in the file, and of Parquet what it holds. Where an SD file can be read only
        once, a field that none of the first records has is not among the columns.

        Raises:
            InputError: as in `chunks`.
        """
        if self._kind == "sdf":
            yield from formats.full_sdf_records(self._source, self._layout)
        elif self._kind == "parquet":
            yield from formats.full_parquet_records(self._source, self._layout)
        else:
            place = self._layout.smiles
            for row, cells in delimited.full_records(self._source, self._layout):
                yield row, cells[place], cells

    def _records(self) -> Iterator[Record]:
        if self._kind == "sdf":
            return formats.sdf_records(self._source, self._layout)
        if self._kind == "parquet":
            return formats.parquet_records(self._source, self._layout)
        return delimited.records(self._source, self._layout)


def open_table(path: str | Path, *, smiles_column: str | int | None = None, header: bool | None = None) -> Table:
    """Find out how to read a file of molecules.

    Reads csv, tsv, ';'- and '|'-separated text, SMILES files (.smi, .smiles, .txt; with or without names), SD files
    and Parquet, each also gzipped. SD files and Parquet are known by extension or content; for text, delimiter,
    header and SMILES column are found by reading the head in every way. A line sep=; at the top says the delimiter; a
    title above a header that announces SMILES is no row. Text is UTF-8 or UTF-16 by its byte-order mark, and Latin-1
    where it is not valid UTF-8.

    Args:
        path: the file, or "-" for standard input.
        smiles_column: its name (exact, else in any case) or its number, from 1; None finds it: by name where its
            values agree, else by content.
        header: whether the first row holds names; None finds out.

    Raises:
        InputError: it is missing, unreadable, empty, no table, or no column holds SMILES; or the column asked for is
            not there, with the list of those that are.
    """
    source = Source(path)
    if source.is_parquet:
        return Table(source, formats.parquet_layout(source, smiles_column), "parquet")
    if source.suffix in _PARQUET:
        raise InputError(f"{source.name} is not a Parquet file; is its extension right?")
    if source.suffix in _SDF or (source.suffix in ("", ".txt") and b"\nM  END" in source.head):
        return Table(source, formats.sdf_layout(source, smiles_column), "sdf")
    return Table(source, delimited.layout_of(source, smiles_column, header), "delimited")


def read_smiles(path: str | Path, *, smiles_column: str | int | None = None) -> list[str]:
    """All texts of a file's SMILES column, without white space around them: valid or not, repeated or not.

    Args:
        path: as in `open_table`.
        smiles_column: as in `open_table`.

    Raises:
        InputError: as in `open_table`.
    """
    table = open_table(path, smiles_column=smiles_column)
    return [text.strip() for chunk in table.chunks() for text in chunk.smiles]
