"""Where results go: a file or standard output, and a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from molvae.cli.console import print_result, print_status
from molvae.cli.options import STDOUT
from molvae.cli.progress import ProgressDisplay
from molvae.corpus.writing import Write, to_text, write_file
from molvae.errors import pluralize
from molvae.storage.files import atomic

if TYPE_CHECKING:
    import pandas as pd

    from molvae.corpus.writing import WriteFrame
    from molvae.generator.sampling.screening import Molecules

__all__ = ["Picture", "molecule_output", "save_picture", "table_output"]

_DRAWN = 375  # 75 rows of 5: as many as fit into one PNG
_LONG = 2_000  # molecules; fewer are there before a bar can be read


@contextmanager
def table_output(
    output: Path | None, types: Mapping[str, Any], grouping: Mapping[str, str] | None = None
) -> Iterator[WriteFrame]:
    """Give a function that appends a table to a file, or to standard output as csv.

    Args:
        output: a file, which exists after the block if no exception left it; None or `STDOUT` is standard output.
        types: of each column, as in `molvae.corpus.writing.write_frames`.
        grouping: of columns, as there.

    Raises:
        InputError: the table cannot be written.
        SystemExit: the reader of stdout has stopped.
    """
    import pandas as pd

    from molvae.corpus.writing import frame_text, write_frames

    lost = 0
    if output is None or output == STDOUT:
        print_result(frame_text(pd.DataFrame(columns=list(types)), header=True))

        def print_rows(frame: pd.DataFrame) -> int:
            print_result(frame_text(frame))
            return 0

        yield print_rows
        return
    with write_frames(output, types, grouping) as write:

        def append(frame: pd.DataFrame) -> int:
            nonlocal lost
            lost += write(frame)
            return lost

        yield append
    if lost:
        print_status(
            f"{pluralize(lost, 'cell')} in columns of numbers held text that is no number and are empty now, or a code "
            "such as 007 and are numbers now; csv keeps them",
            "yellow",
        )
    print_status(f"written: {output}")


@contextmanager
def molecule_output(output: Path | None, columns: Sequence[str], n: int) -> Iterator[Callable[[Molecules], None]]:
    """Give a function that writes molecules at once.

    Args:
        output: a file, which exists after the block if no exception left it; `STDOUT` is csv on standard output; None
            too, but without a header where there are no columns.
        columns: names of the properties.
        n: number of molecules to come, for the progress display.

    Raises:
        InputError: the molecules cannot be written.
        SystemExit: the reader of stdout has stopped.
    """
    to_stdout = output is None or output == STDOUT
    sink = (
        nullcontext(_printer(columns, csv=output == STDOUT)) if to_stdout else write_file(Path(output or ""), columns)
    )
    done = 0
    with sink as write, ProgressDisplay(results_on_stdout=to_stdout) as show:

        def take(molecules: Molecules) -> None:
            nonlocal done
            write(molecules, molecules.properties)
            done += len(molecules)
            if n >= _LONG:
                show("sampling", done, n)

        yield take
    if not to_stdout:
        print_status(f"written: {output}")


def _printer(columns: Sequence[str], *, csv: bool) -> Write:
    csv = csv or bool(columns)
    if csv:
        print_result(",".join(["smiles", *columns]) + "\n")
    return lambda smiles, numbers: print_result(to_text(smiles, numbers, quoted=csv))


def save_picture(path: Path, picture: str | bytes) -> None:
    """Write a picture and print its path.

    Raises:
        InputError: the file cannot be written.
    """
    with atomic(path) as temporary:
        temporary.write_bytes(picture if isinstance(picture, bytes) else picture.encode())
    print_status(f"drawn: {path}")


class Picture:
    """Collects the first molecules and draws each with its number, and with QED and logP where they were computed.

    Args:
        path: an svg or png file.
        columns: names of the properties.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path, self._columns = path, list(columns)
        self._smiles: list[str] = []
        self._numbers: list[list[float]] = []
        self._complete = True

    def take(self, molecules: Molecules) -> None:
        """Keep as many molecules as will be drawn."""
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

        legends = [str(number) for number in range(1, len(self._smiles) + 1)]
        if "qed" in self._columns:
            qed, logp = self._columns.index("qed"), self._columns.index("logp")
            figures = zip(legends, self._numbers, strict=True)
            legends = [f"{number}   QED {row[qed]:.2f}   logP {row[logp]:.1f}" for number, row in figures]
        kind = self._path.suffix.lower().removeprefix(".")
        save_picture(self._path, molecule_grid(self._smiles, legends=legends, format=kind))
        if not self._complete:
            print_status(f"the picture shows the first {_DRAWN} molecules")
