"""Tables of latent points, as ``molvae encode`` writes and ``molvae decode`` reads them."""

from __future__ import annotations

import io
import math
import re
import tempfile
import tokenize
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from molvae.corpus.delimited import rows_of
from molvae.corpus.formats import open_parquet
from molvae.corpus.sources import Source
from molvae.errors import InputError
from molvae.storage.files import atomic

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LatentTable", "WriteArchive", "latent_columns", "open_latents", "write_archive"]

Array = NDArray[np.float32]
WriteArchive = Callable[[Sequence[Array], Sequence[str], Sequence[int]], None]
"""Writes k rows: one array (k, D) per name, k texts and k row numbers."""

_COLUMN = re.compile(r"z(\d{1,18})")
_STD_COLUMN = re.compile(r"z\d+_std")
_DAMAGE = (
    *(OSError, EOFError, MemoryError, NotImplementedError, RuntimeError, ValueError, OverflowError, TypeError),
    *(KeyError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error),  # numpy parses headers as Python
)


def latent_columns(latent_dim: int, *, spread: bool = False) -> list[str]:
    """Names of D latent columns with zero-padded numbers; `spread` gives those of the standard deviations.

    >>> latent_columns(3), latent_columns(11)[-1], latent_columns(3, spread=True)[0]
    (['z0', 'z1', 'z2'], 'z10', 'z0_std')
    """
    width = len(str(latent_dim - 1))
    return [f"z{place:0{width}d}{'_std' if spread else ''}" for place in range(latent_dim)]


@dataclass(frozen=True)
class LatentTable:
    """A table of latent points whose layout is known.

    Attributes:
        name: the file name without its folder.
        latent_dim: D.
        types: the types of the other columns in order, as in `molvae.corpus.writing.write_frames`.
        chunks: reads k rows at a time: points (k, D) and the cells of the other columns.
    """

    name: str
    latent_dim: int
    types: dict[str, Any]
    chunks: Callable[[], Iterator[tuple[Array, pd.DataFrame]]]


def open_latents(path: str | Path, *, size: int = 2_000) -> LatentTable:
    """Find out how to read a table of latent points: csv or tsv (also gzipped), Parquet, npz, or npy.

    Columns z0, z1, ... (also zero-padded) are the points. Columns of standard deviations are left out; all other
    columns are kept.

    Args:
        path: the file, or "-" for standard input.
        size: rows per chunk.

    Raises:
        InputError: the file is missing, damaged, or holds no points.
    """
    if Path(path).suffix.lower() in (".npz", ".npy"):
        return _from_numpy(Path(path), size)
    source = Source(path)
    return _from_parquet(source, size) if source.is_parquet else _from_text(source, size)


def _from_numpy(path: Path, size: int) -> LatentTable:
    import pandas as pd

    try:
        with path.open("rb") as file:
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    arrays = {entry.filename.removesuffix(".npy"): _array(archive, entry) for entry in archive.filelist}
            else:
                _check_claim(file, path.stat().st_size)
                arrays = {"z": np.lib.format.read_array(file, allow_pickle=False)}
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except _DAMAGE:
        raise InputError(f"{path.name} is damaged, or not a numpy file of numbers and texts") from None
    z = arrays.get("z")
    if z is None or z.ndim != 2 or z.dtype.kind not in "fiu":
        raise InputError(f"{path.name} holds no array z of numbers with the shape (rows, dimensions)")
    others = {name: one for name, one in arrays.items() if one.ndim == 1 and len(one) == len(z)}
    types: dict[str, Any] = {name: float if one.dtype.kind in "fiu" else str for name, one in others.items()}

    def chunks() -> Iterator[tuple[Array, pd.DataFrame]]:
        for at in range(0, len(z), size):
            rows = slice(at, at + size)
            cells = {name: one[rows] for name, one in others.items()}
            yield z[rows].astype(np.float32), pd.DataFrame(cells, index=range(len(z[rows])))

    return LatentTable(path.name, z.shape[1], types, chunks)


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(entry) as file:
        _check_claim(file, entry.file_size)
    with archive.open(entry) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _check_claim(file: IO[bytes], size: int) -> None:
    """Raise `ValueError` if the header of an array claims more data than the file has, before memory is allocated.

    Leaves the file at its beginning.
    """
    file.seek(0)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject or math.prod(shape) * dtype.itemsize > size:
        raise ValueError("the header claims more data than the file has")
    file.seek(0)


def _from_text(source: Source, size: int) -> LatentTable:
    head = source.head.decode(source.encoding, "replace")
    heads = {separator: _header(head, separator, source) for separator in (",", "\t")}
    separator = max(heads, key=lambda one: sum(_COLUMN.fullmatch(name) is not None for name in heads[one]))
    names = heads[separator]
    _check_distinct(source.name, names)
    points = [names.index(name) for name in _points(source.name, names)]
    others = {name: names.index(name) for name in _others(names)}

    def chunks() -> Iterator[tuple[Array, pd.DataFrame]]:
        import pandas as pd

        with source.lines() as text:
            rows = islice(rows_of(text, separator, source), 1, None)
            while batch := list(islice(rows, size)):
                full = [_filled(cells, len(names), source, line) for line, cells in batch]
                z = [
                    _numbers([cells[at] for at in points], source, line)
                    for (line, _), cells in zip(batch, full, strict=True)
                ]
                cells = {name: [cells[at] for cells in full] for name, at in others.items()}
                yield np.array(z, dtype=np.float32), pd.DataFrame(cells, index=range(len(full)), dtype=object)

    return LatentTable(source.name, len(points), dict.fromkeys(others, str), chunks)


def _header(head: str, separator: str, source: Source) -> list[str]:
    _, names = next(rows_of(io.StringIO(head, newline=""), separator, source), (0, []))
    return [name.strip() for name in names]


def _filled(cells: list[str], width: int, source: Source, line: int) -> list[str]:
    if len(cells) > width:
        raise InputError(f"{source.name}, line {line}: {len(cells)} cells, but the header has {width}")
    return cells + [""] * (width - len(cells))


def _numbers(cells: list[str], source: Source, line: int) -> list[float]:
    try:
        return [float(cell or "nan") for cell in cells]
    except ValueError as error:
        raise InputError(f"{source.name}, line {line}: {error}") from None


def _from_parquet(source: Source, size: int) -> LatentTable:
    import pandas as pd

    with open_parquet(source) as (file, _):
        schema = file.schema_arrow
    _check_distinct(source.name, schema.names)
    points = _points(source.name, schema.names)
    others = _others(schema.names)

    def chunks() -> Iterator[tuple[Array, pd.DataFrame]]:
        with open_parquet(source) as (file, _):
            for batch in file.iter_batches(batch_size=size, columns=[*points, *others]):
                columns = {name: batch.column(name) for name in batch.schema.names}
                frame = pd.DataFrame({name: columns[name].to_pylist() for name in others}, dtype=object)
                try:
                    z = [columns[name].to_numpy(zero_copy_only=False).astype(np.float32) for name in points]
                except (TypeError, ValueError) as error:
                    raise InputError(
                        f"{source.name}: a latent column holds a value that is not a number ({error})"
                    ) from None
                yield np.stack(z, axis=1), frame.reindex(range(batch.num_rows)) if not others else frame

    return LatentTable(source.name, len(points), {name: schema.field(name).type for name in others}, chunks)


def _check_distinct(name: str, columns: Sequence[str]) -> None:
    if len(set(columns)) < len(columns):
        raise InputError(f"{name} has two columns {Counter(columns).most_common(1)[0][0]!r}; rename one")


def _points(name: str, columns: Sequence[str]) -> list[str]:
    """The latent columns in the order of their numbers.

    Raises:
        InputError: there are none, one is missing, or a dimension has two columns.
    """
    found = [(int(match[1]), column) for column in columns if (match := _COLUMN.fullmatch(column))]
    if not found:
        raise InputError(f"{name} has no columns z0, z1, ...: give a file that `molvae encode` wrote")
    numbered = dict(found)
    if len(numbered) < len(found):
        twice, _ = Counter(number for number, _ in found).most_common(1)[0]
        raise InputError(f"{name} has two columns for dimension {twice}; rename one")
    missing = next((place for place in range(len(numbered)) if place not in numbered), None)
    if missing is not None:
        raise InputError(f"{name} has a column {numbered[max(numbered)]} but none for dimension {missing}")
    return [numbered[place] for place in range(len(numbered))]


def _others(columns: Sequence[str]) -> list[str]:
    return [name for name in columns if not _COLUMN.fullmatch(name) and not _STD_COLUMN.fullmatch(name)]


@contextmanager
def write_archive(path: Path, names: Sequence[str], latent_dim: int) -> Iterator[WriteArchive]:
    """Write an npz file block by block; only the row numbers stay in memory.

    It holds an array (N, D) float32 per name, ``smiles`` (N,) and ``row`` (N,) int64. The file appears when the block
    ends; if the block raises an exception, nothing changes.

    Raises:
        InputError: the file cannot be written.
    """
    with ExitStack() as stack, atomic(path) as temporary:
        spools = [stack.enter_context(tempfile.TemporaryFile(dir=path.parent)) for _ in names]
        texts = stack.enter_context(tempfile.TemporaryFile("w+", dir=path.parent, encoding="utf-8", newline="\n"))
        rows: list[int] = []
        longest = 1

        def write(arrays: Sequence[Array], smiles: Sequence[str], numbers: Sequence[int]) -> None:
            nonlocal longest
            for spool, array in zip(spools, arrays, strict=True):
                spool.write(np.ascontiguousarray(array, dtype=np.float32).tobytes())
            lines = [" ".join(text.split()) for text in smiles]
            texts.writelines(f"{line}\n" for line in lines)
            longest = max(longest, *map(len, lines))
            rows.extend(numbers)

        yield write
        with zipfile.ZipFile(temporary, "w", allowZip64=True) as archive:
            for name, spool in zip(names, spools, strict=True):
                spool.seek(0)
                _entry(archive, name, np.dtype(np.float32), (len(rows), latent_dim), _pieces(spool))
            texts.seek(0)
            lines = (np.array([line.rstrip("\n")], dtype=f"<U{longest}").tobytes() for line in texts)
            _entry(archive, "smiles", np.dtype(f"<U{longest}"), (len(rows),), lines)
            _entry(archive, "row", np.dtype(np.int64), (len(rows),), iter([np.array(rows, np.int64).tobytes()]))


def _pieces(spool: IO[bytes]) -> Iterator[bytes]:
    while piece := spool.read(1 << 20):
        yield piece


def _entry(
    archive: zipfile.ZipFile, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], pieces: Iterator[bytes]
) -> None:
    """Write one array of an npz file in pieces, as `numpy.savez` would write it at once."""
    entry = zipfile.ZipInfo(f"{name}.npy")
    entry.compress_type = (
        zipfile.ZIP_DEFLATED if dtype.kind == "U" else zipfile.ZIP_STORED
    )  # compressing floats saves little
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with archive.open(entry, "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for piece in pieces:
            file.write(piece)
