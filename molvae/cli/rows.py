"""The rows of a file, and those that a model cannot encode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from molvae.cli.console import print_status
from molvae.cli.progress import ProgressDisplay
from molvae.errors import InputError, pluralize

if TYPE_CHECKING:
    from molvae.cli.options import RowOptions
    from molvae.corpus.reading import AnnotatedChunk, AnnotatedTable
    from molvae.generator.molvae import MolVAE

__all__ = ["RowReader", "open_rows", "rejected_rows"]

_SHOWN = 5  # rejected rows that are listed
_LONGEST = 60  # characters of a SMILES in a message


def open_rows(options: RowOptions) -> AnnotatedTable:
    """Open the file of a command, with all its columns, and print how it is read.

    Raises:
        InputError: as `molvae.corpus.reading.open_table`.
    """
    from molvae.corpus.reading import AnnotatedTable, open_table

    table = open_table(options.file, smiles_column=options.smiles_column)
    print_status(table.describe())
    return AnnotatedTable(table, standardize=options.standardize, stereo=options.stereo)


def rejected_rows(rows: Iterable[tuple[int, str, str]], total: int) -> str:
    """A list of the first rejected rows, a line each.

    Args:
        rows: row number, SMILES and reason.
        total: how many there are.
    """
    lines = []
    for row, smiles, reason in islice(rows, _SHOWN):
        text = smiles if len(smiles) <= _LONGEST else smiles[: _LONGEST - 3] + "..."
        lines.append(f"  row {row}: {text}  ({reason})" if text else f"  row {row}: empty")
    return "\n".join([*lines, *([f"  and {total - len(lines):,} more"] if total > len(lines) else [])])


class RowReader:
    """Reads the rows of a table, and counts those that a model cannot encode.

    Args:
        table: from `open_rows`.
        vae: the model.

    Attributes:
        total: rows read.
        encoded: those of them that were encoded.
    """

    def __init__(self, table: AnnotatedTable, vae: MolVAE) -> None:
        self._table, self._vae = table, vae
        self.total, self._rejected = 0, 0
        self._first: list[tuple[int, str, str]] = []
        self._curable = False

    @property
    def encoded(self) -> int:
        return self.total - self._rejected

    def chunks(self) -> Iterator[AnnotatedChunk]:
        """The rows, chunk by chunk, with a progress display."""
        with ProgressDisplay(results_on_stdout=True) as show:
            for chunk in self._table.chunks():
                yield chunk
                self.total += len(chunk.rows)
                show("rows", self.total)

    def reject(self, chunk: AnnotatedChunk, rejected: NDArray[np.bool_]) -> None:
        """Count the rows of a chunk that could not be encoded: (N,) booleans."""
        from molvae.chem import Standardized, quiet_rdkit, standardize

        places = np.flatnonzero(rejected)
        self._rejected += len(places)
        with quiet_rdkit():
            for at in places[: _SHOWN - len(self._first)]:
                text = chunk.smiles[at]
                self._first.append((chunk.rows[at], text, self._vae.refusal(text) or "it cannot be encoded"))
                form = standardize(text, stereo=False)
                self._curable |= isinstance(form, Standardized) and self._vae.refusal(form.smiles) is None

    def print_rejected(self) -> None:
        """Print how many rows could not be encoded, and the first of them.

        Raises:
            InputError: no row could be encoded.
        """
        if not self._rejected:
            return
        hint = " (--standardize --no-stereo would admit more)" if self._curable else ""
        listed = rejected_rows(self._first, self._rejected)
        if not self.encoded:
            rows = pluralize(self.total, "row")
            raise InputError(f"none of the {rows} of {self._table.name} can be encoded{hint}\n{listed}")
        be = "is" if self._rejected == 1 else "are"
        count = f"{self._rejected:,} of {pluralize(self.total, 'row')}"
        print_status(f"{count} cannot be encoded and {be} left empty{hint}:\n{listed}", "yellow")
