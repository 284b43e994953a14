"""The lines of delimited text as rows of cells; a stray quote joins no rows.

A quote at the begin of a cell that nobody closes makes the csv module swallow the lines up to the next quote. Such a
row is found, its first line is taken as it stands, and the others are read again.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal

from molvae.corpus.sources import Source
from molvae.errors import InputError

__all__ = ["SMILES_SUFFIXES", "rows_of"]

SMILES_SUFFIXES = frozenset({".smi", ".smiles", ".ism", ".can"})
"""Extensions of files in which a quote is a character like any other, and '#' may begin a comment."""

# A quote that is never closed makes one cell of the rest of the file; this is where to stop.
_LONGEST_CELL = 1 << 24


def rows_of(
    texts: Iterable[str], delimiter: str, source: Source, first_line: int = 1
) -> Iterator[tuple[int, list[str]]]:
    """Read the rows, each with the line of the file on which it begins, from 1.

    Blank lines are no rows; a line with "" is one. In SMILES files, and where cells are parted by white space, a line
    that begins with '#' is a comment before the first row, where a blank follows the '#' or nothing does, and where it
    has another number of cells than the first row.

    Args:
        texts: the lines of the file, with their ends.
        delimiter: between cells; " " stands for any white space.
        source: the file.
        first_line: what stands above it is left out.

    Raises:
        InputError: a cell is beyond all measure.
    """
    comments = source.suffix in SMILES_SUFFIXES or delimiter == " "
    lines = _Lines(islice(texts, first_line - 1, None), first_line)
    width = 0
    for line, cells in _split_at_space(lines) if delimiter == " " else _split_by_csv(lines, delimiter, source):
        if comments and cells[0].startswith("#") and (len(cells) != width or not cells[0][1:2].strip()):
            continue
        width = width or len(cells)
        yield line, cells


class _Lines:
    """The lines of a text, remembered while a row is read from them; all but its first can be read again.

    Attributes:
        held: the lines of the present row.
        first: the number of the first of them.
        ended: whether the row wanted a line more than there is.
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
        """Go on to the row behind the first `kept` lines, of all by default; `alone` rows are of one line each."""
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
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    quoting: Literal[0, 3] = csv.QUOTE_NONE if source.suffix in SMILES_SUFFIXES else csv.QUOTE_MINIMAL
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
            # Within the row every line ends inside quotes: a row that begins on one of them, and is not over with it,
            # would end where this one did. Of most it is known thus that they began with a stray quote, too, and no
            # line is read more than a few times.
            if lines.ended:
                lines.next_row(1, alone=len(held) - 1)
            elif stray:
                lines.next_row(1, alone=max(place for place, text in enumerate(held[:-1]) if text.strip()) - 1)
            else:
                lines.next_row()
    except csv.Error as error:
        raise InputError(f"{source.name}, line {lines.first}: {error}; is there an unbalanced quote?") from error


def _holds_rows(held: Sequence[str], cells: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether some lines that were read as one row are rows, so that a line break in a cell cannot explain them.

    Args:
        held: the lines, two at least.
        cells: what they were read as.
        delimiter: between cells.
        width: the number of cells of the first row; 0 if this is the first row.
    """
    if width == 1:
        return len(cells) == 1  # a SMILES is never of several lines
    width = width or len(cells)
    *before, last = (text for text in held if text.strip())
    proper = _is_proper(held, delimiter, width)
    # The stray quote may have hidden delimiters of the first line, or shown some.
    if width == 1 or any(len(_alone(text, delimiter)[0]) != width for text in before[not proper :]):
        return False
    between = len(before) > 1
    own, is_open = _alone(last, delimiter)
    # The last line may be the begin of a cell with a true line break.
    if len(own) != width and not (is_open and between):
        return False
    return between or not proper


def _is_proper(held: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether lines are one row as a program would have written it: no quote stands in a cell without quotes."""
    between = re.escape(delimiter)
    cell = rf'(?: *"(?:[^"]++|"")*+"|[^"\r\n{between}]*+)'
    return re.fullmatch(rf"{cell}(?:{between}{cell}){{{width - 1}}}[\r\n]*", "".join(held)) is not None


def _alone(line: str, delimiter: str) -> tuple[list[str], bool]:
    """The cells of a line by itself, and whether it ends inside quotes; of such a quote on quotes mean nothing."""
    lines = _Lines([line])
    cells = next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True), [])
    if not lines.ended:
        return cells, False
    rest = '"' + cells.pop().replace('"', '""').rstrip("\r\n")
    return cells + [cell.lstrip(" ") for cell in rest.split(delimiter)], True
