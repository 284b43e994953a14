"""The errors that molvae raises on purpose.

    MolVAEError
    ├── InputError       an unusable file, column or molecule
    │   └── TokenError   a SMILES with an invalid or unknown token, with a caret under it
    ├── ConfigError      a setting out of range or in conflict with another
    ├── ModelError       a missing, truncated or invalid model or run folder
    └── SamplingError    a model that cannot produce the requested molecules

A message says what is wrong, where, and what to do. The command line prints it without a traceback and exits with
code 1.
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

_MAX_LINE, _MAX_LINES = 600, 30
_NOT_PRINTED = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, formats such as right-to-left marks, surrogates, line ends
_CONTEXT = 200  # characters of a SMILES shown before and after an invalid one


class MolVAEError(Exception):
    """Base of these errors. Its message is always printable, whatever text of a file it contains.

    >>> try:
    ...     raise InputError("no.csv does not exist")
    ... except MolVAEError as error:
    ...     print(error)
    no.csv does not exist
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


class InputError(MolVAEError):
    """An unusable file, column or molecule."""


class TokenError(InputError):
    """A SMILES with an invalid token, or one that is not in the vocabulary; a caret in the message points at it.

    Args:
        smiles: the whole string.
        position: index of the first character of the token.
        reason: what is wrong with the token.
    """

    def __init__(self, smiles: str, position: int, reason: str) -> None:
        self.smiles = smiles
        self.position = position
        self.reason = reason
        begin = max(0, position - _CONTEXT)
        before = "..." if begin else ""
        shown = before + smiles[begin : position + _CONTEXT] + ("..." if position + _CONTEXT < len(smiles) else "")
        # One character each, so that the caret stays in place.
        shown = "".join(one if one.isprintable() else "?" for one in shown)
        super().__init__(f"{reason}\n  {shown}\n  {' ' * (len(before) + position - begin)}^")

    def __reduce__(self) -> tuple[type[TokenError], tuple[str, int, str]]:
        # By default a worker process would unpickle the error from its message alone.
        return type(self), (self.smiles, self.position, self.reason)


class ConfigError(MolVAEError):
    """A setting out of range or in conflict with another."""


class ModelError(MolVAEError):
    """A missing, truncated or invalid model or run folder."""


class SamplingError(MolVAEError):
    """A model that cannot produce the requested molecules."""


def pluralize(n: int, noun: str) -> str:
    """A number with its noun in the singular or plural.

    >>> pluralize(1, "molecule"), pluralize(50_000, "molecule")
    ('1 molecule', '50,000 molecules')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def printable(text: str) -> str:
    """Shorten a message to fit a screen, and escape its control characters.

    >>> printable("a\\x1b[31mb"), len(printable("C" * 20_000)) < 700
    ('a\\\\x1b[31mb', True)
    """
    lines = [_shortened(line) for line in text.split("\n", _MAX_LINES)]
    if len(lines) > _MAX_LINES:
        lines[_MAX_LINES:] = ["..."]
    return "\n".join(lines)


def _shortened(line: str) -> str:
    if len(line) > _MAX_LINE:
        line = f"{line[: _MAX_LINE // 2]} ... {line[-_MAX_LINE // 2 :]}"
    if line.isprintable():
        return line
    return "".join(
        one if unicodedata.category(one) not in _NOT_PRINTED or one == "\t" else one.encode("unicode_escape").decode()
        for one in line
    )
