"""Delimited text: csv, tsv, smi and their kin, as rows of cells with the line each begins on.

Finds the delimiter and whether there is a header by reading the head in every way and taking the reading in which
the SMILES are plainest.
"""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any

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
from molvae.corpus.rows import SMILES_SUFFIXES, rows_of
from molvae.corpus.sources import HEAD_BYTES, Source
from molvae.errors import InputError

__all__ = ["Layout", "Record", "full_records", "layout_of", "records"]

Record = tuple[int, str, list[float]]
"""Row number, text of the SMILES cell, values of the numeric columns."""

_SPELLED = {",": "comma-separated", "\t": "tab-separated", " ": "space-separated"}
_SAMPLED_ROWS = 2 * SAMPLE
_TITLE_ROWS = 10  # a header is looked for below so many rows
_TOLD_DELIMITER = re.compile(r'"?sep=([^\w"\r\n])"?[^\w\r\n]*(?:\r\n?|\n)', re.IGNORECASE)  # as Excel writes it


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
        grouping: what stands between thousands in each column, as `molvae.corpus.numbers.number` takes it; none for
            Parquet.
        codes: those of `numeric` whose texts say more than their numbers, such as 007.
        first_line: the line of the first row; what stands above is a title or says what the delimiter is.
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
        InputError: there are no rows, no column holds SMILES, or the column asked for is not there.
    """
    text = _head_text(source)
    told = _TOLD_DELIMITER.match(text)
    top, delimiters = (2, [told[1]]) if told is not None else (1, _delimiters(source))
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
        f"{below}{numeric.told(columns)}",
        delimiter=best.delimiter,
        header=best.header,
        grouping=numeric.grouping,
        codes=numeric.codes,
        first_line=best.first_line,
    )


def records(source: Source, layout: Layout) -> Iterator[Record]:
    """Read the rows, one by one.

    What is no row is said at `molvae.corpus.rows.rows_of`. A row that lacks the SMILES cell has "".

    Raises:
        InputError: the file breaks off, or a cell is beyond all measure.
    """
    smiles, numeric = layout.smiles, [(place, layout.grouping[place]) for place in layout.numeric]
    for line, cells in _rows(source, layout):
        width = len(cells)
        numbers = [number(cells[place], sign) if place < width else math.nan for place, sign in numeric]
        yield line, cells[smiles] if smiles < width else "", numbers


def full_records(source: Source, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Read the rows as `records` does, each with a cell for every column.

    What a row lacks is ""; what it has beyond the last column stands in its last cell, behind the delimiter.
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
    if source.suffix in SMILES_SUFFIXES:
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
    """Which of the first rows is a header below a title; 0 if the first is a header itself, or none is."""
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
    """Whether a row above a header is neither a molecule nor a header itself."""
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
        # What begins with SMILES symbols is a molecule, if perhaps a broken one; no row must vanish as a header.
        return not looks_like_smiles(re.split(r"[\s,;|]", cell, maxsplit=1)[0]) or cell.isdecimal()
    numeric = numeric_columns(body, delimiter, without=smiles.index)
    heads = [(first[place], numeric.grouping[place]) for place in numeric.columns if place < len(first)]
    return any(math.isnan(number(head, sign)) and not is_missing(head) for head, sign in heads)


def _listed(cells: list[str]) -> str:
    return ", ".join(repr(cell[:30]) for cell in cells[:8]) + (", ..." if len(cells) > 8 else "")
