"""Columns that hold numbers for the most part, and their cells that are none, such as '>10000' and 'n.d.'."""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice
from typing import Any

from molvae.corpus.columns import SAMPLE
from molvae.corpus.numbers import is_missing, number
from molvae.corpus.reading import Table

__all__ = ["alike", "cells_without_number", "mostly_numbers"]

_SHARE = 0.5


def mostly_numbers(table: Table) -> list[str]:
    """The columns of whose first cells that are there at least half are numbers.

    Args:
        table: of a pipe, which cannot be read twice, there are only its `numeric_columns`.
    """
    numeric = [name for name in table.numeric_columns if name != table.smiles_column]
    if table.file is None:
        return numeric
    rows = [cells for _, _, cells in islice(table.full_records(), SAMPLE)]
    found = []
    for place, name in enumerate(table.columns):
        there = [row[place] for row in rows if not _is_missing(row[place])]
        numbers = sum(_is_number(cell, table.grouping.get(name, "")) for cell in there)
        if name in numeric or (name != table.smiles_column and numbers and numbers >= _SHARE * len(there)):
            found.append(name)
    return found


def cells_without_number(table: Table, column: str) -> Counter[str]:
    """What stands in the cells of a column that are not empty, and no numbers; nothing is known of a pipe."""
    if table.file is None:
        return Counter()
    place, grouping = table.columns.index(column), table.grouping.get(column, "")
    cells = (row[place] for _, _, row in table.full_records())
    return Counter(str(cell).strip() for cell in cells if not (_is_missing(cell) or _is_number(cell, grouping)))


def alike(name: str, columns: list[str]) -> list[str]:
    """Those of some columns that a name may mean: it is a part of theirs, in any case."""
    return [column for column in columns if name.strip().casefold() in column.casefold()]


def _is_missing(cell: Any) -> bool:
    return (
        cell is None or (isinstance(cell, float) and math.isnan(cell)) or (isinstance(cell, str) and is_missing(cell))
    )


def _is_number(cell: Any, grouping: str) -> bool:
    return not math.isnan(number(cell, grouping)) if isinstance(cell, str) else isinstance(cell, int | float)
