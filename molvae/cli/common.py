"""What the commands share: errors that end in one sentence, and options that are the fields of a settings class."""

from __future__ import annotations

import functools
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Optional

import typer
from rich.console import Console
from rich.text import Text

from molvae.config import ModelConfig, Settings
from molvae.errors import InputError, MolVAEError, printable
from molvae.runtime.distributed import is_main

__all__ = ["command", "console", "print_result", "results_only", "say", "with_settings", "writable"]

_ALIASES = {"batch_size": "-b", "device": "-d", "max_length": "--max-len"}


@functools.cache
def console() -> Console:
    """The console of everything that is no result; of the processes of one job the main one speaks for all."""
    return Console(stderr=True, highlight=False, quiet=not is_main())


def say(text: str, style: str = "") -> None:
    """One line on stderr, as it is: square brackets are SMILES here, not markup."""
    # On a terminal lines break between words; in a file or a pipe they do not break at all.
    console().print(Text(printable(text), style=style), soft_wrap=not console().is_terminal)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Let a command end as promised: a `MolVAEError` in its message and exit code 1, Ctrl-C in exit code 130.

    Its docstring is its help, where a paragraph breaks its lines as the terminal does, not the source.
    """

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            function(*args, **kwargs)
        except MolVAEError as error:
            say(f"error: {error}", "bold red")
            raise SystemExit(1) from None
        except MemoryError:
            say("error: there is not enough memory for this; close other programs, or take fewer molecules", "bold red")
            raise SystemExit(1) from None
        except ImportError as error:
            if str(error.name).partition(".")[0] == "molvae":
                raise
            say(
                f"error: a library cannot be loaded ({error}); close other programs, or install molvae again",
                "bold red",
            )
            raise SystemExit(1) from None
        except KeyboardInterrupt:
            say("interrupted")
            raise SystemExit(130) from None

    run.__doc__ = re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.getdoc(function) or "")
    return run


def writable(text: str) -> str:
    """The text with escapes for what the encoding of stdout lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def print_result(text: str) -> None:
    """Write to stdout, now, with escapes for what its encoding lacks.

    Raises:
        InputError: it cannot be written, the disk being full, say.
        SystemExit: the reader has left (molvae sample | head), which is no error to speak of.
    """
    if sys.stdout is None:
        raise InputError("the result cannot be written: standard output is closed")
    try:
        sys.stdout.write(writable(text))
        sys.stdout.flush()
    except OSError as error:
        sys.stdout = None  # at exit Python would try to flush again, and complain
        if isinstance(error, BrokenPipeError):
            raise SystemExit(1) from None
        raise InputError(f"the result cannot be written: {error.strerror or error}") from None


@contextmanager
def results_only() -> Iterator[None]:
    """Let go to stderr what a user's function and the programs that it starts write to stdout."""
    if sys.stdout is None or sys.stderr is None:  # closed, and its number may be another file's
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


def with_settings(**sections: type[Settings]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for every field of some settings classes.

    The command receives, for each keyword of `sections`, a dict of the fields that were given on the command line.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = [
            parameter
            for name, parameter in inspect.signature(function, eval_str=True).parameters.items()
            if name not in sections
        ]
        added = [_option(name, section, title) for title, section in sections.items() for name in section.model_fields]

        @functools.wraps(function)
        def run(**given: Any) -> None:
            for title, section in sections.items():
                values = {name: given.pop(name) for name in section.model_fields}
                given[title] = {name: value for name, value in values.items() if value is not None}
            function(**given)

        run.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *added]}
        return run

    return decorate


def _option(name: str, section: type[Settings], title: str) -> inspect.Parameter:
    field = section.model_fields[name]
    flag = "--" + name.replace("_", "-")
    flags = [f"{flag}/--no-{name.replace('_', '-')}"] if field.annotation is bool else [flag]
    if name in _ALIASES:
        flags.append(_ALIASES[name])
    default = field.default if not isinstance(field.default, bool) else "on" if field.default else "off"
    # The shape of a model and some more have no one default: presets and the number of molecules decide.
    word = "medium" if section is ModelConfig else "default"
    suffix = "" if default == "" or "by the number" in str(field.description) else f" [dim]\\[{word}: {default}][/dim]"
    option = typer.Option(
        *flags,
        help=f"{field.description}{suffix}",
        rich_help_panel=title.capitalize(),
        show_default=False,
    )
    annotation = Annotated[Optional[field.annotation], option]  # type: ignore[name-defined]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
