"""Numbers as people write them: with a decimal point or comma, and with thousands separators."""

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
_UNKNOWN = "?"
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_WHOLE = re.compile(r"[-+]?[0-9]+")
_MAX_EXACT = 2**53  # larger whole numbers are not exact as floats


def is_missing(text: str) -> bool:
    """Whether a cell is empty or means that there is no value, such as NA."""
    return text.strip().lower() in _MISSING


def is_code(text: str) -> bool:
    """Whether digits are a code that a float would not preserve: leading zeros (007), or too many digits.

    >>> [text for text in ("007", "0", "0.5", "12345678901234567891", "12345678") if is_code(text)]
    ['007', '12345678901234567891']
    """
    plain = text.strip()
    if _LEADING_ZERO.match(plain):
        return True
    return len(plain) > 15 and _WHOLE.fullmatch(plain) is not None and (len(plain) > 18 or abs(int(plain)) > _MAX_EXACT)


def number(text: str, grouping: str = "") -> float:
    """Read a number; NaN if the text is not a finite number.

    Args:
        text: a cell.
        grouping: the thousands separator, from the function `grouping`; "" for none, then a point or a single comma is
            the decimal sign.

    >>> number("1,5"), number("1,250", ","), number("1.250,5", "."), number("0,5", ",")
    (1.5, 1250.0, 1250.5, nan)
    """
    if grouping == _UNKNOWN:
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
    """Find out the thousands separator of a column.

    1,250,000 and 1,250.5 are clear. 1,250 is not: in a comma-separated file, where a decimal comma is unlikely, it
    means 1250, unless another cell such as 0,125 or 1,5 has a decimal comma. In other files it means 1.25.

    Args:
        values: a sample of the column.
        delimiter: the delimiter of the file.

    Returns:
        ",", "." or "" for none; "?" if the sample has no commas but later cells may: then 1,250 is 1250, 1,5 is 1.5.

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
    return _UNKNOWN if not with_comma else "," if all(map(_GROUPED[","].fullmatch, with_comma)) else ""


def grouped_example(values: Sequence[str], sign: str) -> str:
    """The first value with thousands separators; "" if there is none."""
    pattern = _GROUPED.get(sign)
    return next((value.strip() for value in values if pattern is not None and pattern.fullmatch(value.strip())), "")
