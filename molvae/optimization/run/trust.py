"""Whose programs a search folder may run: an objective can be a program, and a folder can come from somebody else."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from molvae.errors import InputError
from molvae.optimization.objectives.parser import runs_code
from molvae.optimization.run.folder import RunConfig
from molvae.storage.cache import cache_folder, remove_old_entries
from molvae.storage.files import write_text

__all__ = ["is_trusted", "programs", "trust"]

_SUFFIX = ".begun"
_MOST = 10_000  # searches that are remembered


def programs(run: RunConfig) -> list[str]:
    """Those objectives of a search that run code of a user: commands of the shell and functions of Python."""
    return [one for one in run.objectives if runs_code(one)]


def trust(folder: Path, run: RunConfig) -> None:
    """Remember that this user wants to run the programs of the search in a folder, on this machine."""
    mark = _mark(folder, run)
    if mark is None or not programs(run):
        return
    with suppress(OSError, InputError):  # with a full disk, or without a home, the user is asked again
        mark.parent.mkdir(parents=True, exist_ok=True)
        write_text(mark, "")
        remove_old_entries(mark.parent, _SUFFIX, _MOST)


def is_trusted(folder: Path, run: RunConfig) -> bool:
    """Whether the search in a folder runs no programs, or this user began it here with the same ones."""
    if not programs(run):
        return True
    mark = _mark(folder, run)
    return mark is not None and mark.exists()


def _mark(folder: Path, run: RunConfig) -> Path | None:
    """The file in the user's cache that stands for a folder and its programs; None where there is no cache."""
    where = cache_folder("searches")
    text = json.dumps([str(folder.resolve()), *programs(run)])
    return where and where / f"{hashlib.sha256(text.encode()).hexdigest()}{_SUFFIX}"
