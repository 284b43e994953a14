"""Numbers as people write them: with a decimal point or comma, and in groups of thousands.

Knows the texts of one column; does not know from what kind of file they come.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

__all__ = ["grouped_example", "grouping", "is_code", "is_missing", "number"]

_MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "?"})
_GROUPED = {
    ",": re.compile(r"[-+]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?"),
    ".": re.compile(r"[-+]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]*)?"),
}
_UNTOLD = "?"
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_WHOLE = re.compile(r"[-+]?[0-9]+")
_LARGEST = 2**53  # whole numbers up to here are exact as floats


def is_missing(text: str) -> bool:
    """Whether a cell says that there is no value."""
    return text.strip().lower() in _MISSING


def is_code(text: str) -> bool:
    """Whether a text of digits is more than its number: 007, or more digits than a float keeps.

    >>> [text for text in ("007", "0", "0.5", "12345678901234567891", "12345678") if is_code(text)]
    ['007', '12345678901234567891']
    """
    plain = text.strip()
    if _LEADING_ZERO.match(plain):
        return True
    return len(plain) > 15 and _WHOLE.fullmatch(plain) is not None and (len(plain) > 18 or abs(int(plain)) > _LARGEST)


def number(text: str, grouping: str = "") -> float:
    """Read a number; NaN for everything that is no finite number.

    Args:
        text: a cell.
        grouping: what stands between thousands, from the function of this name; by default nothing, and a point or a
            single comma is the decimal sign.

    >>> number("1,5"), number("1,250", ","), number("1.250,5", "."), number("0,5", ",")
    (1.5, 1250.0, 1250.5, nan)
    """
    if grouping == _UNTOLD:
        grouping = "," if _GROUPED[","].fullmatch(text.strip()) else ""
    if grouping and grouping in text:
        if _GROUPED[grouping].fullmatch(text.strip()) is None:
            return math.nan
        text = text.replace(grouping, "")
    try:
        value = float(text) if "_" not in text else math.nan
    except ValueError:
        try:
            value = float(text.replace(",", ".")) if text.count(",") == 1 and "." not in text else math.nan
        except ValueError:
            return math.nan
    return value if math.isfinite(value) else math.nan


def grouping(values: Sequence[str], delimiter: str) -> str:
    """Find out what stands between the thousands of a column.

    1,250,000 and 1,250.5 say it. 1,250 does not; in a file that is separated by commas, where a decimal comma would be
    in everybody's way, it is 1250 unless another cell says that the comma is a decimal one, as 0,125 and 1,5 do.

    Args:
        values: a sample of the column.
        delimiter: between the cells of the file.

    Returns:
        ",", "." or "" for nothing; "?" where the sample says nothing, but what comes may: 1,250 is 1250 and 1,5 is 1.5.

    >>> grouping(["850", "1,250"], ","), grouping(["0,125", "1,250"], ","), grouping(["850", "1,250"], ";")
    (',', '', '')
    """
    cells = [value.strip() for value in values]
    for sign, pattern in _GROUPED.items():
        other = "." if sign == "," else ","
        if any(pattern.fullmatch(cell) and (cell.count(sign) > 1 or other in cell) for cell in cells):
            return sign
    if delimiter != ",":
        return ""
    with_comma = [cell for cell in cells if "," in cell and not math.isnan(number(cell))]
    return _UNTOLD if not with_comma else "," if all(map(_GROUPED[","].fullmatch, with_comma)) else ""


def grouped_example(values: Sequence[str], sign: str) -> str:
    """The first text that `grouping` lets mean another number; "" if there is none."""
    pattern = _GROUPED.get(sign)
    return next((value.strip() for value in values if pattern is not None and pattern.fullmatch(value.strip())), "")
