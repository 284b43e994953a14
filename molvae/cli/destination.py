"""Where molecules go as they come: a file or stdout, the first of them into a picture, their number onto the screen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from molvae.cli.common import console, print_result, say
from molvae.corpus.writing import Write, to_text, write_file

if TYPE_CHECKING:
    from molvae.generator.sampling.screening import Molecules

__all__ = ["Picture", "destination"]

_DRAWN = 375  # 75 rows of 5: as many as fit into one PNG
_LONG = 2_000  # molecules; fewer are there before a bar would be read


@contextmanager
def destination(output: Path | None, columns: Sequence[str], n: int) -> Iterator[Callable[[Molecules], None]]:
    """Give a function that takes molecules, to write them at once.

    Args:
        output: a file, which is there when the block ends without an exception; None is stdout.
        columns: of the properties.
        n: molecules to come, for the bar on a terminal.

    Raises:
        InputError: they cannot be written.
        SystemExit: the reader of stdout has left.
    """
    with write_file(output, columns) if output else nullcontext(_printer(columns)) as write, _bar(output, n) as show:

        def take(molecules: Molecules) -> None:
            write(molecules, molecules.properties)
            show(len(molecules))

        yield take


def _printer(columns: Sequence[str]) -> Write:
    if columns:
        print_result(",".join(["smiles", *columns]) + "\n")
    return lambda smiles, numbers: print_result(to_text(smiles, numbers, quoted=bool(columns)))


@contextmanager
def _bar(output: Path | None, n: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr where that is a terminal, and not the one on which the molecules appear."""
    if n < _LONG or not console().is_terminal or (output is None and sys.stdout.isatty()):
        yield lambda _: None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(),
    )  # fmt: skip
    # stdout carries results: rich would print what is written there to stderr.
    with Progress(*columns, console=console(), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("sampling", total=n)
        yield lambda more: progress.advance(task, more)


class Picture:
    """The first molecules, to be drawn each with its number, and QED and logP where they were computed.

    Args:
        path: an svg or png file.
        columns: of the properties.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path, self._columns = path, list(columns)
        self._smiles: list[str] = []
        self._numbers: list[list[float]] = []
        self._complete = True

    def take(self, molecules: Molecules) -> None:
        """Keep as many as will be drawn."""
        room = _DRAWN - len(self._smiles)
        self._complete = self._complete and len(molecules) <= room
        self._smiles += molecules[:room]
        self._numbers += np.asarray(molecules.properties[:room]).tolist()

    def draw(self) -> None:
        """Write the file.

        Raises:
            ConfigError: there are no molecules.
            InputError: the file cannot be written.
        """
        from molvae.chem import molecule_grid
        from molvae.storage.files import atomic

        legends = [str(number) for number in range(1, len(self._smiles) + 1)]
        if "qed" in self._columns:
            qed, logp = self._columns.index("qed"), self._columns.index("logp")
            figures = zip(legends, self._numbers, strict=True)
            legends = [f"{number}   QED {row[qed]:.2f}   logP {row[logp]:.1f}" for number, row in figures]
        kind = self._path.suffix.lower().removeprefix(".")
        picture = molecule_grid(self._smiles, legends=legends, format=kind)
        with atomic(self._path) as temporary:
            temporary.write_bytes(picture if isinstance(picture, bytes) else picture.encode())
        say(f"drawn: {self._path}" + ("" if self._complete else f" (the first {_DRAWN})"))
