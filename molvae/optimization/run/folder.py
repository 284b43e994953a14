"""The folder of a search: its settings, so that it can be resumed; and whether its programs are trusted.

molvae-runs/optimize-<time>/
    config.toml         objectives, constraints, budget, seed, model, and the settings of the search
    start.smi           the molecules to begin with
    calls.csv           every call of the objective; see `molvae.optimization.run.log`
    cache.csv           the numbers of the objectives; another search takes it with --cache
    state.safetensors   the state to resume from
    best.csv, best.svg, best.png, curve.csv, curve.svg, curve.png    the results, when the search has ended
    front.csv, front.svg, front.png    the front of trade-offs, if the search was for one
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from molvae.config import Settings, read_toml, to_toml
from molvae.errors import InputError, ModelError
from molvae.optimization.objectives.parser import runs_code
from molvae.optimization.run.result import BEST, RESULT_FILES
from molvae.optimization.settings import SearchConfig
from molvae.storage.cache import cache_folder, remove_old_entries
from molvae.storage.files import remove_leftovers, write_text
from molvae.storage.output_folder import BEGUN, FolderKind, forget_replaced, new_folder

__all__ = [
    "CACHE",
    "CALLS",
    "STATE",
    "Request",
    "RunConfig",
    "begin",
    "change",
    "go_on",
    "is_trusted",
    "programs",
    "read_request",
    "trust",
]

CALLS, CACHE, STATE = "calls.csv", "cache.csv", "state.safetensors"
_START = "start.smi"
_FILES = {BEGUN, CALLS, CACHE, STATE, _START, *RESULT_FILES}
_MAY_CHANGE = {"budget", "model", "cache", "top", "directory"}
_TRUST_SUFFIX = ".begun"
_MOST_TRUSTED = 10_000  # searches


class RunConfig(Settings):
    """The task of a search."""

    objectives: tuple[str, ...] = Field(description="Objectives by name, each with its weight.")
    mean: Literal["geometric", "arithmetic", "pareto"] = Field("geometric", description="How several are combined.")
    timeout: float = Field(0.0, ge=0.0, description="Seconds for one call of a command; 0: no limit.")
    budget: int = Field(1_000, ge=1, description="Calls of the objective: distinct molecules.")
    batch: int = Field(0, ge=0, description="Molecules scored at a time; 0: by the number of calls.")
    constraints: tuple[str, ...] = Field((), description="What every molecule must fulfil.")
    seed: int = Field(0, ge=0, lt=2**32, description="Of every random choice.")
    cache: str = Field("", description="File of known numbers; by default that of the folder.")
    top: int = Field(BEST, ge=1, description="Number of best molecules that are printed and written.")
    model: str = Field("", description="Name or folder of the model, if it has one.")
    model_key: str = Field("", description="Checksum of the model.")
    directory: str = Field("", description="Where the search began: files of objectives are relative to it.")

    @model_serializer(mode="wrap")
    def _without_empty_directory(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Only objectives that are programs need a directory; the files of other searches are as before."""
        values: dict[str, Any] = handler(self)
        return {name: value for name, value in values.items() if name != "directory" or value}


_SECTIONS: dict[str, type[Settings]] = {"run": RunConfig, "search": SearchConfig}


class Request(NamedTuple):
    """All that a search depends on, except the model itself."""

    run: RunConfig
    search: SearchConfig
    start: tuple[str, ...]
    """SMILES, each in one line"""


@contextmanager
def begin(folder: Path, request: Request, *, overwrite: bool) -> Iterator[None]:
    """Make the folder of a search.

    If nothing was scored when the block ends, for whatever reason, the folder is removed, and a search that it replaced
    is restored.

    Raises:
        InputError: it exists and may not be overwritten, or cannot be made.
    """
    was_there = folder.exists()
    failure: BaseException | None = None
    with suppress(_NothingError), new_folder(folder, _KIND, overwrite=overwrite):
        write_text(folder / _START, "".join(f"{one}\n" for one in request.start))
        _write_config(folder, request)
        try:
            yield
        except BaseException as error:
            failure = error
        if not (_has_rows(folder / CALLS) or _has_rows(folder / CACHE)):
            for name in _FILES:
                (folder / name).unlink(missing_ok=True)
            if not (was_there or any(folder.iterdir())):  # files that an objective has written there stay
                folder.rmdir()
            raise _NothingError
    if failure is not None:
        raise failure


class _NothingError(Exception):
    """Nothing was scored."""


def _has_rows(file: Path) -> bool:
    return file.exists() and file.read_bytes().count(b"\n") > 1


def go_on(folder: Path, request: Request) -> None:
    """Check that a search is resumed with its own settings, except those that may change, such as the budget.

    Raises:
        ModelError: the folder holds no search, one with other settings, or one with another model.
    """
    begun = read_request(folder)
    if request.run.model_key != begun.run.model_key:
        raise ModelError(
            f"the search in {folder} was begun with another model; resume it with {begun.run.model or 'that'}"
        )
    for given, was in ((request.run, begun.run), (request.search, begun.search)):
        for name, value in was.model_dump(exclude=_MAY_CHANGE).items():
            if getattr(given, name) != value:
                raise ModelError(
                    f"the search in {folder} was begun with {name} {value!r}, not {getattr(given, name)!r}; resume it "
                    "with its own settings, or search in another folder"
                )
    if request.start != begun.start:
        raise ModelError(f"the search in {folder} was begun with other start molecules")
    remove_leftovers(folder, _FILES)
    forget_replaced(folder, _KIND)


def change(folder: Path, **changes: int) -> None:
    """Give the search in a folder another ``budget`` or ``top``."""
    begun = read_request(folder)
    changed = begun.run.replace(**changes)
    if changed != begun.run:
        _write_config(folder, begun._replace(run=changed))


def read_request(folder: Path) -> Request:
    """The settings of the search in a folder.

    Raises:
        ModelError: the folder holds no search that can be resumed.
        ConfigError: its settings are damaged.
    """
    if not (folder / BEGUN).is_file() or not (folder / _START).is_file():
        raise ModelError(f"{folder} holds no search that can be resumed ({BEGUN}, {_START}); start a new one")
    given = read_toml(folder / BEGUN, _SECTIONS)
    try:
        start = tuple((folder / _START).read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{folder / _START} cannot be read: {error}") from None
    run = RunConfig(**given["run"])
    if run.model == "bundled":  # the name of moses until medchem became the default; new searches write medchem
        run = run.replace(model="moses")
    return Request(run, SearchConfig(**given["search"]), start)


def _is_search(folder: Path) -> bool:
    """Whether a folder holds the settings and the start molecules of a search."""
    try:
        settings = tomllib.loads((folder / BEGUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return settings.keys() == _SECTIONS.keys() and (folder / _START).is_file()


_KIND = FolderKind("search", _FILES, _is_search)


def _write_config(folder: Path, request: Request) -> None:
    write_text(folder / BEGUN, to_toml({"run": request.run, "search": request.search}))


def programs(run: RunConfig) -> list[str]:
    """The objectives of a search that run a user's code: shell commands and Python functions.

    A folder may come from somebody else, so they only run if the user has begun the search or agrees.
    """
    return [one for one in run.objectives if runs_code(one)]


def trust(folder: Path, run: RunConfig) -> None:
    """Remember that this user wants to run the programs of the search in a folder, on this machine."""
    mark = _trust_mark(folder, run)
    if mark is None or not programs(run):
        return
    with suppress(OSError, InputError):  # with a full disk, or without a home, the user is asked again
        mark.parent.mkdir(parents=True, exist_ok=True)
        write_text(mark, "")
        remove_old_entries(mark.parent, _TRUST_SUFFIX, _MOST_TRUSTED)


def is_trusted(folder: Path, run: RunConfig) -> bool:
    """Whether the search in a folder runs no programs, or this user began it here with the same ones."""
    if not programs(run):
        return True
    mark = _trust_mark(folder, run)
    return mark is not None and mark.exists()


def _trust_mark(folder: Path, run: RunConfig) -> Path | None:
    """The file in the user's cache for a folder and its programs; None if there is no cache."""
    where = cache_folder("searches")
    text = json.dumps([str(folder.resolve()), *programs(run), *([run.directory] if run.directory else [])])
    return where and where / f"{hashlib.sha256(text.encode()).hexdigest()}{_TRUST_SUFFIX}"
