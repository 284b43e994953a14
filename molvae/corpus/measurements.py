"""What a measured column contains: types, units and relations, as ChEMBL names them; and whether it needs logarithms.

An export of ChEMBL has one column of values for IC50, inhibition in per cent and half-lives in hours. A column beside
it says which is which, and another one holds the ``>`` of a value that is only a bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from molvae.corpus.columns import plain_name
from molvae.corpus.numbers import is_missing
from molvae.errors import pluralize

if TYPE_CHECKING:
    from molvae.corpus.reading import Table

__all__ = ["Measurement", "is_bound", "logarithms", "measurement_of", "relation_column", "wide_range"]

# In order of preference: ChEMBL's standardized columns come before those that the authors filled in.
_TYPES = ("standardtype", "activitytype", "type")
_UNITS = ("standardunits", "standardunit", "units", "unit")
_RELATIONS = ("standardrelation", "relation", "qualifier")
_EXACT = frozenset({"", "=", "=="})
_SHOWN = 4  # kinds of a column that are listed
_WIDE = 1_000.0  # ratio of the largest to the smallest value, above which logarithms are recommended


def relation_column(columns: Sequence[str]) -> str | None:
    """The column that says whether a value is exact (=) or a bound (>, <); None without one."""
    return _found(columns, _RELATIONS)


def is_bound(relation: Any) -> bool:
    """Whether a cell of the relation column says that the value is not exact; ChEMBL writes '=' with quotes."""
    text = str(relation).strip().strip("'\"").strip()
    return relation is not None and not is_missing(text) and text not in _EXACT


@dataclass(frozen=True)
class Measurement:
    """A measured column, and the columns of type, unit and relation that belong to it.

    Attributes:
        column: its name.
        kinds: for each of these columns how often each text occurs beside a number.
        relation: the name of the relation column; None without one.
        bounds: numbers that are bounds.
    """

    column: str
    kinds: dict[str, Counter[str]]
    relation: str | None
    bounds: int

    def describe(self) -> str:
        """One line about what is in the column."""
        parts = [f"{name} {_listed(counts)}" for name, counts in self.kinds.items()]
        left_out = f"; {pluralize(self.bounds, 'value')} with a relation other than = left out" if self.bounds else ""
        return f"{self.column}: {'; '.join(parts)}{left_out}"

    def warning(self) -> str | None:
        """A warning if the column has several types or units, with an expression that chooses the most frequent."""
        mixed = {name: counts for name, counts in self.kinds.items() if len(counts) > 1 and name != self.relation}
        if not mixed:
            return None
        terms = [f"`{name}` == {counts.most_common(1)[0][0]!r}" for name, counts in mixed.items()]
        several = " and of ".join(mixed)
        return f'{self.column} mixes several values of {several}; choose rows, such as --where "{" and ".join(terms)}"'


def measurement_of(table: Table, column: str) -> Measurement | None:
    """What the rows of a table say about a measured column; None for a pipe, and without such columns."""
    relation = relation_column(table.columns)
    names = [_found(table.columns, _TYPES), _found(table.columns, _UNITS), relation]
    there = [name for name in names if name is not None and name not in (column, table.smiles_column)]
    if table.file is None or not there:
        return None
    counts: dict[str, Counter[str]] = {name: Counter() for name in there}
    place, bounds = table.columns.index(column), 0
    for _, _, cells in table.full_records():
        if not table.is_number(column, cells[place]):
            continue
        for name in there:
            text = "" if (cell := cells[table.columns.index(name)]) is None else str(cell).strip()
            counts[name][text.strip("'\"") or "nothing"] += 1
        bounds += relation is not None and is_bound(cells[table.columns.index(relation)])
    return Measurement(column, counts, relation, bounds)


def wide_range(name: str, values: NDArray[np.float64], remedy: str) -> str | None:
    """A warning if positive values cover more than three powers of ten, as concentrations do; else None.

    Args:
        name: of the column.
        values: not finite where there is none.
        remedy: the option that takes logarithms, as text; "" for none.
    """
    known = values[np.isfinite(values)]
    if not len(known) or known.min() <= 0 or known.max() < _WIDE * known.min():
        return None
    return (
        f"{name} covers {np.log10(known.max() / known.min()):.1f} powers of ten, so its largest values dominate the "
        f"model; give logarithms, such as pIC50 for IC50{remedy and ', or ' + remedy}"
    )


def logarithms(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """log10 of each value; NaN where it is not above 0.

    >>> logarithms(np.array([100.0, 0.0, np.nan])).tolist()
    [2.0, nan, nan]
    """
    positive = values > 0
    return np.log10(values, where=positive, out=np.full(values.shape, np.nan))


def _found(columns: Sequence[str], names: Sequence[str]) -> str | None:
    there = {plain_name(column): column for column in reversed(columns)}
    return next((there[name] for name in names if name in there), None)


def _listed(counts: Counter[str]) -> str:
    shown = ", ".join(f"{text} ({times:,})" for text, times in counts.most_common(_SHOWN))
    return shown + (f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else "")
