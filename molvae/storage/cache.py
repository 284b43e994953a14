"""The user's cache folder: ``$MOLVAE_CACHE``, or the system's folder for caches; ``MOLVAE_CACHE=off`` turns it off.

An entry is one file, named by a hash of everything that its content depends on. A damaged entry or an unusable folder
never ends a run: the content is computed again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molvae.errors import MolVAEError
from molvae.storage.files import read_tensors, write_tensors

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["cache_folder", "cached_tensors", "content_key", "mark_used", "remove_old_entries", "storing"]

_MAX_AGE = 24 * 3600  # seconds; a temporary file older than this was left by a process that was killed


def cache_folder(name: str) -> Path | None:
    """The cache folder for one kind of content, whether it exists or not; None if there is no cache."""
    chosen = os.environ.get("MOLVAE_CACHE", "")
    if chosen.strip().lower() == "off":
        return None
    try:
        if chosen:
            return Path(chosen).expanduser() / name
        from platformdirs import user_cache_path

        return user_cache_path("molvae", appauthor=False) / name
    except (OSError, RuntimeError):  # there is no home folder
        return None


def content_key(settings: list[Any], content: bytes) -> str:
    """The hash of JSON-able settings and some content, as 40 hexadecimal digits."""
    digest = hashlib.blake2b(json.dumps(settings).encode(), digest_size=20)
    digest.update(content)
    return digest.hexdigest()


def mark_used(entry: Path) -> None:
    """Set the time of an entry to now, so that `remove_old_entries` keeps it."""
    with suppress(OSError):
        os.utime(entry)


@contextmanager
def storing(entry: Path, max_entries: int) -> Iterator[None]:
    """Make the folder of an entry that the block writes; afterwards remove old entries of the same kind.

    Raises:
        OSError: the folder cannot be made or read.
    """
    entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # the molecules may be confidential
    yield
    remove_old_entries(entry.parent, entry.suffix, max_entries)


def remove_old_entries(folder: Path, suffix: str, max_entries: int) -> None:
    """Remove all but the most recently used entries with this suffix, and temporary files of killed processes."""
    times = []
    for path in folder.iterdir():
        with suppress(OSError):  # another process removed it
            times.append((path.stat().st_mtime, path))
    entries = sorted((age, path) for age, path in times if path.suffix == suffix and path.name[:1] != ".")
    stale = [path for age, path in times if path.name[:1] == "." and age < time.time() - _MAX_AGE]
    for path in [path for _, path in entries[:-max_entries]] + stale:
        with suppress(OSError):
            path.unlink()


def cached_tensors(
    kind: str, key: str, compute: Callable[[], Mapping[str, Tensor]], *, max_entries: int = 16
) -> Mapping[str, Tensor]:
    """The tensors stored under a key, or those that `compute` returns, which are then stored.

    Args:
        kind: the name of a folder in the cache.
        key: part of a file name in that folder.
        compute: computes the tensors.
        max_entries: number of entries to keep in the folder, the most recently used ones.
    """
    folder = cache_folder(kind)
    if folder is None:
        return compute()
    entry = folder / f"{key}.safetensors"
    with suppress(MolVAEError):
        tensors, metadata = read_tensors(entry)
        if metadata.get("key") == key:
            mark_used(entry)
            return tensors
    tensors = dict(compute())
    with suppress(MolVAEError, OSError), storing(entry, max_entries):
        write_tensors(entry, tensors, {"key": key})
    return tensors
