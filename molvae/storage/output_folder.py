"""The folder of a run: held by one process, made, or put in place of an older one, which comes back on failure.

Only a folder that a file in it proves to be a run is ever replaced, and only files that molvae has written are ever
removed.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from molvae.errors import InputError, pluralize
from molvae.storage.files import is_leftover, write_text

__all__ = ["BEGUN", "FolderKind", "forget_replaced", "held", "new_folder"]

BEGUN = "config.toml"
"""Its settings: the sign that a run has begun, and goes on by itself."""

_NAMED = 5  # foreign files that a message names


@dataclass(frozen=True)
class FolderKind:
    """How the folders of one kind of run are recognized.

    Attributes:
        name: in messages: "training", "search".
        files: names of all files that such a run may write.
        folders: names of its sub-folders, and the pattern of all file names in each.
        is_one: whether a file in a folder proves that it is of this kind.
        is_worthless: whether such a folder holds nothing that is worth keeping, so that it is replaced unasked.
    """

    name: str
    files: Collection[str]
    is_one: Callable[[Path], bool]
    is_worthless: Callable[[Path], bool] = lambda folder: False
    folders: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes from writing to a run folder until the block ends or the process dies.

    The lock is a file beside the folder, or in it where nothing may be written beside it. Where the file system has no
    locks, a warning says so.

    Raises:
        InputError: another process holds the folder, and the message names it; or its parent cannot be made.
    """
    from filelock import FileLock, Timeout

    place = _lock_file(_real(folder))
    lock = FileLock(place, timeout=0)
    holder = place.with_suffix(".holder")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}") from error
    try:
        lock.acquire()
    except (Timeout, RuntimeError):  # RuntimeError: this very thread holds it
        raise InputError(
            f"{folder} is in use by {_holder(holder)}; wait until it ends, or name another folder"
        ) from None
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        warnings.warn(
            f"{folder} cannot be locked ({reason}); make sure that no other process writes to it", stacklevel=3
        )
        yield
        return
    try:
        with suppress(InputError):
            write_text(holder, f"process {os.getpid()} on {socket.gethostname()}\n")
        yield
    finally:
        try:
            for path in (holder, place):
                with suppress(OSError):  # a system that does not remove open files keeps it
                    path.unlink(missing_ok=True)
        finally:
            lock.release()


def _lock_file(folder: Path) -> Path:
    parent = folder.parent
    beside = not parent.is_dir() or os.access(parent, os.W_OK)
    return parent / f".{folder.name}.lock" if beside else folder / ".lock"


def _holder(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip() or "another process"
    except (OSError, ValueError):
        return "another process"


@contextmanager
def new_folder(folder: Path, kind: FolderKind, *, overwrite: bool) -> Iterator[bool]:
    """Make a run folder; one that it replaces comes back if the block raises. Yields whether it replaces one.

    The old run is kept beside the new one until the block has ended. Should the process be killed in it, the next run
    in this folder finds the old one there, unless the new one is resumed, which forgets it. Whoever calls this holds
    the folder.

    Args:
        folder: where.
        kind: what is made.
        overwrite: replace an older run of this kind.

    Raises:
        InputError: the folder exists and may not be replaced, or cannot be made.
    """
    given, folder = folder, _real(folder)
    old = _beside(folder)
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{given} is a file; the run folder needs another name")
        if old.exists() and not (folder / BEGUN).exists():  # a replacement that was killed before it began
            _bring_back(folder, old, kind)
        forget_replaced(folder, kind)
        if folder.exists() and any(folder.iterdir()):
            _check_replaceable(given, kind, overwrite=overwrite)
            if folder == Path.cwd():
                raise InputError(f"{given} is the folder that you are in, and cannot be replaced from there")
            if old.exists():
                raise InputError(f"{old} holds files that molvae did not write; move them away first")
            folder.rename(old)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{given} cannot be made: {error.strerror}") from error
    try:
        yield old.exists()
    except BaseException:
        if old.exists():
            _bring_back(folder, old, kind)
        raise
    forget_replaced(folder, kind)


def forget_replaced(folder: Path, kind: FolderKind) -> None:
    """Remove the run that the one in this folder replaced, if its process was killed before it could."""
    old = _beside(_real(folder))
    with suppress(OSError):
        if old.is_dir() and (kind.is_one(old) or kind.is_worthless(old)):
            _remove(old, kind)


def _real(folder: Path) -> Path:
    """Where a folder is: behind a link it is the folder that is replaced, not the link."""
    if "\0" in str(folder):
        raise InputError(f"{folder} cannot be the name of a folder: it holds a zero byte")
    return Path(os.path.realpath(folder))


def _beside(folder: Path) -> Path:
    if not folder.name:
        raise InputError(f"{folder} cannot be the folder of a run; name one in it")
    return folder.with_name(f".{folder.name}.replaced")


def _bring_back(folder: Path, old: Path, kind: FolderKind) -> None:
    """Put an older run in place of one that came to nothing; what others have written there stays."""
    if folder.is_dir():
        _remove(folder, kind)
    if folder.is_dir():
        for path in folder.iterdir():
            shutil.move(path, old / path.name)
        folder.rmdir()
    old.rename(folder)


def _remove(folder: Path, kind: FolderKind) -> None:
    """Remove what molvae has written, and the folder if nothing else is in it."""
    for name in kind.folders:
        part = folder / name
        if part.is_dir() and not part.is_symlink():
            for path in part.iterdir():
                if _is_file(path) and re.fullmatch(kind.folders[name], path.name):
                    path.unlink()
            with suppress(OSError):  # somebody else's files are in it
                part.rmdir()
    for path in folder.iterdir():
        if _is_own(path, kind):
            path.unlink()
    with suppress(OSError):
        folder.rmdir()


def _is_own(path: Path, kind: FolderKind) -> bool:
    return _is_file(path) and (path.name in kind.files or is_leftover(path.name, kind.files) or path.name == ".lock")


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _foreign(folder: Path, kind: FolderKind) -> list[str]:
    """Names of all that no run of this kind writes, sub-folders included."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.name in kind.folders and path.is_dir() and not path.is_symlink():
            pattern = kind.folders[path.name]
            found += [
                f"{path.name}/{one.name}"
                for one in sorted(path.iterdir())
                if not (_is_file(one) and re.fullmatch(pattern, one.name))
            ]
        elif not _is_own(path, kind):
            found.append(path.name)
    return found


def _check_replaceable(folder: Path, kind: FolderKind, *, overwrite: bool) -> None:
    foreign = _foreign(folder, kind)
    if foreign and overwrite:
        more = f" and {pluralize(len(foreign) - _NAMED, 'other')}" if len(foreign) > _NAMED else ""
        raise InputError(
            f"{folder} is not replaced, for molvae did not write all that is in it: "
            f"{', '.join(foreign[:_NAMED])}{more}; name another folder"
        )
    if not foreign and kind.is_worthless(folder):
        return
    if not kind.is_one(folder):
        raise InputError(
            f"{folder} is not empty, and nothing in it shows that it is a {kind.name}; name another folder"
        )
    if not overwrite:
        raise InputError(f"{folder} exists; name another folder, resume it (--resume), or replace it (--overwrite)")
