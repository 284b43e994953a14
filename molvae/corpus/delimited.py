"""Delimited text (csv, tsv, smi and similar): find the delimiter, the header and the SMILES column; read the rows.

The start of the file is read with every possible delimiter; the one with which a column holds the clearest SMILES wins.

A quote that is never closed makes the csv module join the following lines into one cell. Such a row is recognized: its
first line becomes a row of its own, and the other lines are read again.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any, Literal

from molvae.corpus.columns import (
    SAMPLE,
    Choice,
    choose,
    is_smiles_name,
    looks_like_smiles,
    numeric_columns,
    resolve,
    unique,
)
from molvae.corpus.numbers import is_missing, number
from molvae.corpus.sources import HEAD_BYTES, Source
from molvae.errors import InputError

__all__ = ["Layout", "Record", "full_records", "layout_of", "records", "rows_of"]

_SMILES_SUFFIXES = frozenset({".smi", ".smiles", ".ism", ".can"})  # quotes mean nothing here, and '#' starts a comment
_MAX_CELL = 1 << 24  # characters; a quote that is never closed makes one cell of the rest of the file

Record = tuple[int, str, list[float]]
"""Row number, text of the SMILES cell, values of the numeric columns."""

_SPELLED = {",": "comma-separated", "\t": "tab-separated", " ": "space-separated"}
_SAMPLED_ROWS = 2 * SAMPLE
_TITLE_ROWS = 10  # at most so many rows stand above the header
_SEP_LINE = re.compile(r'"?sep=([^\w"\r\n])"?[^\w\r\n]*(?:\r\n?|\n)', re.IGNORECASE)  # as Excel writes it


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read a file.

    Attributes:
        columns: the names of the columns, all distinct.
        smiles: 0-based index of the SMILES column; -1 if SMILES come from mol blocks.
        numeric: 0-based indices of the numeric columns to read.
        sentence: a description for the user.
        delimiter: the delimiter between cells; " " means any white space.
        header: whether the first row holds the names.
        types: the Arrow type of each column of a Parquet file; empty for text.
        grouping: the thousands separator of each column, as in `molvae.corpus.numbers.number`; empty for Parquet.
        codes: those of `numeric` that hold codes such as 007, which a number would not preserve.
        first_line: the line of the first row; above it are a title or a line like sep=;
    """

    columns: tuple[str, ...]
    smiles: int
    numeric: tuple[int, ...]
    sentence: str
    delimiter: str = ","
    header: bool = True
    types: tuple[Any, ...] = ()
    grouping: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    first_line: int = 1


@dataclass(frozen=True, slots=True)
class _Reading:
    delimiter: str
    header: bool
    first_line: int
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
        InputError: there are no rows, no column holds SMILES, or the requested column does not exist.
    """
    text = _head_text(source)
    sep_line = _SEP_LINE.match(text)
    top, delimiters = (2, [sep_line[1]]) if sep_line is not None else (1, _delimiters(source))
    readings = [_reading(source, text, delimiter, smiles_column, header, top) for delimiter in delimiters]
    found = [one for one in readings if one.choice is not None]
    best = max(found or readings, key=lambda one: one.rank)
    if not any(best.samples):
        raise InputError(f"{source.name} holds {'a header but ' * best.header}no rows")
    if smiles_column is not None and best.choice is None:
        resolve(smiles_column, best.names, source.name)
    if best.choice is None:
        raise InputError(
            f"{source.name}: no column holds SMILES (its first row is {_listed(best.first)}); "
            "name the column with smiles_column (--smiles-column), or check the file"
        )
    columns, index = best.names, best.choice.index
    numeric = numeric_columns(best.samples, best.delimiter, without=index)
    separated = "one column" if len(columns) == 1 else _SPELLED.get(best.delimiter, f"'{best.delimiter}'-separated")
    place = f"column {columns[index]!r}" if best.header else f"column {index + 1}, no header"
    below = f"; line {best.first_line} is the header" if best.first_line > top else ""
    return Layout(
        columns=columns,
        smiles=index,
        numeric=numeric.columns,
        sentence=f"{source.name}: {separated}, {source.encoding_name}, SMILES in {place} ({best.choice.how})"
        f"{below}{numeric.describe(columns)}",
        delimiter=best.delimiter,
        header=best.header,
        grouping=numeric.grouping,
        codes=numeric.codes,
        first_line=best.first_line,
    )


def records(source: Source, layout: Layout) -> Iterator[Record]:
    """Read the rows that `rows_of` finds, one by one. The SMILES of a row that is too short is "".

    Raises:
        InputError: the file is truncated, or a cell is too long.
    """
    smiles, numeric = layout.smiles, [(place, layout.grouping[place]) for place in layout.numeric]
    for line, cells in _rows(source, layout):
        width = len(cells)
        numbers = [number(cells[place], sign) if place < width else math.nan for place, sign in numeric]
        yield line, cells[smiles] if smiles < width else "", numbers


def full_records(source: Source, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Read the rows as `records` does, with all columns.

    Missing cells are "". Extra cells are appended to the last one, with the delimiter between them.
    """
    width = len(layout.columns)
    for line, cells in _rows(source, layout):
        if len(cells) > width:
            cells = [*cells[: width - 1], layout.delimiter.join(cells[width - 1 :])]
        yield line, cells + [""] * (width - len(cells))


def _rows(source: Source, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    with source.lines() as text:
        yield from islice(rows_of(text, layout.delimiter, source, layout.first_line), int(layout.header), None)


def _delimiters(source: Source) -> Sequence[str]:
    if source.suffix in _SMILES_SUFFIXES:
        return "\t", " ", ",", ";", "|"
    return ",", "\t", ";", "|", " "


def _reading(
    source: Source, text: str, delimiter: str, wanted: str | int | None, header: bool | None, first_line: int
) -> _Reading:
    sampled = rows_of(io.StringIO(text, newline=""), delimiter, source, first_line)
    numbered = list(islice(sampled, _SAMPLED_ROWS))
    rows = [cells for _, cells in numbered] or [[]]
    if header is None and (below := _place_of_header(rows, wanted)):
        return _reading(source, text, delimiter, wanted, True, numbered[below][0])
    body = _columns(rows[1:])
    if header is None:
        header = any(_is_asked_for(cell, wanted) for cell in rows[0]) or _begins_with_header(rows[0], body, delimiter)
    samples = body if header else _columns(rows)
    width = max(len(samples), len(rows[0]))
    samples += [[] for _ in range(width - len(samples))]
    names = unique((rows[0] if header else []) + [""] * (width - (len(rows[0]) if header else 0)))
    choice = choose(names if header else None, samples) if wanted is None else _asked_for(wanted, names, samples)
    evenness = max(Counter(map(len, rows)).values()) / len(rows)
    return _Reading(delimiter, header, first_line, names, rows[0], samples, choice, evenness)


def _is_asked_for(cell: str, wanted: str | int | None) -> bool:
    return isinstance(wanted, str) and cell.strip().casefold() == wanted.strip().casefold()


def _place_of_header(rows: Sequence[list[str]], wanted: str | int | None) -> int:
    """The index of a header row below a title; 0 if the first row is the header, or there is none."""
    for place, cells in enumerate(rows[1 : 1 + _TITLE_ROWS], start=1):
        heads = [index for index, cell in enumerate(cells) if is_smiles_name(cell) or _is_asked_for(cell, wanted)]
        if not heads:
            continue
        asked = [index for index in heads if _is_asked_for(cells[index], wanted)]
        choice = choose(cells, _columns(rows[place + 1 :]))
        index = asked[0] if asked else choice.index if choice is not None else -1
        if index in heads and all(_is_title(above, cells, index, wanted) for above in rows[:place]):
            return place
    return 0


def _is_title(above: Sequence[str], header: Sequence[str], index: int, wanted: str | int | None) -> bool:
    """Whether a row above a header is neither a molecule nor another header."""
    if index >= len(above):
        return True
    if choose(None, [[above[index]]]) is not None:
        return False
    fuller = sum(map(bool, above)) < sum(map(bool, header))
    return fuller or not (is_smiles_name(above[index]) or _is_asked_for(above[index], wanted))


def _head_text(source: Source) -> str:
    text = source.head.decode(source.encoding, "replace")
    if len(source.head) < HEAD_BYTES:
        return text
    cut = max(text.rfind("\n"), text.rfind("\r"))
    return text[: cut + 1] or text


def _columns(rows: Sequence[list[str]]) -> list[list[str]]:
    return [list(column) for column in zip_longest(*rows, fillvalue="")]


def _asked_for(wanted: str | int, names: tuple[str, ...], samples: list[list[str]]) -> Choice | None:
    try:
        index = resolve(wanted, names, "")
    except InputError:
        return None
    trial = choose(None, [samples[index]])
    return Choice(index, "as asked", trial.score if trial is not None else 0.0)


def _begins_with_header(first: list[str], body: list[list[str]], delimiter: str) -> bool:
    smiles = choose(None, body)
    if smiles is None or smiles.index >= len(first):
        return any(is_smiles_name(cell) for cell in first)
    cell = first[smiles.index].strip()
    if is_smiles_name(cell):
        return True
    if not is_missing(cell):
        # A cell that begins with SMILES symbols may be an invalid molecule: do not lose it as a header.
        return not looks_like_smiles(re.split(r"[\s,;|]", cell, maxsplit=1)[0]) or cell.isdecimal()
    numeric = numeric_columns(body, delimiter, without=smiles.index)
    heads = [(first[place], numeric.grouping[place]) for place in numeric.columns if place < len(first)]
    return any(math.isnan(number(head, sign)) and not is_missing(head) for head, sign in heads)


def _listed(cells: list[str]) -> str:
    return ", ".join(repr(cell[:30]) for cell in cells[:8]) + (", ..." if len(cells) > 8 else "")


def rows_of(
    texts: Iterable[str], delimiter: str, source: Source, first_line: int = 1
) -> Iterator[tuple[int, list[str]]]:
    """Read the rows, each with the number of the line on which it begins, from 1.

    Blank lines are skipped, but a line with "" is a row. In SMILES files, and if white space separates the cells, a
    line that begins with '#' is a comment if it stands before the first row, if a space or nothing follows the '#', or
    if it has another number of cells than the first row.

    Args:
        texts: the lines of the file with their line ends.
        delimiter: the delimiter between cells; " " means any white space.
        source: the file.
        first_line: lines above it are skipped.

    Raises:
        InputError: a cell is too long.
    """
    comments = source.suffix in _SMILES_SUFFIXES or delimiter == " "
    lines = _Lines(islice(texts, first_line - 1, None), first_line)
    width = 0
    for line, cells in _split_at_space(lines) if delimiter == " " else _split_by_csv(lines, delimiter, source):
        if comments and cells[0].startswith("#") and (len(cells) != width or not cells[0][1:2].strip()):
            continue
        width = width or len(cells)
        yield line, cells


class _Lines:
    """An iterator over lines that keeps the lines of the current row, so that all but the first can be read again.

    Attributes:
        held: the lines of the current row.
        first: the number of its first line.
        ended: whether the text ended inside the row.
    """

    def __init__(self, texts: Iterable[str], first: int = 1) -> None:
        self._texts = iter(texts)
        self._again: deque[str] = deque()
        self._alone = 0
        self.held: list[str] = []
        self.first = first
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        text = None
        if not (self.held and self._alone):
            text = self._again.popleft() if self._again else next(self._texts, None)
        if text is None:
            self.ended = True
            raise StopIteration
        self.held.append(text)
        return text

    def next_row(self, kept: int | None = None, *, alone: int = 0) -> None:
        """Start the row after the first `kept` lines (default: all); the next `alone` rows have one line each."""
        if kept is None:
            kept = len(self.held)
        else:
            self._again.extendleft(reversed(self.held[kept:]))
        self._alone = max(alone, self._alone - 1)
        self.first += kept
        self.held.clear()
        self.ended = False


def _split_at_space(lines: _Lines) -> Iterator[tuple[int, list[str]]]:
    for text in lines:
        if cells := text.split():
            yield lines.first, cells
        lines.next_row()


def _split_by_csv(lines: _Lines, delimiter: str, source: Source) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_CELL))
    quoting: Literal[0, 3] = csv.QUOTE_NONE if source.suffix in _SMILES_SUFFIXES else csv.QUOTE_MINIMAL
    width = 0
    try:
        for cells in csv.reader(lines, delimiter=delimiter, quoting=quoting, skipinitialspace=True):
            held = lines.held
            stray = lines.ended or (len(held) > 1 and _holds_rows(held, cells, delimiter, width))
            if stray:
                cells, _ = _alone(held[0], delimiter)
            if len(cells) > 1 or held[0].strip():
                width = width or len(cells)
                yield lines.first, cells
            # Every line but the last ended inside quotes. A row that starts on one of them with a stray quote would end
            # where this row ended, so most of them are known to be single lines: no line is read more than a few times.
            if lines.ended:
                lines.next_row(1, alone=len(held) - 1)
            elif stray:
                lines.next_row(1, alone=max(place for place, text in enumerate(held[:-1]) if text.strip()) - 1)
            else:
                lines.next_row()
    except csv.Error as error:
        raise InputError(f"{source.name}, line {lines.first}: {error}; check for an unbalanced quote") from error


def _holds_rows(held: Sequence[str], cells: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether lines that were read as one row are several rows, joined by a stray quote.

    Args:
        held: the lines, at least two.
        cells: the cells that they were read as.
        delimiter: the delimiter between cells.
        width: the number of cells in the first row; 0 if this is the first row.
    """
    if width == 1:
        return len(cells) == 1  # a SMILES never has several lines
    width = width or len(cells)
    *before, last = (text for text in held if text.strip())
    proper = _is_proper(held, delimiter, width)
    # A stray quote can hide delimiters of the first line, or add some.
    if width == 1 or any(len(_alone(text, delimiter)[0]) != width for text in before[not proper :]):
        return False
    between = len(before) > 1
    own, is_open = _alone(last, delimiter)
    # The last line may begin a cell with a real line break.
    if len(own) != width and not (is_open and between):
        return False
    return between or not proper


def _is_proper(held: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether the lines are one well-formed row: unquoted cells contain no quotes."""
    between = re.escape(delimiter)
    cell = rf'(?: *"(?:[^"]++|"")*+"|[^"\r\n{between}]*+)'
    return re.fullmatch(rf"{cell}(?:{between}{cell}){{{width - 1}}}[\r\n]*", "".join(held)) is not None


def _alone(line: str, delimiter: str) -> tuple[list[str], bool]:
    """The cells of a single line, and whether it ends inside quotes; quotes after an open quote are ordinary text."""
    lines = _Lines([line])
    cells = next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True), [])
    if not lines.ended:
        return cells, False
    rest = '"' + cells.pop().replace('"', '""').rstrip("\r\n")
    return cells + [cell.lstrip(" ") for cell in rest.split(delimiter)], True
