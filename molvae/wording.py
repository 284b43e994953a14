"""Small words in messages."""

from __future__ import annotations

import unicodedata

__all__ = ["count", "printable"]

_LONGEST_LINE, _MOST_LINES = 600, 30
_UNPRINTED = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, formats such as right-to-left marks, surrogates, line ends


def count(n: int, noun: str) -> str:
    """A number with its noun, in the plural where it must be.

    >>> count(1, "molecule"), count(50_000, "molecule")
    ('1 molecule', '50,000 molecules')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def printable(text: str) -> str:
    """A message that fits on a screen and sends it no control characters, whatever a file has brought into it.

    >>> printable("a\\x1b[31mb"), len(printable("C" * 20_000)) < 700
    ('a\\\\x1b[31mb', True)
    """
    lines = [_shortened(line) for line in text.split("\n", _MOST_LINES)]
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = ["..."]
    return "\n".join(lines)


def _shortened(line: str) -> str:
    if len(line) > _LONGEST_LINE:
        line = f"{line[: _LONGEST_LINE // 2]} ... {line[-_LONGEST_LINE // 2 :]}"
    if line.isprintable():
        return line
    return "".join(
        one if unicodedata.category(one) not in _UNPRINTED or one == "\t" else one.encode("unicode_escape").decode()
        for one in line
    )
