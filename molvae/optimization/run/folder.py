"""The folder of a search: what was asked for, so that it can go on without being asked again.

molvae-runs/optimize-<time>/
    config.toml         objectives, constraints, budget, seed, model, and how to search
    start.smi           the molecules to begin with
    calls.csv           every call of the objective; see `molvae.optimization.run.log`
    cache.csv           what the objectives have said; another search takes it with --cache
    state.safetensors   the state to resume from
    best.csv, best.svg, best.png, curve.csv, curve.svg, curve.png    what was found, when the search has ended
    front.csv, front.svg, front.png    the front of trade-offs, where it was looked for
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from molvae.config import Settings, read_toml, to_toml
from molvae.errors import InputError, ModelError
from molvae.optimization.run.result import BEST, RESULT_FILES
from molvae.optimization.settings import SearchConfig
from molvae.storage.files import remove_leftovers, write_text
from molvae.storage.output_folder import BEGUN, FolderKind, forget_replaced, new_folder

__all__ = ["CACHE", "CALLS", "STATE", "Request", "RunConfig", "begin", "change", "go_on", "read_request"]

CALLS, CACHE, STATE = "calls.csv", "cache.csv", "state.safetensors"
_START = "start.smi"
_FILES = {BEGUN, CALLS, CACHE, STATE, _START, *RESULT_FILES}


class RunConfig(Settings):
    """What is searched for."""

    objectives: tuple[str, ...] = Field(description="Objectives by name, each with its weight.")
    mean: Literal["geometric", "arithmetic", "pareto"] = Field("geometric", description="What is made of several.")
    timeout: float = Field(0.0, ge=0.0, description="Seconds for one call of a command; 0: any number.")
    budget: int = Field(1_000, ge=1, description="Calls of the objective: distinct molecules.")
    batch: int = Field(0, ge=0, description="Molecules scored at a time; 0: by the number of calls.")
    constraints: tuple[str, ...] = Field((), description="What every molecule must be.")
    seed: int = Field(0, ge=0, lt=2**32, description="Of every random choice.")
    cache: str = Field("", description="File of known answers; by default that of the folder.")
    top: int = Field(BEST, ge=1, description="Molecules that are printed and written as the best.")
    model: str = Field("", description="Where the model was, if it came from somewhere.")
    model_key: str = Field("", description="What tells it from others.")


_SECTIONS: dict[str, type[Settings]] = {"run": RunConfig, "search": SearchConfig}


class Request(NamedTuple):
    """All that a search depends on, beside the model itself."""

    run: RunConfig
    search: SearchConfig
    start: tuple[str, ...]
    """SMILES, each in one line"""


@contextmanager
def begin(folder: Path, request: Request, *, overwrite: bool) -> Iterator[None]:
    """Make the folder of a search.

    A search that came to nothing when the block ends, in whatever way, leaves nothing, and one that it was to replace
    is there again: it shall not be in the way of the next, nor cost an older one.

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
            if not (was_there or any(folder.iterdir())):  # what an objective has written there stays
                folder.rmdir()
            raise _NothingError
    if failure is not None:
        raise failure


class _NothingError(Exception):
    """Nothing was scored."""


def _has_rows(file: Path) -> bool:
    return file.exists() and file.read_bytes().count(b"\n") > 1


def go_on(folder: Path, request: Request) -> None:
    """Make sure that a search goes on as it began, but for its budget.

    Raises:
        ModelError: the folder holds no search, one with other settings, or one with another model.
    """
    begun = read_request(folder)
    if request.run.model_key != begun.run.model_key:
        raise ModelError(
            f"the search in {folder} was begun with another model; resume it with {begun.run.model or 'that'}"
        )
    free = {"budget", "model", "cache", "top"}
    for given, was in ((request.run, begun.run), (request.search, begun.search)):
        for name, value in was.model_dump(exclude=free).items():
            if getattr(given, name) != value:
                raise ModelError(
                    f"the search in {folder} was begun with {name} {value!r}, not {getattr(given, name)!r}; resume it "
                    "with the settings that it had, or search in another folder"
                )
    if request.start != begun.start:
        raise ModelError(f"the search in {folder} was begun with other molecules to start from")
    remove_leftovers(folder, _FILES)
    forget_replaced(folder, _KIND)


def change(folder: Path, **free: int) -> None:
    """Give the search in a folder another ``budget`` or ``top``."""
    begun = read_request(folder)
    changed = begun.run.replace(**free)
    if changed != begun.run:
        _write_config(folder, begun._replace(run=changed))


def read_request(folder: Path) -> Request:
    """What a search in a folder was asked for.

    Raises:
        ModelError: the folder holds no search that could be resumed.
        ConfigError: its settings are damaged.
    """
    if not (folder / BEGUN).is_file() or not (folder / _START).is_file():
        raise ModelError(f"{folder} holds no search that could be resumed ({BEGUN}, {_START}); start it anew")
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
    """Whether a search has written its settings and its first molecules into a folder."""
    try:
        settings = tomllib.loads((folder / BEGUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return settings.keys() == _SECTIONS.keys() and (folder / _START).is_file()


_KIND = FolderKind("search", _FILES, _is_search)


def _write_config(folder: Path, request: Request) -> None:
    write_text(folder / BEGUN, to_toml({"run": request.run, "search": request.search}))
