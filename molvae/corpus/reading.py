"""Read a user's table of molecules in chunks: `open_table` finds out how to read a file."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from molvae.chem.molecules import canonical, quiet_rdkit, without_extension
from molvae.chem.standard import Rejection, standardize_all
from molvae.corpus import delimited, formats
from molvae.corpus.columns import SAMPLE, unique
from molvae.corpus.delimited import Layout, Record
from molvae.corpus.measurements import is_bound, relation_column
from molvae.corpus.numbers import is_missing, number
from molvae.corpus.row_filter import RowFilter
from molvae.corpus.sources import Source
from molvae.errors import InputError, pluralize

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AnnotatedChunk", "AnnotatedTable", "Chunk", "Table", "open_table", "read_smiles"]

_SDF = frozenset({".sdf", ".sd", ".mol"})
_PARQUET = frozenset({".parquet", ".pq"})
_NUMERIC_SHARE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """N consecutive rows of a table.

    Attributes:
        rows: N row numbers from 1: the line on which the row begins, counting the header; for SD files and Parquet the
            number of the record.
        smiles: N texts as in the file; "" if the cell is missing.
        numbers: N values (float64) of each numeric column, NaN if there is no finite number.
    """

    rows: list[int]
    smiles: list[str]
    numbers: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.rows)


class Table:
    """A table whose layout is known. Made by `open_table`.

    Attributes:
        name: the file name without its folder.
        columns: the names of all columns, all distinct: a second 'x' becomes x_2, one without a name column_3.
        smiles_column: the name of the SMILES column; "" if SMILES come from mol blocks.
        numeric_columns: the names of the columns whose numbers `chunks` reads, judged by the first rows.
        has_header: whether the file names its columns.
        types: the Arrow type of each column of a Parquet file; otherwise empty.
        grouping: the thousands separator of columns that have one, as in `molvae.corpus.numbers.number`.
        codes: those of `numeric_columns` that hold codes such as 007, which a number would not preserve.
    """

    def __init__(
        self, source: Source, layout: Layout, kind: str, where: RowFilter | None = None, measured: tuple[str, ...] = ()
    ) -> None:
        self._source = source
        self._layout = layout
        self._kind = kind
        self._where, self._measured = where, measured
        self._relation = relation_column(layout.columns) if measured else None
        self.name = source.name
        self.columns = layout.columns
        self.smiles_column = layout.columns[layout.smiles] if layout.smiles >= 0 else ""
        self.numeric_columns = tuple(layout.columns[index] for index in layout.numeric)
        self.has_header = layout.header
        self.types = layout.types
        self.grouping = {name: sign for name, sign in zip(layout.columns, layout.grouping, strict=False) if sign}
        self.codes = tuple(layout.columns[index] for index in layout.codes)

    def describe(self) -> str:
        """One sentence about how the file is read."""
        return self._layout.sentence

    def with_measured(self, names: Collection[str]) -> Table:
        """The same table with these columns among the numeric ones, whatever their first rows hold.

        Values that are only bounds, by the file's column of relations, are read as NaN.
        """
        wanted = [self.columns.index(name) for name in names]
        numeric = tuple(sorted({*self._layout.numeric, *wanted}))
        return Table(self._source, replace(self._layout, numeric=numeric), self._kind, self._where, tuple(names))

    def where(self, expression: str | None) -> Table:
        """The same table with the rows that an expression chooses, as `RowFilter` describes; all rows for None.

        Raises:
            ConfigError: the expression cannot be used.
            InputError: it chooses no row, unless the file can be read only once.
        """
        if expression is None:
            return self
        chosen = Table(self._source, self._layout, self._kind, RowFilter(expression, self.columns, self.grouping))
        if self.file is not None:
            rows, total = (sum(1 for _ in each.full_records()) for each in (chosen, self))
            if not rows:
                raise InputError(f"none of the {total:,} rows of {self.name} fulfils --where {expression!r}")
            sentence = f"{self.describe()}; --where chooses {rows:,} of {pluralize(total, 'row')}"
            chosen._layout = replace(self._layout, sentence=sentence)
        return chosen

    @property
    def file(self) -> Path | None:
        """The file if it can be read again; None for a pipe and standard input."""
        return self._source.file

    def layout_key(self) -> str:
        """A text for the way of reading: the same bytes with the same key give the same rows."""
        source, layout = self._source, self._layout
        columns = [layout.columns, layout.smiles, layout.numeric, layout.grouping]
        lines = [layout.delimiter, layout.header, layout.first_line]
        key = [self._kind, source.suffix, source.encoding, source.errors, columns, lines]
        if self._where is not None or self._relation is not None:
            key.append([self._where and self._where.expression, self._relation, self._measured])
        return json.dumps(key)

    def chunks(self, size: int = 10_000) -> Iterator[Chunk]:
        """Read all rows in constant memory (Parquet: the size of the file).

        A file can be read again, a pipe and standard input only once.

        Args:
            size: rows per chunk; the last has fewer. Blank lines and comments of .smi files are not rows.

        Raises:
            InputError: the file is truncated or cannot be read.
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
        """Read the rows one by one: row number, SMILES text, and a value for each of `columns`.

        The values are texts as in the file, or Python values from Parquet. If an SD file can be read only once, fields
        that first occur after its first records are not among the columns.

        Raises:
            InputError: as in `chunks`.
        """
        chosen = self._where
        records = self._full_records()
        return records if chosen is None else (record for record in records if chosen(record[2]))

    def _full_records(self) -> Iterator[tuple[int, str, list[Any]]]:
        if self._kind == "sdf":
            yield from formats.full_sdf_records(self._source, self._layout)
        elif self._kind == "parquet":
            yield from formats.full_parquet_records(self._source, self._layout)
        else:
            place = self._layout.smiles
            for row, cells in delimited.full_records(self._source, self._layout):
                yield row, cells[place], cells

    def _records(self) -> Iterator[Record]:
        if self._where is not None or self._relation is not None:
            return self._selected()
        if self._kind == "sdf":
            return formats.sdf_records(self._source, self._layout)
        if self._kind == "parquet":
            return formats.parquet_records(self._source, self._layout)
        return delimited.records(self._source, self._layout)

    def _selected(self) -> Iterator[Record]:
        """The chosen rows, without bounds as values."""
        relation = -1 if self._relation is None else self.columns.index(self._relation)
        columns = [(name, self.columns.index(name), name in self._measured) for name in self.numeric_columns]
        for row, smiles, cells in self.full_records():
            bound = relation >= 0 and is_bound(cells[relation])
            # A bound is no value.
            yield (
                row,
                smiles,
                [
                    math.nan if is_measured and bound else self._number(name, cells[place])
                    for name, place, is_measured in columns
                ],
            )

    def _number(self, column: str, cell: Any) -> float:
        """The number in a cell; NaN if there is none."""
        if isinstance(cell, str):
            return number(cell, self.grouping.get(column, ""))
        value = float(cell) if isinstance(cell, int | float | Decimal) else math.nan
        return value if math.isfinite(value) else math.nan

    def is_number(self, column: str, cell: Any) -> bool:
        """Whether a cell of a column holds a number."""
        return not math.isnan(self._number(column, cell))

    def mostly_numeric(self) -> list[str]:
        """Columns in which at least half of the first non-empty cells are numbers; `numeric_columns` for a pipe."""
        numeric = [name for name in self.numeric_columns if name != self.smiles_column]
        if self.file is None:
            return numeric
        rows = [cells for _, _, cells in islice(self.full_records(), SAMPLE)]
        found = []
        for place, name in enumerate(self.columns):
            cells = [row[place] for row in rows if not _is_empty(row[place])]
            numbers = sum(self.is_number(name, cell) for cell in cells)
            if name in numeric or (name != self.smiles_column and numbers and numbers >= _NUMERIC_SHARE * len(cells)):
                found.append(name)
        return found

    def cells_without_number(self, column: str) -> Counter[str]:
        """Count the non-empty cells of a column that are not numbers, such as '>10000' and 'n.d.'; none for a pipe."""
        if self.file is None:
            return Counter()
        place = self.columns.index(column)
        cells = (row[place] for _, _, row in self.full_records())
        return Counter(str(cell).strip() for cell in cells if not (_is_empty(cell) or self.is_number(column, cell)))


def _is_empty(cell: Any) -> bool:
    if isinstance(cell, str):
        return is_missing(cell)
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def open_table(path: str | Path, *, smiles_column: str | int | None = None, header: bool | None = None) -> Table:
    """Find out how to read a file of molecules.

    Reads csv, tsv, text separated by ';' or '|', SMILES files (.smi, .smiles, .txt; with or without names), SD files
    and Parquet; each may be gzipped. SD files and Parquet are recognized by extension or content. For text the start of
    the file tells the delimiter, the header and the SMILES column. A first line like sep=; sets the delimiter, and a
    title above the header is skipped. Text is UTF-8, UTF-16 or UTF-32 by its byte-order mark, and Latin-1 if it is not
    valid UTF-8.

    Args:
        path: the file, or "-" for standard input.
        smiles_column: its name (exact, or else ignoring case) or its number from 1; None searches for it: by name if
            its values are SMILES, or else by content.
        header: whether the first row holds names; None finds out.

    Raises:
        InputError: the file is missing, unreadable, empty or not a table; no column holds SMILES; or the requested
            column does not exist (the message lists the columns).
    """
    source = Source(path)
    if source.is_parquet:
        return Table(source, formats.parquet_layout(source, smiles_column), "parquet")
    if source.suffix in _PARQUET:
        raise InputError(f"{source.name} is not a Parquet file; check its extension")
    if source.suffix in _SDF or (source.suffix in ("", ".txt") and b"\nM  END" in source.head):
        return Table(source, formats.sdf_layout(source, smiles_column), "sdf")
    return Table(source, delimited.layout_of(source, smiles_column, header), "delimited")


def read_smiles(path: str | Path, *, smiles_column: str | int | None = None) -> list[str]:
    """All texts of the SMILES column, valid or not, without surrounding white space; arguments as in `open_table`."""
    table = open_table(path, smiles_column=smiles_column)
    return [text.strip() for chunk in table.chunks() for text in chunk.smiles]


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedChunk:
    """N consecutive rows of a table with all columns.

    Attributes:
        rows: N row numbers, as in `Chunk`.
        smiles: N texts without surrounding white space and CXSMILES extensions, in the requested form if they are
            molecules; "" if the cell is missing.
        cells: N rows of all columns, as in the file.
    """

    rows: list[int]
    smiles: list[str]
    cells: pd.DataFrame


class AnnotatedTable:
    """A table with all its columns, for commands that write the rows again with further columns.

    Args:
        table: from `open_table`.
        standardize: first bring the molecules into the standard form of `molvae.chem.standardize`.
        stereo: keep stereo centres and double-bond geometry.

    Attributes:
        name: the file name without its folder.
        types: the type of each column in order: ``str``, ``float`` or an Arrow type, as `write_frames` takes them.
            Without a header, the SMILES column is called smiles; so is a new column for the structures of an SD file.
            Columns of codes such as 007 are ``str``.
        grouping: the thousands separator of columns that have one.
    """

    def __init__(self, table: Table, *, standardize: bool = False, stereo: bool = True) -> None:
        self._table, self._standardize, self._stereo = table, standardize, stereo
        self.name = table.name
        numeric = set(table.numeric_columns) - set(table.codes)
        kinds: Sequence[Any] = table.types or [float if name in numeric else str for name in table.columns]
        names = list(table.columns)
        self._from_blocks = not table.smiles_column
        if self._from_blocks:
            names, kinds = ["smiles", *names], [str, *kinds]
        elif not table.has_header:
            names[table.columns.index(table.smiles_column)] = "smiles"
        names = list(unique(names))
        self.types: dict[str, Any] = dict(zip(names, kinds, strict=True))
        own = names[1:] if self._from_blocks else names
        pairs = zip(own, table.columns, strict=True)
        self.grouping = {name: table.grouping[column] for name, column in pairs if column in table.grouping}

    def extended(self, added: dict[str, Any]) -> dict[str, Any]:
        """The types, extended by those of further columns.

        Raises:
            InputError: the file already has a column of that name.
        """
        taken = [name for name in added if name in self.types]
        if taken:
            raise InputError(f"{self.name} has a column {taken[0]!r} already; rename or remove it")
        return {**self.types, **added}

    def chunks(self, size: int = 2_000) -> Iterator[AnnotatedChunk]:
        """Read all rows in constant memory (Parquet: the size of the file).

        Args:
            size: rows per chunk; the last has fewer.

        Raises:
            InputError: the file is truncated or cannot be read.
        """
        import pandas as pd

        records = self._table.full_records()
        while batch := list(islice(records, size)):
            cells = [[text, *cells] if self._from_blocks else cells for _, text, cells in batch]
            yield AnnotatedChunk(
                [row for row, _, _ in batch],
                self._prepared([without_extension(text.strip()) for _, text, _ in batch]),
                pd.DataFrame(cells, columns=list(self.types), dtype=object),
            )

    def _prepared(self, texts: list[str]) -> list[str]:
        with quiet_rdkit():
            if self._standardize:
                forms = standardize_all(texts, stereo=self._stereo)
                return [text if isinstance(form, Rejection) else form for text, form in zip(texts, forms, strict=True)]
            return texts if self._stereo else [canonical(text, stereo=False) or text for text in texts]
