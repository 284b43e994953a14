"""Tables of any columns -> a file, block by block: what a command adds stands behind the columns of its input."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molvae.corpus.numbers import is_code, is_missing, number
from molvae.corpus.writing import UnixLines
from molvae.storage.files import atomic

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FRAME_KINDS", "WriteFrame", "frame_text", "write_frames"]

FRAME_KINDS = ("csv", "tsv", "parquet")
"""Extensions that `write_frames` knows."""

WriteFrame = Callable[["pd.DataFrame"], int]
"""Takes the next rows; gives the number of cells that could not be kept: in a Parquet column of numbers, those that are
none (they become empty), and those that say more than their number, such as 007."""


def frame_text(frame: pd.DataFrame, *, separator: str = ",", header: bool = False, digits: int | None = None) -> str:
    """Rows as delimited text; numbers to their last digit, so that they are read as they were, or with so many
    significant ones; empty where missing.
    """
    form = None if digits is None else f"%.{digits}g"
    text = io.StringIO()
    lines: Any = UnixLines(text)
    frame.to_csv(lines, index=False, header=header, sep=separator, lineterminator="\r\n", float_format=form)
    return text.getvalue()


@contextmanager
def write_frames(
    path: Path, types: Mapping[str, Any], grouping: Mapping[str, str] | None = None
) -> Iterator[WriteFrame]:
    """Write tables, one below the other, to a path that `check_output` accepts for `FRAME_KINDS`.

    The file is there when the block ends, and not there at all if an exception leaves it.

    Args:
        path: the file.
        types: of each column, in order: ``str``, ``float``, ``"float32"``, ``"int64"``, ``"bool"`` or an Arrow type;
            only Parquet keeps them.
        grouping: of columns of texts that become numbers there, as `molvae.corpus.numbers.number` takes it.

    Raises:
        InputError: the file cannot be written.
    """
    kind = path.suffix.lower()
    with atomic(path) as temporary:
        if kind == ".parquet":
            with _parquet(temporary, types, grouping or {}) as write:
                yield write
        else:
            with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                yield _delimited(file, types, "\t" if kind == ".tsv" else ",")


def _delimited(file: Any, types: Mapping[str, Any], separator: str) -> WriteFrame:
    import pandas as pd

    file.write(frame_text(pd.DataFrame(columns=list(types)), separator=separator, header=True))

    def write(frame: pd.DataFrame) -> int:
        file.write(frame_text(frame, separator=separator))
        file.flush()  # a full disk is told now
        return 0

    return write


@contextmanager
def _parquet(path: Path, types: Mapping[str, Any], grouping: Mapping[str, str]) -> Iterator[WriteFrame]:
    import pyarrow as pa
    from pyarrow import parquet

    named = {
        str: pa.large_string(),
        float: pa.float64(),
        "float32": pa.float32(),
        "int64": pa.int64(),
        "bool": pa.bool_(),
    }
    schema = pa.schema([(name, named.get(kind, kind)) for name, kind in types.items()])

    def write(frame: pd.DataFrame) -> int:
        lost = 0
        arrays = []
        for name, kind in types.items():
            values: Any = frame[name]
            if kind is float and values.dtype == object:
                texts = values.tolist()
                values = [number(text, grouping.get(name, "")) for text in texts]
                lost += sum(
                    is_code(text) or (value != value and not is_missing(text))
                    for text, value in zip(texts, values, strict=True)
                )
            arrays.append(pa.array(values, type=schema.field(name).type, from_pandas=True))
        file.write_table(pa.Table.from_arrays(arrays, schema=schema))
        return lost

    with parquet.ParquetWriter(path, schema) as file:
        yield write
