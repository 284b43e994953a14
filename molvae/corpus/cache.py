"""Cleaned tables, kept in the user's cache folder: the same bytes, read and cleaned in the same way, are cleaned once.

An entry is one file, named by the hash of all that decides on its content. What is wrong with the folder or an entry
never ends a run: the table is cleaned as if there were none.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import rdkit
from numpy.typing import NDArray

from molvae._version import __version__
from molvae.config import CleanConfig
from molvae.corpus.cleaning import clean
from molvae.corpus.cleaning_report import Corpus, Counts, write_report
from molvae.corpus.reading import Table
from molvae.errors import MolVAEError
from molvae.storage.cache_folder import cache_folder, tidy
from molvae.storage.files import atomic

__all__ = ["clean_cached"]

# To be raised with every change after which the same bytes may be cleaned to something else, or be stored otherwise.
_FORMAT = "molvae-cleaned/1"
_SUFFIX = ".safetensors"
_FEWEST_ROWS = 10_000  # a smaller table is cleaned in a moment
_MOST_ENTRIES = 8
_DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, OverflowError, MemoryError, zlib.error)


def clean_cached(
    table: Table,
    config: CleanConfig | None = None,
    *,
    rejected: Path | None = None,
    workers: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[Corpus, bool]:
    """As `clean`, at once where the same bytes have been cleaned in the same way before.

    Corpus, counts and rejection report are the same either way. A table is kept if it is a file of at least 10,000
    rows that did not change meanwhile, and has a rejection report; the eight most recent ones are.

    Args:
        table: from `open_table`.
        config: None takes the defaults.
        rejected: as in `clean`.
        workers: as in `clean`.
        on_progress: as in `clean`.

    Returns:
        The corpus, and whether it was there already.

    Raises:
        InputError: as `clean`.
        ConfigError: as `clean`.
    """
    settings = config or CleanConfig()
    folder = cache_folder("cleaned")
    key = _key(table, settings) if folder is not None else None
    if folder is None or key is None:
        return clean(table, settings, rejected=rejected, workers=workers, on_progress=on_progress), False
    entry = folder / f"{key}{_SUFFIX}"
    found = _read(entry, key)
    if found is not None:
        corpus, report = found
        if rejected is not None:
            write_report(rejected, report)
        if on_progress is not None:
            on_progress(corpus.counts.rows)
        return corpus, True
    corpus = clean(table, settings, rejected=rejected, workers=workers, on_progress=on_progress)
    # Hashed again: what changed while it was read is not what the key says.
    if corpus.counts.rows >= _FEWEST_ROWS and rejected is not None and _key(table, settings) == key:
        with suppress(MolVAEError, *_DAMAGE):
            _write(entry, key, corpus, rejected)
            tidy(folder, _SUFFIX, _MOST_ENTRIES)
    return corpus, False


def _key(table: Table, config: CleanConfig) -> str | None:
    """The hash of all that decides on the result; None where the bytes cannot be read twice."""
    how = json.dumps([_FORMAT, __version__, rdkit.__version__, table.how(), config.model_dump()])
    path = table.file
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).digest()
    except OSError:  # said by whoever reads it
        return None
    return hashlib.blake2b(content + how.encode(), digest_size=20).hexdigest()


def _write(entry: Path, key: str, corpus: Corpus, rejected: Path) -> None:
    from safetensors.numpy import save

    if not rejected.is_file():
        return
    entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # molecules may be secrets
    data = {
        "smiles": _packed("\n".join(corpus.smiles).encode()),
        "rejected": _packed(rejected.read_bytes()),
        "properties": np.ascontiguousarray(corpus.properties.to_numpy(dtype=np.float64)),
    }
    counts = corpus.counts
    about = {
        "key": key,
        "digest": _digest(data),
        "columns": list(corpus.properties.columns),
        "counts": [counts.rows, counts.kept, counts.duplicates, dict(counts.rejected)],
    }
    with atomic(entry) as temporary:
        temporary.write_bytes(save(data, metadata={"json": json.dumps(about)}))


def _read(entry: Path, key: str) -> tuple[Corpus, bytes] | None:
    """The corpus and the report of an entry; None where it is missing, damaged or foreign."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(entry, framework="np") as file:
            about = json.loads(file.metadata()["json"])
            data = {name: file.get_tensor(name) for name in ("smiles", "rejected", "properties")}
        if about["key"] != key or about["digest"] != _digest(data):
            return None
        corpus = _corpus(data, about)
        report = zlib.decompress(data["rejected"].tobytes())
    except (SafetensorError, *_DAMAGE):
        return None
    with suppress(OSError):
        os.utime(entry)  # the most recent entries are kept
    return corpus, report


def _corpus(data: dict[str, NDArray[Any]], about: dict[str, Any]) -> Corpus:
    import pandas as pd

    rows, kept, duplicates, reasons = about["counts"]
    smiles = zlib.decompress(data["smiles"].tobytes()).decode().split("\n")
    properties = pd.DataFrame(data["properties"], columns=about["columns"])
    if not kept == len(smiles) == len(properties):
        raise ValueError("the entry does not fit its counts")
    return Corpus(smiles, properties, Counts(rows, kept, duplicates, reasons))


def _packed(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(zlib.compress(content, level=1), dtype=np.uint8)


def _digest(data: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.blake2b(digest_size=20)
    for name in sorted(data):
        digest.update(f"{name} {data[name].dtype} {data[name].shape}".encode())
        digest.update(data[name].tobytes())
    return digest.hexdigest()
