"""Labels of molecules: the numbers of a column of the user's file, or what RDKit computes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import rdkit
from numpy.typing import NDArray

from molvae._version import __version__
from molvae.chem.properties import PROPERTIES, property_table
from molvae.corpus.cells import alike, mostly_numbers
from molvae.corpus.cleaning_report import Corpus
from molvae.corpus.reading import Table
from molvae.errors import ConfigError, MolVAEError, pluralize
from molvae.storage.cache_folder import cache_folder, tidy
from molvae.storage.files import atomic

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LabelSource", "describe_labels", "find_labels", "labels_of"]

_FORMAT = "molvae-property/1"  # to be raised with every change after which a property has other values
_SUFFIX = ".npy"
_FEWEST = 10_000  # of fewer molecules properties are computed in a moment
_MOST_ENTRIES = 32


class LabelSource(NamedTuple):
    """Where the labels of a property come from."""

    name: str
    """of the column, as it stands in the file; or of `molvae.chem.PROPERTIES`"""
    computed: bool
    """by RDKit"""


def find_labels(names: Sequence[str], table: Table | None) -> list[LabelSource]:
    """Where the labels of some properties come from: columns of numbers first, then what RDKit can compute.

    Of columns one of exactly this name is taken, whatever its first rows hold, else one of numbers whose name differs
    in case only.

    Args:
        names: as the user asks for them.
        table: the file; None where there is none.

    Returns:
        One for each, without repetition.

    Raises:
        ConfigError: for a name that is neither; it lists those that there are.
    """
    numeric = table.numeric_columns if table is not None else ()
    folded = {column.casefold(): column for column in reversed(numeric)}
    # The types of a Parquet file say for certain which columns hold numbers.
    others = set(table.columns) - {table.smiles_column} if table is not None and not table.types else set()
    found = []
    for name in names:
        if name in numeric or (name in others and name not in PROPERTIES):
            found.append(LabelSource(name, False))
        elif name.casefold() in folded:
            found.append(LabelSource(folded[name.casefold()], False))
        elif name in PROPERTIES:
            found.append(LabelSource(name, True))
        else:
            raise ConfigError(_unknown(name, table, numeric))
    return list(dict.fromkeys(found))


def labels_of(corpus: Corpus, sources: Sequence[LabelSource]) -> pd.DataFrame:
    """The labels of the molecules of a corpus; what RDKit computes of many is kept in the cache folder.

    Args:
        corpus: its properties hold the columns that are needed.
        sources: from `find_labels`.

    Returns:
        N rows of float64, one column a property; NaN where there is no label.
    """
    import pandas as pd

    computed = _computed(corpus.smiles, [source.name for source in sources if source.computed])
    columns = {one.name: computed[one.name] if one.computed else corpus.properties[one.name] for one in sources}
    return pd.DataFrame(columns, dtype="float64", index=range(len(corpus)))


def describe_labels(sources: Sequence[LabelSource], labels: pd.DataFrame) -> str:
    """Say in one sentence where the labels come from, and how many there are."""
    parts = []
    for name, computed in sources:
        known = int(np.isfinite(labels[name]).sum())
        of = "all molecules" if known == len(labels) else f"{known:,} of {pluralize(len(labels), 'molecule')}"
        parts.append(f"{name} ({'computed by RDKit' if computed else 'column of the file'}, {of})")
    return f"heads for {', '.join(parts)}"


def _unknown(name: str, table: Table | None, numeric: Sequence[str]) -> str:
    computed = f"RDKit computes {', '.join(PROPERTIES)}"
    if table is None:
        return f"there is no property {name!r}; a list of SMILES has no columns, and {computed}"
    columns = f"has columns of numbers {', '.join(map(repr, numeric))}" if numeric else "has no column of numbers"
    near = alike(name, mostly_numbers(table))
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"there is no property {name!r}: {table.name} {columns}, and {computed}{meant}"


def _computed(smiles: list[str], names: list[str]) -> dict[str, NDArray[np.float64]]:
    folder = cache_folder("properties") if len(smiles) >= _FEWEST else None
    entries = {name: folder / f"{_key(smiles, name)}{_SUFFIX}" for name in names} if folder is not None else {}
    found = {name: _read(entry, len(smiles)) for name, entry in entries.items()}
    missing = [name for name in names if found.get(name) is None]
    result = {name: values for name, values in found.items() if values is not None}
    if not missing:
        return result
    fresh = property_table(smiles, missing)
    for name in missing:
        result[name] = fresh[name].to_numpy(np.float64)
        if name in entries:
            _write(entries[name], result[name])
    return result


def _key(smiles: list[str], name: str) -> str:
    digest = hashlib.blake2b(json.dumps([_FORMAT, __version__, rdkit.__version__, name]).encode(), digest_size=20)
    digest.update("\n".join(smiles).encode())
    return digest.hexdigest()


def _read(entry: Path, molecules: int) -> NDArray[np.float64] | None:
    """The values of an entry; None where it is missing or damaged."""
    with suppress(OSError, EOFError, ValueError):
        values = np.load(entry, allow_pickle=False)
        if values.shape == (molecules,) and values.dtype == np.float64:
            os.utime(entry)  # the most recent entries are kept
            return np.asarray(values)
    return None


def _write(entry: Path, values: NDArray[np.float64]) -> None:
    """Keep an entry; what is wrong with the folder never ends a run."""
    with suppress(MolVAEError, OSError):
        entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # molecules may be secrets
        with atomic(entry) as temporary:
            np.save(temporary, values)
        tidy(entry.parent, _SUFFIX, _MOST_ENTRIES)
