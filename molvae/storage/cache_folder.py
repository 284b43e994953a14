"""The user's cache folder: ``$MOLVAE_CACHE``, else what the system has for caches; ``MOLVAE_CACHE=off`` is none."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["cache_folder", "tidy"]

_LEFTOVER = 24 * 3600  # seconds after which a file that is being written has no writer any more


def cache_folder(name: str) -> Path | None:
    """The folder for one kind of things in the cache, there or not; None where nothing is to be kept."""
    chosen = os.environ.get("MOLVAE_CACHE", "")
    if chosen.strip().lower() == "off":
        return None
    try:
        if chosen:
            return Path(chosen).expanduser() / name
        from platformdirs import user_cache_path

        return user_cache_path("molvae", appauthor=False) / name
    except (OSError, RuntimeError):  # there is no home
        return None


def tidy(folder: Path, suffix: str, most: int) -> None:
    """Remove all but the most recent entries of a folder, and what writes left behind that were killed.

    Args:
        folder: in the cache.
        suffix: of the names of entries.
        most: entries to keep.
    """
    times = []
    for path in folder.iterdir():
        with suppress(OSError):  # another run was faster
            times.append((path.stat().st_mtime, path))
    entries = sorted((age, path) for age, path in times if path.suffix == suffix and path.name[:1] != ".")
    stale = [path for age, path in times if path.name[:1] == "." and age < time.time() - _LEFTOVER]
    for path in [path for _, path in entries[:-most]] + stale:
        with suppress(OSError):
            path.unlink()
