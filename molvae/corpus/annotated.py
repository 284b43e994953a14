"""A user's file with all its columns, chunk by chunk, for commands that add columns to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from molvae.chem.molecules import canonical, quiet_rdkit, without_extension
from molvae.chem.standard import Rejection, standardize_all
from molvae.corpus.columns import unique
from molvae.corpus.reading import Table
from molvae.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AnnotatedChunk", "AnnotatedTable"]


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedChunk:
    """Some consecutive rows of a table.

    Attributes:
        rows: N row numbers, as in `molvae.corpus.reading.Chunk`.
        smiles: N texts, without white space around them and without the extension of a CXSMILES, in the form asked for
            where they are molecules; "" where the cell is missing.
        cells: N rows of all columns, as they stand in the file.
    """

    rows: list[int]
    smiles: list[str]
    cells: pd.DataFrame


class AnnotatedTable:
    """A table whose columns are all kept, to be written again beside what is added.

    Args:
        table: from `open_table`.
        standardize: bring molecules into the standard form of `molvae.chem.standardize` first.
        stereo: keep stereo centres and double-bond geometry.

    Attributes:
        name: the file, without its folder.
        types: of each column, in the order of the file: ``str``, ``float`` or an Arrow type, as `write_frames` takes
            them. Of a file without a header the SMILES column is called smiles; structures of an SD file become one.
            What are numbers but codes, such as 007, are texts.
        grouping: what stands between thousands, of the columns where something does.
    """

    def __init__(self, table: Table, *, standardize: bool = False, stereo: bool = True) -> None:
        self._table, self._standardize, self._stereo = table, standardize, stereo
        self.name = table.name
        numeric = set(table.numeric_columns) - set(table.codes)
        kinds: Sequence[Any] = table.types or [float if name in numeric else str for name in table.columns]
        names = list(table.columns)
        self._from_blocks = not table.smiles_column
        if self._from_blocks:
            names, kinds = ["smiles", *names], [str, *kinds]
        elif not table.has_header:
            names[table.columns.index(table.smiles_column)] = "smiles"
        names = list(unique(names))
        self.types: dict[str, Any] = dict(zip(names, kinds, strict=True))
        own = names[1:] if self._from_blocks else names
        self.grouping = {
            name: table.grouping[column]
            for name, column in zip(own, table.columns, strict=True)
            if column in table.grouping
        }

    def extended(self, added: dict[str, Any]) -> dict[str, Any]:
        """The types with those of further columns.

        Raises:
            InputError: the file has a column of that name.
        """
        taken = [name for name in added if name in self.types]
        if taken:
            raise InputError(
                f"{self.name} has a column {taken[0]!r} already, which would be added; rename it or leave it out"
            )
        return {**self.types, **added}

    def chunks(self, size: int = 2_000) -> Iterator[AnnotatedChunk]:
        """Read the rows from the first to the last, in constant memory (Parquet: the file's size).

        Args:
            size: rows of a chunk; the last has fewer.

        Raises:
            InputError: the file breaks off or cannot be read on.
        """
        import pandas as pd

        records = self._table.full_records()
        while batch := list(islice(records, size)):
            cells = [[text, *cells] if self._from_blocks else cells for _, text, cells in batch]
            yield AnnotatedChunk(
                [row for row, _, _ in batch],
                self._prepared([without_extension(text.strip()) for _, text, _ in batch]),
                pd.DataFrame(cells, columns=list(self.types), dtype=object),
            )

    def _prepared(self, texts: list[str]) -> list[str]:
        with quiet_rdkit():
            if self._standardize:
                forms = standardize_all(texts, stereo=self._stereo)
                return [text if isinstance(form, Rejection) else form for text, form in zip(texts, forms, strict=True)]
            return texts if self._stereo else [canonical(text, stereo=False) or text for text in texts]
