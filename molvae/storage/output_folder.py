"""Run folders: locked by one process; a new run can replace an old one, which is restored if the new one fails.

A folder is replaced only if a file in it proves that it is a run, and only files that molvae wrote are removed.
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
"""The settings of a run. This file exists as soon as a run has started and can be resumed."""

_MAX_NAMED = 5  # other files that a message names


@dataclass(frozen=True)
class FolderKind:
    """How to recognize the folders of one kind of run.

    Attributes:
        name: the kind in messages: "training", "search".
        files: names of all files that such a run may write.
        folders: names of its subfolders, with the pattern of the file names in each.
        is_one: whether a file in a folder proves that it is of this kind.
        is_worthless: whether such a folder holds nothing worth keeping, so that it may be replaced without asking.
    """

    name: str
    files: Collection[str]
    is_one: Callable[[Path], bool]
    is_worthless: Callable[[Path], bool] = lambda folder: False
    folders: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Lock a run folder against other processes until the block ends or the process dies.

    The lock is a file next to the folder, or inside it if the parent is not writable. If the file system has no locks,
    there is a warning.

    Raises:
        InputError: another process holds the lock (the message names it), or the parent folder cannot be made.
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
    except (Timeout, RuntimeError):  # RuntimeError: this thread holds the lock already
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
                with suppress(OSError):  # some systems cannot remove open files
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
    """Make a run folder. Yields whether it replaces an old run, which is restored if the block raises an exception.

    The old run is kept next to the new one until the block ends. If the process is killed inside the block, the next
    run in this folder restores the old one, unless the new one is resumed. The caller must hold the lock.

    Args:
        folder: the folder.
        kind: the kind of run.
        overwrite: allow to replace an old run of this kind.

    Raises:
        InputError: the folder exists and may not be replaced, or cannot be made.
    """
    given, folder = folder, _real(folder)
    old = _old_run(folder)
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{given} is a file; choose another name for the run folder")
        if old.exists() and not (folder / BEGUN).exists():  # the process was killed before the new run had begun
            _restore(folder, old, kind)
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
            _restore(folder, old, kind)
        raise
    forget_replaced(folder, kind)


def forget_replaced(folder: Path, kind: FolderKind) -> None:
    """Remove the old run that was replaced in this folder, if the process was killed before it did so."""
    old = _old_run(_real(folder))
    with suppress(OSError):
        if old.is_dir() and (kind.is_one(old) or kind.is_worthless(old)):
            _remove(old, kind)


def _real(folder: Path) -> Path:
    """The folder itself: if it is a link, its target is replaced, not the link."""
    if "\0" in str(folder):
        raise InputError(f"{folder} cannot be the name of a folder: it holds a zero byte")
    return Path(os.path.realpath(folder))


def _old_run(folder: Path) -> Path:
    if not folder.name:
        raise InputError(f"{folder} cannot be the folder of a run; choose a folder inside it")
    return folder.with_name(f".{folder.name}.replaced")


def _restore(folder: Path, old: Path, kind: FolderKind) -> None:
    """Restore an old run in place of a failed one; files that molvae did not write are kept."""
    if folder.is_dir():
        _remove(folder, kind)
    if folder.is_dir():
        for path in folder.iterdir():
            shutil.move(path, old / path.name)
        folder.rmdir()
    old.rename(folder)


def _remove(folder: Path, kind: FolderKind) -> None:
    """Remove the files that molvae wrote, and the folder if it is empty then."""
    for name in kind.folders:
        part = folder / name
        if part.is_dir() and not part.is_symlink():
            for path in part.iterdir():
                if _is_file(path) and re.fullmatch(kind.folders[name], path.name):
                    path.unlink()
            with suppress(OSError):  # it holds other files
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
    """Names of all files that a run of this kind does not write, also in subfolders."""
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
        more = f" and {pluralize(len(foreign) - _MAX_NAMED, 'other')}" if len(foreign) > _MAX_NAMED else ""
        raise InputError(
            f"{folder} is not replaced, because molvae did not write all that is in it: "
            f"{', '.join(foreign[:_MAX_NAMED])}{more}; name another folder"
        )
    if not foreign and kind.is_worthless(folder):
        return
    if not kind.is_one(folder):
        raise InputError(
            f"{folder} is not empty, and nothing in it shows that it is a {kind.name}; name another folder"
        )
    if not overwrite:
        raise InputError(f"{folder} exists; name another folder, resume it (--resume), or replace it (--overwrite)")
