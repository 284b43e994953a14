"""What a command writes to stdout and stderr, and how it ends."""

from __future__ import annotations

import functools
import inspect
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from rich.console import Console
from rich.text import Text

from molvae.errors import InputError, MolVAEError, printable
from molvae.runtime.distributed import is_main
from molvae.storage.files import finite

__all__ = [
    "command",
    "console",
    "exit_resumable",
    "print_json",
    "print_result",
    "print_status",
    "results_only",
    "writable",
]


@functools.cache
def console() -> Console:
    """The console on stderr. Of several processes of one job only the main one prints."""
    return Console(stderr=True, highlight=False, quiet=not is_main())


def print_status(text: str, style: str = "") -> None:
    """Print to stderr. Square brackets are printed as they are: in SMILES they are no markup."""
    # On a terminal, lines break between words; in a file or a pipe they do not break at all.
    console().print(Text(printable(text), style=style), soft_wrap=not console().is_terminal)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command: errors become one message and exit code 1, Ctrl-C becomes exit code 130.

    The docstring of the function is its help. Line breaks inside a paragraph are removed, since the terminal breaks
    the lines.
    """

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            function(*args, **kwargs)
            return
        except MolVAEError as error:
            message = str(error)
        except MemoryError:
            message = "not enough memory; close other programs, or use fewer molecules"
        except ImportError as error:
            if str(error.name).partition(".")[0] == "molvae":
                raise
            message = f"a library cannot be loaded ({error}); close other programs, or install molvae again"
        except KeyboardInterrupt:
            print_status("interrupted")
            raise SystemExit(130) from None
        print_status(f"error: {message}", "bold red")
        raise SystemExit(1)

    run.__doc__ = re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.getdoc(function) or "")
    return run


def exit_resumable(error: BaseException, command_line: str) -> NoReturn:
    """Print an error or an interruption of work that can be continued, and the command that continues it; then exit."""
    interrupted = isinstance(error, KeyboardInterrupt)
    print_status("interrupted" if interrupted else f"error: {error}", "" if interrupted else "bold red")
    print_status(f"nothing is lost; continue with: {command_line}")
    raise SystemExit(130 if interrupted else 1) from None


def writable(text: str) -> str:
    """The text, with escapes for characters that the encoding of stdout cannot represent."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def print_result(text: str) -> None:
    """Write to stdout at once, with escapes for characters that its encoding cannot represent.

    Raises:
        InputError: stdout cannot be written to, for example because the disk is full.
        SystemExit: the reader of the pipe has stopped (molvae sample | head). This is not an error.
    """
    if sys.stdout is None:
        raise InputError("the result cannot be written: standard output is closed")
    try:
        sys.stdout.write(writable(text))
        sys.stdout.flush()
    except OSError as error:
        sys.stdout = None  # Python would try to flush again at exit, and print a traceback
        if isinstance(error, BrokenPipeError):
            raise SystemExit(1) from None
        raise InputError(f"the result cannot be written: {error.strerror or error}") from None


def print_json(value: Any) -> None:
    """Write a value to stdout as JSON, with null for NaN and infinities; raises as `print_result`."""
    print_result(json.dumps(finite(value), indent=1) + "\n")


@contextmanager
def results_only() -> Iterator[None]:
    """Redirect to stderr what a user's function, and the programs it starts, write to stdout."""
    if sys.stdout is None or sys.stderr is None:  # closed: another file may have its number now
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
