"""Property labels of molecules: from a column of the user's file, or computed by RDKit."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import rdkit
from numpy.typing import NDArray

from molvae._version import __version__
from molvae.chem.properties import PROPERTIES, property_table
from molvae.config import ModelConfig
from molvae.corpus.cleaning import Corpus
from molvae.corpus.columns import alike
from molvae.corpus.measurements import logarithms
from molvae.corpus.reading import Table
from molvae.errors import ConfigError, MolVAEError, pluralize
from molvae.storage.cache import cache_folder, content_key, mark_used, storing
from molvae.storage.files import atomic

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LabelSource", "describe_labels", "find_labels", "labels_of", "learned"]

_FORMAT = "molvae-property/1"  # raise this with every change that changes the values of a property
_MIN_CACHED = 10_000  # molecules; the properties of fewer are computed quickly
_MAX_ENTRIES = 32


class LabelSource(NamedTuple):
    """Where the labels of a property come from."""

    name: str
    """of the column in the file, or of `molvae.chem.PROPERTIES`"""
    computed: bool
    """whether RDKit computes them"""


def find_labels(names: Sequence[str], table: Table | None) -> list[LabelSource]:
    """Find the source of the labels of some properties: a column of the file, or else RDKit.

    A column of exactly this name is taken even if its first rows hold no numbers. Otherwise a numeric column is taken
    whose name differs only in case.

    Args:
        names: the names that the user requests.
        table: the file; None if there is none.

    Returns:
        One source per name, without repetition.

    Raises:
        ConfigError: a name is neither; the message lists the known names.
    """
    numeric = table.numeric_columns if table is not None else ()
    folded = {column.casefold(): column for column in reversed(numeric)}
    # In a Parquet file the types of the columns tell which are numeric.
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
    """The labels of the N molecules of a corpus; the cache folder keeps what RDKit computes for large ones.

    Args:
        corpus: its properties include the required columns.
        sources: from `find_labels`.

    Returns:
        N rows of float64, one column per property; NaN if there is no label.
    """
    import pandas as pd

    computed = _computed(corpus.smiles, [source.name for source in sources if source.computed])
    columns = {one.name: computed[one.name] if one.computed else corpus.properties[one.name] for one in sources}
    return pd.DataFrame(columns, dtype="float64", index=range(len(corpus)))


def learned(labels: NDArray[np.float64], model: ModelConfig) -> NDArray[np.float64]:
    """(N, P) labels as the heads of a model learn them: log10 where its settings say so, NaN if there is none."""
    logs = [quantity != name for name, quantity in zip(model.heads, model.quantities, strict=True)]
    return np.where(logs, logarithms(labels), labels)


def describe_labels(sources: Sequence[LabelSource], labels: NDArray[np.float64], quantities: Sequence[str]) -> str:
    """One sentence about where the labels come from and how many there are.

    Args:
        sources: P sources.
        labels: (N, P) from `learned`.
        quantities: P names, from `ModelConfig.quantities`.
    """
    parts = []
    for (_, computed), name, values in zip(sources, quantities, labels.T, strict=True):
        known = int(np.isfinite(values).sum())
        of = "all molecules" if known == len(labels) else f"{known:,} of {pluralize(len(labels), 'molecule')}"
        parts.append(f"{name} ({'computed by RDKit' if computed else 'column of the file'}, {of})")
    return f"heads for {', '.join(parts)}"


def _unknown(name: str, table: Table | None, numeric: Sequence[str]) -> str:
    computed = f"RDKit computes {', '.join(PROPERTIES)}"
    if table is None:
        return f"there is no property {name!r}; a list of SMILES has no columns, and {computed}"
    columns = f"has columns of numbers {', '.join(map(repr, numeric))}" if numeric else "has no column of numbers"
    near = alike(name, table.mostly_numeric())
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"there is no property {name!r}: {table.name} {columns}, and {computed}{meant}"


def _computed(smiles: list[str], names: list[str]) -> dict[str, NDArray[np.float64]]:
    folder = cache_folder("properties") if len(smiles) >= _MIN_CACHED else None
    entries = {name: folder / f"{_key(smiles, name)}.npy" for name in names} if folder is not None else {}
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
    return content_key([_FORMAT, __version__, rdkit.__version__, name], "\n".join(smiles).encode())


def _read(entry: Path, molecules: int) -> NDArray[np.float64] | None:
    """The values of an entry; None if it is missing or damaged."""
    with suppress(OSError, EOFError, ValueError):
        values = np.load(entry, allow_pickle=False)
        if values.shape == (molecules,) and values.dtype == np.float64:
            mark_used(entry)
            return np.asarray(values)
    return None


def _write(entry: Path, values: NDArray[np.float64]) -> None:
    with suppress(MolVAEError, OSError), storing(entry, _MAX_ENTRIES), atomic(entry) as temporary:
        np.save(temporary, values)
