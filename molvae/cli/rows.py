"""The rows of a file on their way through a model: all come out again, and those it cannot read are told."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from molvae.cli.common import console, print_result, say
from molvae.errors import InputError, pluralize

if TYPE_CHECKING:
    import pandas as pd

    from molvae.corpus.annotated import AnnotatedChunk, AnnotatedTable
    from molvae.corpus.frames import WriteFrame
    from molvae.generator.molvae import MolVAE

__all__ = ["Rows", "frames_to", "open_rows", "progress"]

_NAMED = 5
_SHOWN = 60  # characters of a text in a message


def open_rows(file: str, smiles_column: str | None, *, standardize: bool, stereo: bool) -> AnnotatedTable:
    """The file of a command with all its columns; says how it is read.

    Raises:
        InputError: as `molvae.corpus.reading.open_table`.
    """
    from molvae.corpus.annotated import AnnotatedTable
    from molvae.corpus.reading import open_table

    table = open_table(file, smiles_column=smiles_column)
    say(table.describe())
    return AnnotatedTable(table, standardize=standardize, stereo=stereo)


class Rows:
    """The rows of a table, and the account of those that a model cannot encode.

    Args:
        table: from `open_rows`.
        vae: the model.
    """

    def __init__(self, table: AnnotatedTable, vae: MolVAE) -> None:
        self._table, self._vae = table, vae
        self.read, self.refused = 0, 0
        self._first: list[str] = []
        self._curable = False

    def chunks(self) -> Iterator[AnnotatedChunk]:
        """The rows, some at a time; their number is shown on a terminal."""
        with progress("rows") as show:
            for chunk in self._table.chunks():
                yield chunk
                self.read += len(chunk.rows)
                show(self.read)

    def refuse(self, chunk: AnnotatedChunk, refused: NDArray[np.bool_]) -> None:
        """Enter the rows of a chunk that could not be encoded, N booleans."""
        from molvae.chem import Standardized, quiet_rdkit, standardize

        places = np.flatnonzero(refused)
        self.refused += len(places)
        with quiet_rdkit():
            for at in places[: _NAMED - len(self._first)]:
                text = chunk.smiles[at]
                reason = self._vae.refusal(text) or "it cannot be encoded"
                form = standardize(text, stereo=False)
                self._curable |= isinstance(form, Standardized) and self._vae.refusal(form.smiles) is None
                shown = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
                self._first.append(
                    f"  row {chunk.rows[at]}: {shown}  ({reason})" if text else f"  row {chunk.rows[at]}: empty"
                )

    def tell(self) -> None:
        """Say how many rows could not be encoded, and name the first.

        Raises:
            InputError: none could be.
        """
        if not self.refused:
            return
        hint = " (--standardize --no-stereo would admit more)" if self._curable else ""
        if self.refused == self.read:
            raise InputError(
                f"none of the {pluralize(self.read, 'row')} of {self._table.name} can be encoded{hint}\n{self._list()}"
            )
        be = "is" if self.refused == 1 else "are"
        say(f"{self.refused:,} of {pluralize(self.read, 'row')} cannot be encoded and {be} left empty{hint}:", "yellow")
        say(self._list(), "yellow")

    def _list(self) -> str:
        more = self.refused - len(self._first)
        return "\n".join([*self._first, *([f"  and {more:,} more"] if more else [])])


@contextmanager
def frames_to(
    output: Path | None, types: Mapping[str, Any], grouping: Mapping[str, str] | None = None
) -> Iterator[WriteFrame]:
    """Give a function that writes tables below each other: to a file, or as csv to stdout.

    Args:
        output: a file, which is there, and said to be, when the block ends without an exception; None is stdout.
        types: of each column, as `molvae.corpus.frames.write_frames` takes them.
        grouping: of columns, as it takes that.

    Raises:
        InputError: they cannot be written.
        SystemExit: the reader of stdout has left.
    """
    import pandas as pd

    from molvae.corpus.frames import frame_text, write_frames

    if output is not None:
        lost = 0
        with write_frames(output, types, grouping) as write:

            def take(frame: pd.DataFrame) -> int:
                nonlocal lost
                lost += write(frame)
                return lost

            yield take
        if lost:
            say(
                f"{pluralize(lost, 'cell')} of columns of numbers held text that is no number, and empty now, or more "
                "than their number, such as 007; csv keeps them",
                "yellow",
            )
        say(f"written: {output}")
        return
    print_result(frame_text(pd.DataFrame(columns=list(types)), header=True))

    def print_rows(frame: pd.DataFrame) -> int:
        print_result(frame_text(frame))
        return 0

    yield print_rows


@contextmanager
def progress(noun: str) -> Iterator[Any]:
    """Give a function that shows a growing number on stderr, where that is a terminal and stdout is none."""
    if not console().is_terminal or sys.stdout.isatty():
        yield lambda _: None
        return
    with console().status("") as status:
        yield lambda n: status.update(f"{n:,} {noun}")
