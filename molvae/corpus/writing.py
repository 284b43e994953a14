"""Molecules -> a file, block by block, in the format that its extension names."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from molvae.errors import InputError
from molvae.storage.files import atomic, check_writable

__all__ = ["UnixLines", "Write", "check_output", "csv_writer", "to_text", "write_file"]

Write = Callable[[Sequence[str], NDArray[np.float64]], None]
"""Takes k SMILES and their (k, P) numbers."""

_KINDS = ("csv", "tsv", "smi", "sdf", "parquet")
_ROW_GROUP = 65_536  # rows of a Parquet file that are compressed together; few large groups are read fastest


def check_output(path: Path, kinds: Sequence[str] | None = None) -> None:
    """Say before the work begins that a file cannot be written.

    Args:
        path: the file.
        kinds: extensions that will do; by default those of `write_file`.

    Raises:
        InputError: the extension names no format, the folder is not there or not writable, the name is too long, or
            pyarrow is missing.
    """
    known = kinds or _KINDS
    if path.suffix.lower().removeprefix(".") not in known:
        raise InputError(f"{path}: the extension must be one of {', '.join('.' + kind for kind in known)}")
    if path.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise InputError('Parquet needs pyarrow: pip install "molvae[parquet]"')
    try:
        if not path.parent.is_dir():
            raise InputError(f"{path} cannot be written: there is no folder {path.parent}")
        check_writable(path)
        # Named as that of `atomic`, which must not be too long either.
        tempfile.NamedTemporaryFile(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent).close()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None


class UnixLines:
    """Takes rows that end in CR LF, of a csv writer, and writes them to a file with LF alone.

    Python's csv quotes a cell with a CR or LF only if that character is in its line end; other readers take either for
    one, and find two rows where one was written.
    """

    def __init__(self, file: SupportsWrite) -> None:
        self._file = file

    def write(self, row: str) -> int:
        self._file.write(row.removesuffix("\r\n") + "\n")
        return len(row)


class SupportsWrite(Protocol):
    def write(self, text: str, /) -> object: ...


def csv_writer(file: SupportsWrite, separator: str = ",") -> Any:
    """As `csv.writer`, with lines that end in LF, and all cells in quotes that any reader would take for two lines."""
    return csv.writer(UnixLines(file), delimiter=separator, lineterminator="\r\n")


@contextmanager
def write_file(path: Path, columns: Sequence[str]) -> Iterator[Write]:
    """Write molecules to a path that `check_output` accepts, block by block.

    The file is there when the block ends, and not there at all if an exception leaves it.

    csv and tsv have a header; smi holds the SMILES alone, or with the numbers behind it by tabs; sdf holds 2-D
    structures named molvae-1, molvae-2, ... with the columns as fields; parquet needs an extra.

    Args:
        path: the file.
        columns: names of the numbers beside the SMILES.

    Raises:
        InputError: the file cannot be written.
    """
    with atomic(path) as temporary, _WRITERS[path.suffix.lower()](temporary, columns) as write:
        yield write


def to_text(smiles: Sequence[str], numbers: NDArray[np.float64], *, separator: str = ",", quoted: bool = True) -> str:
    """Rows of delimited text, numbers to five digits and empty where there is none.

    Args:
        smiles: k texts.
        numbers: (k, P)
        separator: between columns.
        quoted: an empty text, and one with a separator or a quote, stand in quotes.
    """
    if not quoted and not numbers.shape[1]:
        return "".join(f"{one}\n" for one in smiles)
    text = io.StringIO()
    rows = csv_writer(text, separator)
    for one, row in zip(smiles, numbers.tolist(), strict=True):
        rows.writerow([one, *("" if value != value else f"{value:.5g}" for value in row)])
    return text.getvalue()


@contextmanager
def _delimited(path: Path, columns: Sequence[str], *, separator: str, header: bool) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="") as file:
        if header:
            csv_writer(file, separator).writerow(["smiles", *columns])
        yield lambda smiles, numbers: _append(file, to_text(smiles, numbers, separator=separator, quoted=header))


def _append(file: Any, text: str) -> None:
    file.write(text)
    file.flush()  # a full disk is told now


@contextmanager
def _sdf(path: Path, columns: Sequence[str]) -> Iterator[Write]:
    from rdkit.Chem import SDWriter
    from rdkit.Chem.rdDepictor import Compute2DCoords

    from molvae.chem import parse

    written = 0

    def write(smiles: Sequence[str], numbers: NDArray[np.float64]) -> None:
        nonlocal written
        texts = []
        for one, row in zip(smiles, numbers.tolist(), strict=True):
            mol = parse(one)
            if mol is None:
                continue
            written += 1
            Compute2DCoords(mol)
            mol.SetProp("_Name", f"molvae-{written}")
            mol.SetProp("smiles", one)
            for name, value in zip(columns, row, strict=True):
                mol.SetProp(name, f"{value:.5g}")
            # The text, not the writer itself: RDKit says nothing of a full disk.
            texts.append(SDWriter.GetText(mol, molid=written - 1))
        _append(file, "".join(texts))

    with path.open("w", encoding="utf-8", newline="") as file:
        yield write


@contextmanager
def _parquet(path: Path, columns: Sequence[str]) -> Iterator[Write]:
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([("smiles", pa.large_string()), *((name, pa.float64()) for name in columns)])
    waiting: list[Any] = []

    def write_group() -> None:
        file.write_table(pa.concat_tables(waiting), row_group_size=_ROW_GROUP)
        waiting.clear()

    def write(smiles: Sequence[str], numbers: NDArray[np.float64]) -> None:
        arrays = [
            pa.array(list(smiles), pa.large_string()),
            *(pa.array(column, from_pandas=True) for column in numbers.T),
        ]
        waiting.append(pa.Table.from_arrays(arrays, schema=schema))
        if sum(map(len, waiting)) >= _ROW_GROUP:
            write_group()

    with parquet.ParquetWriter(path, schema) as file:
        yield write
        if waiting:
            write_group()


_WRITERS: dict[str, Callable[[Path, Sequence[str]], AbstractContextManager[Write]]] = {
    ".csv": lambda path, columns: _delimited(path, columns, separator=",", header=True),
    ".tsv": lambda path, columns: _delimited(path, columns, separator="\t", header=True),
    ".smi": lambda path, columns: _delimited(path, columns, separator="\t", header=False),
    ".sdf": _sdf,
    ".parquet": _parquet,
}
