"""Find and download the files of public data sets.

A file is searched in the folder ``$MOLVAE_DATA`` and then in the user's cache folder, and downloaded to the first of
the two that is set. A downloaded file must have the checksum below; a file that the user put there is used as it is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from molvae.errors import InputError
from molvae.storage.cache import cache_folder
from molvae.storage.files import atomic

__all__ = ["DATASETS", "DataFile", "Dataset", "Progress", "download", "find", "find_optional"]

Progress = Callable[[str, int, int], None]
"""A callback for downloads: file name, bytes received, total bytes (0 if unknown)."""

_CHUNK = 1 << 16
_NO_FOLDER = "there is no cache folder (MOLVAE_CACHE=off), so set MOLVAE_DATA to a folder for the data"


class DataFile(NamedTuple):
    """One file of a data set."""

    name: str
    """file name on this machine"""
    remote: str
    """path below the base address of the data set"""
    checksum: str
    """``sha256:`` and the hash, or ``git:`` and the hash of the git blob"""
    other_name: str | None = None
    """another accepted file name; such a file is not checked"""


class Dataset(NamedTuple):
    """A data set of one or more files."""

    title: str
    licence: str
    home: str
    """web page with a description"""
    base: str
    """address in front of the remote paths"""
    files: tuple[DataFile, ...]


DATASETS: dict[str, Dataset] = {
    "moses": Dataset(
        "MOSES (Polykovskiy et al., 2020)",
        "MIT licence",
        "https://github.com/molecularsets/moses",
        "https://media.githubusercontent.com/media/molecularsets/moses/master/moses/dataset/data/",
        (
            DataFile(
                "moses_train.csv.gz",
                "train.csv.gz",
                "sha256:786f0313aa6b9ba5514df685f885742a70ea8d86f1a4fa48115f7f80a634265c",
            ),
            DataFile(
                "moses_test.csv.gz",
                "test.csv.gz",
                "sha256:f896fbf3764f88d94670b9959e5872c600c12152a18233823e820761b7a791b2",
            ),
            DataFile(
                "moses_test_scaffolds.csv.gz",
                "test_scaffolds.csv.gz",
                "sha256:adffb2192c1bfe31ab0e13154d4af19a37dc18bdbf3cd7b4491e04405128adde",
            ),
        ),
    ),
    "zinc250k": Dataset(
        "ZINC-250k (Gomez-Bombarelli et al., 2018)",
        "Apache-2.0 licence of the repository",
        "https://github.com/aspuru-guzik-group/chemical_vae",
        "https://raw.githubusercontent.com/aspuru-guzik-group/chemical_vae/master/models/zinc_properties/",
        (
            DataFile(
                "zinc250k.csv",
                "250k_rndm_zinc_drugs_clean_3.csv",
                "git:d31726bf929d35cb52fa109db90411c90a000dfe",
                other_name="zinc250k.csv.gz",
            ),
        ),
    ),
}
"""The data sets that `download` supports, by name."""


def find(name: str) -> Path:
    """The path of a file of a public data set.

    Args:
        name: the file name without extensions, such as ``moses_test``.

    Raises:
        InputError: the file is not on this machine, or no data set has such a file.
    """
    path = find_optional(name)
    if path is not None:
        return path
    dataset, file = _known(name)
    folders = _folders()
    if not folders:
        raise InputError(f"{file.name} is not here: {_NO_FOLDER}, then run: molvae download {dataset}")
    places = " and not in ".join(map(str, folders))
    raise InputError(
        f"{file.name} is not in {places}: get it by molvae download {dataset}, "
        "or set MOLVAE_DATA to a folder that has it"
    )


def find_optional(name: str) -> Path | None:
    """As `find`, but None if the file is not on this machine."""
    _, file = _known(name)
    return next((path for folder in _folders() if (path := _present(folder, file)) is not None), None)


def download(
    dataset: str, *, folder: str | Path | None = None, on_progress: Progress = lambda name, done, total: None
) -> list[Path]:
    """Download all files of a data set, except files that already exist with the right checksum.

    A file gets its name only after its checksum was compared, so it is either complete or missing.

    Args:
        dataset: a name in `DATASETS`.
        folder: the target folder, created if necessary; None takes ``$MOLVAE_DATA``, or else the user's cache folder.
        on_progress: gets the progress of every download.

    Returns:
        The files, in the order of the data set.

    Raises:
        InputError: the data set is unknown, there is no folder or it cannot be written, or a download fails (no
            network, an invalid address, an interrupted transfer, or a wrong checksum).
    """
    if dataset not in DATASETS:
        raise InputError(f"there is no data set {dataset!r}; there are: {', '.join(DATASETS)}")
    folders = _folders() if folder is None else [Path(folder)]
    if not folders:
        raise InputError(f"there is nowhere to put the data: {_NO_FOLDER}")
    target = folders[0]
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{target} cannot be made ({reason}): set MOLVAE_DATA to a folder for the data") from error
    return [
        _download_file(file, DATASETS[dataset].base + file.remote, target, on_progress)
        for file in DATASETS[dataset].files
    ]


def _known(name: str) -> tuple[str, DataFile]:
    """The name of the data set and the file with a name as in `find`."""
    files = {file.name.split(".")[0]: (title, file) for title, dataset in DATASETS.items() for file in dataset.files}
    if name not in files:
        raise InputError(f"there is no data file {name!r}; there are: {', '.join(files)}")
    return files[name]


def _folders() -> list[Path]:
    """The folders to search, in this order; downloads go to the first."""
    chosen, cache = os.environ.get("MOLVAE_DATA"), cache_folder("data")
    return ([Path(os.path.expanduser(chosen))] if chosen else []) + ([cache] if cache else [])


def _present(folder: Path, file: DataFile) -> Path | None:
    paths = [folder / name for name in (file.name, file.other_name) if name is not None]
    # Not Path.is_file, which raises an error if the folder may not be searched.
    return next((path for path in paths if os.path.isfile(path)), None)


def _download_file(file: DataFile, address: str, folder: Path, on_progress: Progress) -> Path:
    path = folder / file.name
    there = _present(folder, file)
    if there is not None and (there != path or _checksum(path, file.checksum) == file.checksum):
        return there
    with atomic(path) as temporary:
        _fetch(address, temporary, lambda done, total: on_progress(file.name, done, total))
        found = _checksum(temporary, file.checksum)
        if found != file.checksum:
            raise InputError(
                f"the download from {address} is not {file.name} (checksum {found} instead of {file.checksum}) and was "
                "not kept: a proxy may have returned a page of its own, or the file has changed on the server"
            )
    return path


def _fetch(address: str, path: Path, on_progress: Callable[[int, int], None]) -> None:
    """Download an address to a file.

    Raises:
        InputError: there is no answer, or it is incomplete.
        OSError: the file cannot be written.
    """
    import requests  # a dependency of pooch
    from pooch import HTTPDownloader

    bar = _Bar(on_progress)
    try:
        with ExitStack() as answers:

            def close_later(answer: requests.Response, **_: Any) -> None:
                # If reading stops early, pooch does not close the connection.
                answers.callback(answer.close)

            get = HTTPDownloader(
                progressbar=bar,
                chunk_size=_CHUNK,
                # Without compression, so that the received bytes are the bytes of the file.
                headers={"Accept-Encoding": "identity"},
                hooks={"response": close_later},
            )
            get(address, str(path), None)
    except requests.RequestException as error:
        answer = error.response
        if answer is not None:
            code, words = answer.status_code, f"{answer.status_code} {answer.reason}".strip()
            advice = "try again later" if code >= 500 or code == 429 else "it may have moved, or a proxy is in the way"
            raise InputError(f"{address} cannot be downloaded, the server says {words!r}: {advice}") from None
        if bar.total is None:
            raise InputError(
                f"{address} cannot be reached ({_reason(error)}): check the network, or the proxy in $HTTPS_PROXY"
            ) from None
        whole = f" of {bar.total:,}" if bar.total else ""
        raise InputError(
            f"{address}: the transfer stopped after {path.stat().st_size:,}{whole} bytes and was not kept: try again"
        ) from None


class _Bar:
    """A progress bar for pooch that calls a function with the received bytes and the total."""

    def __init__(self, on_progress: Callable[[int, int], None]) -> None:
        self.total: int | None = None
        """set when the transfer begins; 0 if the server does not send it"""
        self._done = 0
        self._on_progress = on_progress

    def update(self, size: int) -> None:
        self._done += size
        total = self.total or 0
        # pooch counts the last chunk as a whole one.
        self._on_progress(min(self._done, total) if total else self._done, total)

    def reset(self) -> None:
        if self.total:  # pooch calls update with the total next
            self._done = 0

    def close(self) -> None:
        pass


def _reason(error: BaseException) -> str:
    """The message of the first cause; the messages of the exceptions around it are long and vague."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _checksum(path: Path, like: str) -> str:
    """The checksum of a file, of the same kind (``sha256:`` or ``git:``) as another one.

    Raises:
        InputError: the file cannot be read.
    """
    kind = like.split(":")[0]
    try:
        with path.open("rb") as file:
            if kind == "git":
                # The hash of a git blob: SHA-1 of a header with the length, and the content.
                digest = hashlib.sha1(b"blob %d\0" % os.fstat(file.fileno()).st_size, usedforsecurity=False)
            else:
                digest = hashlib.new(kind)
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    return f"{kind}:{digest.hexdigest()}"
