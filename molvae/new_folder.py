"""The folder of a run: made, or put in place of an older one, which comes back should the new one come to nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from molvae.errors import InputError
from molvae.files import is_leftover

__all__ = ["BEGUN", "forget_replaced", "new_folder"]

BEGUN = "config.toml"
"""Its settings: the sign that a run has begun, and goes on by itself."""


@contextmanager
def new_folder(
    folder: Path, own: Collection[str], *, overwrite: bool, worthless: Collection[str] = ()
) -> Iterator[bool]:
    """Make a run folder; one that it replaces comes back if the block raises. Yields whether it replaces one.

    The old run is kept beside the new one until the block has ended. Should the process be killed in it, the next run
    in this folder finds the old one there, unless the new one is resumed, which forgets it.

    Args:
        folder: where.
        own: names of all files that such a run may write; a folder with others is never replaced.
        overwrite: replace an older run.
        worthless: of these names those that a run leaves which came to nothing; a folder with nothing else is replaced
            anyway.

    Raises:
        InputError: the folder exists and may not be overwritten, or cannot be made.
    """
    given, folder = folder, _real(folder)
    old = _beside(folder)
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{given} is a file; the run folder needs another name")
        if old.exists() and not (folder / BEGUN).exists():  # a replacement that was killed before it began
            shutil.rmtree(folder, ignore_errors=True)
            old.rename(folder)
        forget_replaced(folder)
        if folder.exists() and any(folder.iterdir()):
            _check_replaceable(given, own, worthless, overwrite=overwrite)
            if folder == Path.cwd():
                raise InputError(f"{given} is the folder that you are in, and cannot be replaced from there")
            folder.rename(old)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{given} cannot be made: {error.strerror}") from error
    try:
        yield old.exists()
    except BaseException:
        if old.exists():
            shutil.rmtree(folder)
            old.rename(folder)
        raise
    forget_replaced(folder)


def forget_replaced(folder: Path) -> None:
    """Remove the run that the one in this folder replaced, if its process was killed before it could."""
    shutil.rmtree(_beside(_real(folder)), ignore_errors=True)


def _real(folder: Path) -> Path:
    """Where a folder is: behind a link it is the folder that is replaced, not the link."""
    return Path(os.path.realpath(folder))


def _beside(folder: Path) -> Path:
    if not folder.name:
        raise InputError(f"{folder} cannot be the folder of a run; name one in it")
    return folder.with_name(f".{folder.name}.replaced")


def _check_replaceable(folder: Path, own: Collection[str], worthless: Collection[str], *, overwrite: bool) -> None:
    names = {path.name for path in folder.iterdir() if not is_leftover(path.name, own)}
    if names <= set(worthless):
        return
    if not overwrite:
        raise InputError(f"{folder} exists; name another folder, resume it (--resume), or replace it (--overwrite)")
    foreign = sorted(name for name in names - set(own) if not name.startswith("."))
    if foreign:
        raise InputError(f"{folder} holds other files than a run's ({', '.join(foreign[:3])}), and is not overwritten")
