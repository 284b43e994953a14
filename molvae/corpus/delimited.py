"""Delimited text: csv, tsv, smi and their kin, as rows of cells with the line each begins on.

Finds the delimiter and whether there is a header by reading the head in every way and taking the reading in which
the SMILES are plainest.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any, Literal

from molvae.corpus.columns import (
    SAMPLE,
    Choice,
    choose,
    is_missing,
    is_smiles_name,
    looks_like_smiles,
    number,
    numeric_columns,
    resolve,
    unique,
)
from molvae.corpus.sources import HEAD_BYTES, Source
from molvae.errors import InputError

__all__ = ["Layout", "Record", "full_records", "layout_of", "records"]

Record = tuple[int, str, list[float]]
"""Row number, text of the SMILES cell, values of the numeric columns."""

_SMI = frozenset({".smi", ".smiles", ".ism", ".can"})
_SPELLED = {",": "comma-separated", "\t": "tab-separated", ";": "';'-separated", "|": "'|'-separated"}
_SAMPLED_ROWS = 2 * SAMPLE
# A quote that is never closed makes one cell of the rest of the file; this is where to stop.
_LONGEST_CELL = 1 << 24


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is to be read.

    Attributes:
        columns: a name for each column, all distinct.
        smiles: 0-based index of the SMILES column; -1 where they come from mol blocks.
        numeric: 0-based indices of the columns that are carried along.
        sentence: what was found, for the user.
        delimiter: between cells; " " stands for any white space.
        header: whether the first row holds the names.
        types: the Arrow type of each column of a Parquet file; none for text.
    """

    columns: tuple[str, ...]
    smiles: int
    numeric: tuple[int, ...]
    sentence: str
    delimiter: str = ","
    header: bool = True
    types: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class _Reading:
    delimiter: str
    header: bool
    names: tuple[str, ...]
    first: list[str]
    samples: list[list[str]]
    choice: Choice | None
    evenness: float

    @property
    def rank(self) -> tuple[float, float, int]:
        score = round(self.choice.score, 2) if self.choice is not None else -1.0
        return score, self.evenness, len(self.names)


def layout_of(source: Source, smiles_column: str | int | None, header: bool | None) -> Layout:
    """Find out how to read delimited text.

    Raises:
        InputError: there is only a header, no column holds SMILES, or the column asked for is not there.
    """
    readings = [_reading(source, delimiter, smiles_column, header) for delimiter in _delimiters(source)]
    found = [one for one in readings if one.choice is not None]
    best = max(found or readings, key=lambda one: one.rank)
    if best.header and not any(best.samples):
        raise InputError(f"{source.name} holds a header but no rows")
    if smiles_column is not None and best.choice is None:
        resolve(smiles_column, best.names, source.name)
    if best.choice is None:
        raise InputError(
            f"{source.name}: no column holds SMILES (its first row is {_listed(best.first)}); "
            "name the column with smiles_column (--smiles-column), or check the file"
        )
    columns, index = best.names, best.choice.index
    separated = "one column" if len(columns) == 1 else _SPELLED.get(best.delimiter, "space-separated")
    place = f"column {columns[index]!r}" if best.header else f"column {index + 1}, no header"
    return Layout(
        columns=columns,
        smiles=index,
        numeric=numeric_columns(best.samples, without=index),
        sentence=f"{source.name}: {separated}, {source.encoding_name}, SMILES in {place} ({best.choice.how})",
        delimiter=best.delimiter,
        header=best.header,
    )


def records(source: Source, layout: Layout) -> Iterator[Record]:
    """Read the rows, one by one.

    Blank lines, and in .smi files those that begin with '#', are no rows. A row that lacks the SMILES cell has "".

    Raises:
        InputError: the file breaks off, or a cell is beyond all measure.
    """
    smiles, numeric = layout.smiles, layout.numeric
    with source.open() as raw, io.TextIOWrapper(raw, source.encoding, source.errors, newline="") as text:
        rows = _rows(text, layout.delimiter, source)
        for line, cells in islice(rows, int(layout.header), None):
            width = len(cells)
            numbers = [number(cells[place]) if place < width else math.nan for place in numeric]
            yield line, cells[smiles] if smiles < width else "", numbers


def full_records(source: Source, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Read the rows as `records` does, each with a cell for every column.

    What a row lacks is ""; what it has beyond the last column stands in its last cell, behind the delimiter.
    """
    width = len(layout.columns)
    with source.open() as raw, io.TextIOWrapper(raw, source.encoding, source.errors, newline="") as text:
        for line, cells in islice(_rows(text, layout.delimiter, source), int(layout.header), None):
            if len(cells) > width:
                cells = [*cells[: width - 1], layout.delimiter.join(cells[width - 1 :])]
            yield line, cells + [""] * (width - len(cells))


def _rows(lines: Iterable[str], delimiter: str, source: Source) -> Iterator[tuple[int, list[str]]]:
    comments = source.suffix in _SMI or delimiter == " "
    plain = _split_at_space(lines) if delimiter == " " else _split_by_csv(lines, delimiter, source)
    for line, cells in plain:
        if (len(cells) > 1 or (cells and cells[0].strip())) and not (comments and cells[0].startswith("#")):
            yield line, cells


def _split_at_space(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    for line, text in enumerate(lines, start=1):
        yield line, text.split()


def _split_by_csv(lines: Iterable[str], delimiter: str, source: Source) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    quoting: Literal[0, 3] = csv.QUOTE_NONE if source.suffix in _SMI else csv.QUOTE_MINIMAL
    held: list[str] = []
    ended = False

    def remembered() -> Iterator[str]:
        nonlocal ended
        for text in lines:
            held.append(text)
            yield text
        ended = True

    reader = csv.reader(remembered(), delimiter=delimiter, quoting=quoting, skipinitialspace=True)
    line, width = 1, 0
    try:
        for cells in reader:
            width = width or len(cells)
            # A row that is not over when the file is, or that swallowed whole rows, began with a stray quote.
            if ended or (len(held) > 1 and _are_rows(held, delimiter, width)):
                for offset, text in enumerate(held):
                    yield line + offset, _unquoted(text, delimiter)
            else:
                yield line, cells
            line = reader.line_num + 1
            held.clear()
    except csv.Error as error:
        raise InputError(f"{source.name}, line {line}: {error}; is there an unbalanced quote?") from error


def _are_rows(lines: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether each of some lines is as wide as the first row, so that a line break in a cell cannot explain them."""
    return width > 1 and all(text.count(delimiter) == width - 1 for text in lines if text.strip())


def _unquoted(line: str, delimiter: str) -> list[str]:
    """The cells of a line in which quotes mean nothing."""
    text = line.rstrip("\r\n")
    return [cell.lstrip(" ") for cell in text.split(delimiter)] if text else []


def _delimiters(source: Source) -> Sequence[str]:
    if source.suffix in _SMI:
        return "\t", " ", ",", ";", "|"
    return ",", "\t", ";", "|", " "


def _reading(source: Source, delimiter: str, wanted: str | int | None, header: bool | None) -> _Reading:
    sampled = _rows(io.StringIO(_head_text(source), newline=""), delimiter, source)
    rows = [cells for _, cells in islice(sampled, _SAMPLED_ROWS)] or [[]]
    body = _columns(rows[1:])
    if header is None:
        named = isinstance(wanted, str) and wanted.strip().casefold() in [cell.strip().casefold() for cell in rows[0]]
        header = named or _begins_with_header(rows[0], body)
    samples = body if header else _columns(rows)
    width = max(len(samples), len(rows[0]))
    samples += [[] for _ in range(width - len(samples))]
    names = unique((rows[0] if header else []) + [""] * (width - (len(rows[0]) if header else 0)))
    choice = choose(names if header else None, samples) if wanted is None else _asked_for(wanted, names, samples)
    widths = Counter(map(len, rows))
    return _Reading(delimiter, header, names, rows[0], samples, choice, max(widths.values()) / len(rows))


def _head_text(source: Source) -> str:
    text = source.head.decode(source.encoding, "replace")
    if len(source.head) < HEAD_BYTES:
        return text
    cut = max(text.rfind("\n"), text.rfind("\r"))
    return text[: cut + 1] or text


def _columns(rows: list[list[str]]) -> list[list[str]]:
    return [list(column) for column in zip_longest(*rows, fillvalue="")]


def _asked_for(wanted: str | int, names: tuple[str, ...], samples: list[list[str]]) -> Choice | None:
    try:
        index = resolve(wanted, names, "")
    except InputError:
        return None
    trial = choose(None, [samples[index]])
    return Choice(index, "as asked", trial.score if trial is not None else 0.0)


def _begins_with_header(first: list[str], body: list[list[str]]) -> bool:
    smiles = choose(None, body)
    if smiles is None or smiles.index >= len(first):
        return any(is_smiles_name(cell) for cell in first)
    cell = first[smiles.index].strip()
    if is_smiles_name(cell):
        return True
    if not is_missing(cell):
        # What begins with SMILES symbols is a molecule, if perhaps a broken one; no row must vanish as a header.
        return not looks_like_smiles(re.split(r"[\s,;|]", cell, maxsplit=1)[0]) or cell.isdecimal()
    others = numeric_columns(body, without=smiles.index)
    return any(math.isnan(number(first[place])) and not is_missing(first[place]) for place in others[: len(first)])


def _listed(cells: list[str]) -> str:
    return ", ".join(repr(cell[:30]) for cell in cells[:8]) + (", ..." if len(cells) > 8 else "")
