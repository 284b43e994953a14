"""Keep cleaned tables in the user's cache folder, so that the same bytes with the same settings are cleaned once."""

from __future__ import annotations

import hashlib
import json
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
from molvae.corpus.cleaning import Corpus, Counts, clean, write_report
from molvae.corpus.reading import Table
from molvae.errors import MolVAEError
from molvae.storage.cache import cache_folder, mark_used, storing
from molvae.storage.files import atomic

__all__ = ["clean_cached"]

# Raise this with every change that changes the result of cleaning or the format of entries.
_FORMAT = "molvae-cleaned/1"
_MIN_ROWS = 10_000  # a smaller table is cleaned quickly
_MAX_ENTRIES = 8
_DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, OverflowError, MemoryError, zlib.error)


def clean_cached(
    table: Table,
    config: CleanConfig | None = None,
    *,
    rejected: Path | None = None,
    workers: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[Corpus, bool]:
    """Clean a table as `clean` does, or take the result from the cache; arguments and errors are those of `clean`.

    Corpus, counts and rejection report are the same either way. The cache keeps the eight most recently used tables.
    Each is a file of at least 10,000 rows with a rejection report that did not change while it was read.

    Returns:
        The corpus, and whether it came from the cache.
    """
    settings = config or CleanConfig()
    folder = cache_folder("cleaned")
    key = _key(table, settings) if folder is not None else None
    if folder is None or key is None:
        return clean(table, settings, rejected=rejected, workers=workers, on_progress=on_progress), False
    entry = folder / f"{key}.safetensors"
    found = _read(entry, key)
    if found is not None:
        corpus, report = found
        if rejected is not None:
            write_report(rejected, report)
        if on_progress is not None:
            on_progress(corpus.counts.rows)
        return corpus, True
    corpus = clean(table, settings, rejected=rejected, workers=workers, on_progress=on_progress)
    # Hash the file again: it may have changed while it was read.
    if corpus.counts.rows >= _MIN_ROWS and rejected is not None and _key(table, settings) == key:
        with suppress(MolVAEError, *_DAMAGE):
            _write(entry, key, corpus, rejected)
    return corpus, False


def _key(table: Table, config: CleanConfig) -> str | None:
    """The hash of everything that determines the result; None if the file cannot be read twice."""
    settings = json.dumps([_FORMAT, __version__, rdkit.__version__, table.layout_key(), config.model_dump()])
    path = table.file
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).digest()
    except OSError:  # reading the table reports it
        return None
    return hashlib.blake2b(content + settings.encode(), digest_size=20).hexdigest()


def _write(entry: Path, key: str, corpus: Corpus, rejected: Path) -> None:
    from safetensors.numpy import save

    if not rejected.is_file():
        return
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
    with storing(entry, _MAX_ENTRIES), atomic(entry) as temporary:
        temporary.write_bytes(save(data, metadata={"json": json.dumps(about)}))


def _read(entry: Path, key: str) -> tuple[Corpus, bytes] | None:
    """The corpus and the report of an entry; None if it is missing, damaged or has another key."""
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
    mark_used(entry)
    return corpus, report


def _corpus(data: dict[str, NDArray[Any]], about: dict[str, Any]) -> Corpus:
    import pandas as pd

    rows, kept, duplicates, reasons = about["counts"]
    smiles = zlib.decompress(data["smiles"].tobytes()).decode().split("\n")
    properties = pd.DataFrame(data["properties"], columns=about["columns"])
    if not kept == len(smiles) == len(properties):
        raise ValueError("the entry contradicts its counts")
    return Corpus(smiles, properties, Counts(rows, kept, duplicates, reasons))


def _packed(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(zlib.compress(content, level=1), dtype=np.uint8)


def _digest(data: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.blake2b(digest_size=20)
    for name in sorted(data):
        digest.update(f"{name} {data[name].dtype} {data[name].shape}".encode())
        digest.update(data[name].tobytes())
    return digest.hexdigest()
