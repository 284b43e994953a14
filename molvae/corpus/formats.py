"""Read SD files and Parquet."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rdkit import Chem

from molvae.chem.molecules import LONGEST_SMILES, quiet_rdkit
from molvae.corpus.columns import SAMPLE, Choice, choose, numeric_columns, resolve, unique
from molvae.corpus.delimited import Layout, Record
from molvae.corpus.numbers import number
from molvae.corpus.sources import HEAD_BYTES, Source
from molvae.errors import InputError, pluralize

__all__ = [
    "UNREADABLE_BLOCK",
    "full_parquet_records",
    "full_sdf_records",
    "open_parquet",
    "parquet_layout",
    "parquet_records",
    "sdf_layout",
    "sdf_records",
]

UNREADABLE_BLOCK = "unreadable mol block"
"""Replaces the SMILES of an SD record whose structure RDKit cannot read; the title of the record follows."""

_BATCH = 4_096
_MAX_RECORD = 1 << 26


def sdf_layout(source: Source, smiles_column: str | int | None) -> Layout:
    """Find the data fields of an SD file; SMILES come from the mol blocks unless the user requests a field.

    The fields of all records count; for a pipe or standard input, which can be read only once, those in the head.

    Raises:
        InputError: there is no mol block or no such field, or the file is truncated.
    """
    text = source.head.decode(source.encoding, "replace")
    if "M  END" not in text:
        raise InputError(f"{source.name} holds no mol block (no 'M  END' line); check that it is an SD file")
    known = ""
    if source.file is not None:
        with source.lines(newline=None) as whole:
            values = _sampled_values(whole)
    else:
        if len(source.head) >= HEAD_BYTES and "$$$$" in text:
            text = text[: text.rfind("$$$$")]
            known = f", fields as in its first {pluralize(text.count('$$$$') + 1, 'record')}"
        values = _sampled_values(io.StringIO(text, newline=None))
    names, samples = tuple(values), list(values.values())
    index = -1 if smiles_column is None else resolve(smiles_column, names, source.name)
    numeric = numeric_columns(samples, "", without=index)
    place = "mol blocks" if index < 0 else f"field {names[index]!r} (as asked)"
    sentence = f"{source.name}: SD file, {source.encoding_name}, SMILES from {place}{known}{numeric.describe(names)}"
    return Layout(names, index, numeric.columns, sentence, grouping=numeric.grouping, codes=numeric.codes)


def sdf_records(source: Source, layout: Layout) -> Iterator[Record]:
    """Read the records one by one; the row number is the number of the record, from 1."""
    names = [(layout.columns[index], layout.grouping[index]) for index in layout.numeric]
    for place, smiles, fields in _sdf_rows(source, layout):
        yield place, smiles, [number(fields.get(name, ""), sign) for name, sign in names]


def full_sdf_records(source: Source, layout: Layout) -> Iterator[tuple[int, str, list[str]]]:
    """Read the records as `sdf_records` does, with the text of every field of the layout; "" if it is missing."""
    for place, smiles, fields in _sdf_rows(source, layout):
        yield place, smiles, [fields.get(name, "") for name in layout.columns]


def _sdf_rows(source: Source, layout: Layout) -> Iterator[tuple[int, str, dict[str, str]]]:
    with source.lines(newline=None) as text:
        for place, lines in enumerate(_sdf_split(text, source.name), start=1):
            fields: dict[str, str] = {}
            for name, value in _data(lines):
                fields.setdefault(name, value)
            smiles = _block_smiles(lines) if layout.smiles < 0 else fields.get(layout.columns[layout.smiles], "")
            yield place, smiles, fields


def _sdf_split(text: Iterator[str], name: str) -> Iterator[list[str]]:
    lines: list[str] = []
    size = 0
    for line in text:
        if line.startswith("$$$$"):
            yield lines
            lines, size = [], 0
        else:
            lines.append(line)
            size += len(line)
            if size > _MAX_RECORD:
                raise InputError(
                    f"{name}: a record has more than {_MAX_RECORD:,} characters; check for a missing $$$$ line"
                )
    if any(line.strip() for line in lines):
        yield lines


def _data(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The names and values of data fields in order; a value ends at a blank line."""
    name: str | None = None
    value: list[str] = []
    for line in lines:
        begin, end = (line.find("<"), line.rfind(">")) if line.startswith(">") else (0, 0)
        if name is not None and (0 < begin < end or line.startswith("$$$$") or not line.strip()):
            yield name, "".join(value).strip()
            name = None
        if 0 < begin < end:
            name, value = line[begin + 1 : end], []
        elif name is not None:
            value.append(line)
    if name is not None:
        yield name, "".join(value).strip()


def _sampled_values(lines: Iterable[str]) -> dict[str, list[str]]:
    """The first values of each field."""
    values: dict[str, list[str]] = {}
    for name, value in _data(lines):
        sample = values.setdefault(name, [])
        if len(sample) < SAMPLE:
            sample.append(value)
    return values


def _block_smiles(lines: list[str]) -> str:
    end = next((place for place, line in enumerate(lines) if line.startswith("M  END")), -1)
    title = lines[0].strip() if lines else ""
    # Longer blocks hold molecules that RDKit cannot write (see LONGEST_SMILES).
    if not 0 < end <= 3 * LONGEST_SMILES:
        return f"{UNREADABLE_BLOCK} {title}".strip()
    with quiet_rdkit():
        try:
            mol = Chem.MolFromMolBlock("".join(lines[: end + 1]))
            written = str(Chem.MolToSmiles(mol)) if mol is not None and mol.GetNumAtoms() <= LONGEST_SMILES else ""
        except (RuntimeError, ValueError):
            written = ""
    return written or f"{UNREADABLE_BLOCK} {title}".strip()


def parquet_layout(source: Source, smiles_column: str | int | None) -> Layout:
    """Find the columns of a Parquet file.

    Raises:
        InputError: pyarrow is missing, the file is damaged or has no rows, or no column holds SMILES.
    """
    with open_parquet(source) as (file, types):
        names = unique(file.schema_arrow.names)
        head = next(file.iter_batches(batch_size=SAMPLE), None)
        kinds = file.schema_arrow.types
        if head is None or not head.num_rows:
            raise InputError(f"{source.name} has columns but no rows")
        samples = [[_text(value) for value in column.to_pylist()] for column in head.columns]
    if smiles_column is not None:
        choice: Choice | None = Choice(resolve(smiles_column, names, source.name), "as asked", 1.0)
    else:
        choice = choose(names, samples)
    if choice is None:
        raise InputError(f"{source.name}: none of its columns {', '.join(map(repr, names))} holds SMILES")
    numeric = tuple(
        index
        for index, kind in enumerate(kinds)
        if index != choice.index and (types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))
    )
    sentence = f"{source.name}: Parquet, SMILES in column {names[choice.index]!r} ({choice.how})"
    return Layout(names, choice.index, numeric, sentence, types=tuple(kinds))


def parquet_records(source: Source, layout: Layout) -> Iterator[Record]:
    """Read the rows one by one; the row number counts from 1."""
    place = 0
    with open_parquet(source) as (file, _):
        for batch in file.iter_batches(batch_size=_BATCH):
            texts = batch.column(layout.smiles).to_pylist()
            numbers = [batch.column(index).to_pylist() for index in layout.numeric]
            for row, text in enumerate(texts):
                place += 1
                yield place, _text(text), [_number(column[row]) for column in numbers]


def full_parquet_records(source: Source, layout: Layout) -> Iterator[tuple[int, str, list[Any]]]:
    """Read the rows as `parquet_records` does, with the values of all columns as Python objects."""
    place = 0
    with open_parquet(source) as (file, _):
        for batch in file.iter_batches(batch_size=_BATCH):
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                place += 1
                yield place, _text(values[layout.smiles]), list(values)


@contextmanager
def open_parquet(source: Source) -> Iterator[tuple[Any, Any]]:
    """Open a file as a `pyarrow.parquet.ParquetFile`; also gives the module `pyarrow.types`.

    Raises:
        InputError: pyarrow is missing, or the file is damaged, even if the block that reads it finds the damage.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise InputError(f'to read {source.name}, install the extra: pip install "molvae[parquet]"') from error
    try:
        with source.seekable() as whole, pq.ParquetFile(whole) as file:
            yield file, pa.types
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, NotImplementedError) as error:
        raise InputError(f"{source.name} is not a readable Parquet file: {_first_line(error)}") from error


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    result = float(value)
    return result if math.isfinite(result) else math.nan


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
