"""Every error that molvae raises on purpose.

    MolVAEError
    ├── InputError       a file, a column or a molecule that cannot be used
    │   └── TokenError   a SMILES with a token that cannot be read or is unknown, with a caret under it
    ├── ConfigError      a setting that is out of range or contradicts another
    ├── ModelError       a model or run folder that is missing, truncated or foreign
    └── SamplingError    a model that cannot produce what was asked for

A message says what is wrong, where, and what to do, in a sentence that a chemist can act on. The command line prints
it without a traceback and ends with exit code 1.
"""

from __future__ import annotations

import unicodedata

__all__ = [
    "ConfigError",
    "InputError",
    "ModelError",
    "MolVAEError",
    "SamplingError",
    "TokenError",
    "pluralize",
    "printable",
]

_LONGEST_LINE, _MOST_LINES = 600, 30
_UNPRINTED = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, formats such as right-to-left marks, surrogates, line ends


_AROUND = 200  # characters of a SMILES that are shown before and behind a bad one


class MolVAEError(Exception):
    """Base of all errors raised on purpose. Its message is printable, whatever a file has brought into it.

    >>> try:
    ...     raise InputError("no.csv does not exist")
    ... except MolVAEError as error:
    ...     print(error)
    no.csv does not exist
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


class InputError(MolVAEError):
    """A file, a column or a molecule that cannot be used."""


class TokenError(InputError):
    """A SMILES with a token that cannot be read or that the vocabulary lacks; the message points at it with a caret.

    Args:
        smiles: the string as given.
        position: index of the first character of the token.
        reason: what is wrong with it.
    """

    def __init__(self, smiles: str, position: int, reason: str) -> None:
        self.smiles = smiles
        self.position = position
        self.reason = reason
        begin = max(0, position - _AROUND)
        before = "..." if begin else ""
        shown = before + smiles[begin : position + _AROUND] + ("..." if position + _AROUND < len(smiles) else "")
        # One character each, so that the caret stands where it should.
        shown = "".join(one if one.isprintable() else "?" for one in shown)
        super().__init__(f"{reason}\n  {shown}\n  {' ' * (len(before) + position - begin)}^")

    def __reduce__(self) -> tuple[type[TokenError], tuple[str, int, str]]:
        # The default pickling of exceptions would call __init__ with the message alone, in a worker process.
        return type(self), (self.smiles, self.position, self.reason)


class ConfigError(MolVAEError):
    """A setting that is out of range or contradicts another."""


class ModelError(MolVAEError):
    """A model or run folder that is missing, truncated or foreign."""


class SamplingError(MolVAEError):
    """A model that cannot produce what was asked for."""


def pluralize(n: int, noun: str) -> str:
    """A number with its noun, in the plural where it must be.

    >>> pluralize(1, "molecule"), pluralize(50_000, "molecule")
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
