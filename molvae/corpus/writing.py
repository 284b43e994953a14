"""Write tables of molecules to a file, block by block, in the format of its extension."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from molvae.corpus.numbers import is_code, is_missing, number
from molvae.errors import InputError
from molvae.storage.files import atomic, check_writable

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FRAME_KINDS",
    "Write",
    "WriteFrame",
    "check_output",
    "csv_writer",
    "frame_text",
    "to_text",
    "write_file",
    "write_frames",
]

Write = Callable[[Sequence[str], NDArray[np.float64]], None]
"""Writes k SMILES and their (k, P) numbers."""

WriteFrame = Callable[["pd.DataFrame"], int]
"""Writes further rows. Returns the number of cells that a numeric Parquet column cannot keep: texts become empty, and
codes such as 007 become numbers."""

FRAME_KINDS = ("csv", "tsv", "parquet")
"""Extensions that `write_frames` supports."""

_KINDS = (*FRAME_KINDS, "smi", "sdf")
_SEPARATORS = {".csv": ",", ".tsv": "\t", ".smi": "\t"}
_ROW_GROUP = 65_536  # rows in a group of a Parquet file; a few large groups are fastest to read


def check_output(path: Path, kinds: Sequence[str] | None = None) -> None:
    """Check that a file can be written, before the work begins.

    Args:
        path: the file.
        kinds: allowed extensions; by default those of `write_file`.

    Raises:
        InputError: the extension is unknown, the folder does not exist or is not writable, the name is too long, or
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
        # The same name as `atomic` uses, which must not be too long either.
        tempfile.NamedTemporaryFile(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent).close()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None


class SupportsWrite(Protocol):
    def write(self, text: str, /) -> object: ...


class _UnixLines:
    """Writes the rows of a csv writer with LF instead of CR LF at their ends.

    Python's csv module quotes a cell that contains CR or LF only if that character is in its line terminator. Other
    readers accept either as the end of a row, so both must be quoted.
    """

    def __init__(self, file: SupportsWrite) -> None:
        self._file = file

    def write(self, row: str) -> int:
        self._file.write(row.removesuffix("\r\n") + "\n")
        return len(row)


def csv_writer(file: SupportsWrite, separator: str = ",") -> Any:
    """A `csv.writer` that ends lines with LF and quotes every cell that contains CR or LF."""
    return csv.writer(_UnixLines(file), delimiter=separator, lineterminator="\r\n")


def to_text(smiles: Sequence[str], numbers: NDArray[np.float64], *, separator: str = ",", quoted: bool = True) -> str:
    """Rows of delimited text; numbers have five digits, and NaN is empty.

    Args:
        smiles: k texts.
        numbers: (k, P)
        separator: the delimiter between columns.
        quoted: False writes the texts unchanged if there are no numbers.
    """
    if not quoted and not numbers.shape[1]:
        return "".join(f"{one}\n" for one in smiles)
    text = io.StringIO()
    rows = csv_writer(text, separator)
    for one, row in zip(smiles, numbers.tolist(), strict=True):
        rows.writerow([one, *("" if value != value else f"{value:.5g}" for value in row)])
    return text.getvalue()


def frame_text(frame: pd.DataFrame, *, separator: str = ",", header: bool = False, digits: int | None = None) -> str:
    """Rows of delimited text; missing values are empty. `digits` rounds to significant digits; None keeps all, so that
    the same numbers are read back.
    """
    form = None if digits is None else f"%.{digits}g"
    text = io.StringIO()
    lines: Any = _UnixLines(text)
    frame.to_csv(lines, index=False, header=header, sep=separator, lineterminator="\r\n", float_format=form)
    return text.getvalue()


@contextmanager
def write_file(path: Path, columns: Sequence[str]) -> Iterator[Write]:
    """Write molecules to a path that `check_output` accepts, block by block.

    The file appears when the block ends; if the block raises an exception, nothing changes.

    csv, tsv and parquet have a header. smi holds the SMILES, then tabs and the numbers. sdf holds 2-D structures named
    molvae-1, molvae-2, ... with the columns as fields.

    Args:
        path: the file.
        columns: names of the numbers that follow the SMILES.

    Raises:
        InputError: the file cannot be written.
    """
    kind = path.suffix.lower()
    with atomic(path) as temporary:
        if kind == ".parquet":
            types = [("smiles", str), *((name, float) for name in columns)]
            with _parquet(temporary, types, row_group=_ROW_GROUP) as add:
                yield lambda smiles, numbers: add([list(smiles), *numbers.T])
            return
        with temporary.open("w", encoding="utf-8", newline="") as file:
            if kind == ".sdf":
                yield _sdf(file, columns)
                return
            separator, header = _SEPARATORS[kind], kind != ".smi"
            if header:
                csv_writer(file, separator).writerow(["smiles", *columns])
            yield lambda smiles, numbers: _append(file, to_text(smiles, numbers, separator=separator, quoted=header))


@contextmanager
def write_frames(
    path: Path, types: Mapping[str, Any], grouping: Mapping[str, str] | None = None
) -> Iterator[WriteFrame]:
    """Write tables, one below the other, to a path that `check_output` accepts for `FRAME_KINDS`.

    The file appears when the block ends; if the block raises an exception, nothing changes.

    Args:
        path: the file.
        types: the type of each column in order: ``str``, ``float``, ``"float32"``, ``"int64"``, ``"bool"`` or an Arrow
            type. Only Parquet keeps types.
        grouping: the thousands separators of text columns that become numbers in Parquet, as in
            `molvae.corpus.numbers.number`.

    Raises:
        InputError: the file cannot be written.
    """
    kind = path.suffix.lower()
    with atomic(path) as temporary:
        if kind == ".parquet":
            with _parquet(temporary, list(types.items()), row_group=None) as add:
                yield lambda frame: _add_frame(add, frame, types, grouping or {})
        else:
            with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                yield _delimited_frames(file, types, _SEPARATORS[kind])


def _delimited_frames(file: Any, types: Mapping[str, Any], separator: str) -> WriteFrame:
    import pandas as pd

    file.write(frame_text(pd.DataFrame(columns=list(types)), separator=separator, header=True))

    def write(frame: pd.DataFrame) -> int:
        _append(file, frame_text(frame, separator=separator))
        return 0

    return write


def _add_frame(
    add: Callable[[Sequence[Any]], None], frame: pd.DataFrame, types: Mapping[str, Any], grouping: Mapping[str, str]
) -> int:
    lost = 0
    columns = []
    for name, kind in types.items():
        values: Any = frame[name]
        if kind is float and values.dtype == object:
            texts = values.tolist()
            values = [number(text, grouping.get(name, "")) for text in texts]
            pairs = zip(texts, values, strict=True)
            lost += sum(is_code(text) or (value != value and not is_missing(text)) for text, value in pairs)
        columns.append(values)
    add(columns)
    return lost


def _append(file: Any, text: str) -> None:
    file.write(text)
    file.flush()  # so that a full disk raises an error now


def _sdf(file: Any, columns: Sequence[str]) -> Write:
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
            # Not with an SDWriter on the file, which does not report a full disk.
            texts.append(SDWriter.GetText(mol, molid=written - 1))
        _append(file, "".join(texts))

    return write


@contextmanager
def _parquet(
    path: Path, types: Sequence[tuple[str, Any]], *, row_group: int | None
) -> Iterator[Callable[[Sequence[Any]], None]]:
    """Yield a function that adds rows, given as one array per column; `row_group` None writes each call at once."""
    import pyarrow as pa
    from pyarrow import parquet

    arrow_types = {
        str: pa.large_string(),
        float: pa.float64(),
        "float32": pa.float32(),
        "int64": pa.int64(),
        "bool": pa.bool_(),
    }
    schema = pa.schema([(name, arrow_types.get(kind, kind)) for name, kind in types])
    waiting: list[Any] = []

    def write_group() -> None:
        file.write_table(pa.concat_tables(waiting), row_group_size=row_group)
        waiting.clear()

    def add(columns: Sequence[Any]) -> None:
        pairs = zip(columns, schema, strict=True)
        arrays = [pa.array(column, type=field.type, from_pandas=True) for column, field in pairs]
        waiting.append(pa.Table.from_arrays(arrays, schema=schema))
        if sum(map(len, waiting)) >= (row_group or 0):
            write_group()

    with parquet.ParquetWriter(path, schema) as file:
        yield add
        if waiting:
            write_group()
