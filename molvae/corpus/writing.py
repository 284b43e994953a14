"""Molecules -> a file, in the format that its extension names."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from molvae.chem import parse
from molvae.errors import InputError
from molvae.files import atomic

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_output", "to_text", "write_table"]

_KINDS = ("csv", "tsv", "smi", "sdf", "parquet")


def check_output(path: Path, kinds: Sequence[str] | None = None) -> None:
    """Say before the work begins that a file cannot be written.

    Args:
        path: the file.
        kinds: extensions that will do; by default those of `write_table`.

    Raises:
        InputError: the extension names no format, the folder is not there or not writable, or pyarrow is missing.
    """
    known = kinds or _KINDS
    if path.suffix.lower().removeprefix(".") not in known:
        raise InputError(f"{path}: the extension must be one of {', '.join('.' + kind for kind in known)}")
    if path.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise InputError('Parquet needs pyarrow: pip install "molvae[parquet]"')
    if not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: there is no folder {path.parent}")
    if path.is_dir():
        raise InputError(f"{path} cannot be written: it is a folder")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table whose first column is ``smiles``, to a path that `check_output` accepts; whole or not at all.

    csv and tsv have a header; smi holds the SMILES alone, or with the other columns behind it by tabs; sdf holds 2-D
    structures named molvae-1, molvae-2, ... with the columns as fields; parquet needs an extra.

    Raises:
        InputError: the file cannot be written.
    """
    kind = path.suffix.lower().removeprefix(".")
    with atomic(path) as temporary:
        if kind == "parquet":
            table.to_parquet(temporary, index=False)
        elif kind == "sdf":
            _write_sdf(temporary, table)
        else:
            separator = "," if kind == "csv" else "\t"
            temporary.write_text(
                to_text(table, header=kind != "smi", separator=separator), encoding="utf-8", newline=""
            )


def to_text(table: pd.DataFrame, *, header: bool, separator: str = ",") -> str:
    """A table as delimited text, numbers to five digits; without a header a single column is printed as it is."""
    if not header and len(table.columns) == 1:
        return "".join(f"{one}\n" for one in table.iloc[:, 0])
    return table.to_csv(index=False, header=header, sep=separator, float_format="%.5g", lineterminator="\n")


def _write_sdf(path: Path, table: pd.DataFrame) -> None:
    from rdkit.Chem import SDWriter
    from rdkit.Chem.rdDepictor import Compute2DCoords

    with SDWriter(str(path)) as writer:
        for number, row in enumerate(table.to_dict("records"), start=1):
            mol = parse(row["smiles"])
            if mol is None:
                continue
            Compute2DCoords(mol)
            mol.SetProp("_Name", f"molvae-{number}")
            for name, value in row.items():
                mol.SetProp(str(name), f"{value:.5g}" if isinstance(value, float) else str(value))
            writer.write(mol)
