"""The user's request, kept in the run folder until training starts, so that a run killed before can be resumed."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from molvae.config import CleanConfig, ModelConfig, Settings, Size, TrainConfig
from molvae.errors import ModelError
from molvae.storage.files import write_text

__all__ = ["REQUEST", "SECTIONS", "Request", "is_request", "read_request", "write_request"]

REQUEST = "request.json"

SECTIONS: dict[str, type[Settings]] = {"model": ModelConfig, "training": TrainConfig, "cleaning": CleanConfig}
"""The tables of a config file."""


@dataclass(frozen=True)
class Request:
    """The input file, how to read it, and the user's settings."""

    source: str | None
    """absolute path; None for a list or standard input, which end with the process"""
    smiles_column: str | int | None
    header: bool | None
    size: Size | None
    given: dict[str, dict[str, Any]]
    """fields set by the user, by table"""
    where: str | None = None
    """an expression that chooses rows; None in a request of an earlier version"""


def write_request(folder: Path, request: Request) -> None:
    """Write the file that `read_request` reads."""
    write_text(folder / REQUEST, json.dumps(asdict(request), indent=1) + "\n")


def read_request(folder: Path) -> Request:
    """The request in a folder whose training has not started.

    Raises:
        ModelError: the folder holds no run, or one that cannot be started again.
    """
    path = folder / REQUEST
    if not path.is_file():
        raise ModelError(f"{folder} holds no run that can be resumed")
    request = _read(path)
    if request.source is None:
        raise ModelError(
            f"the run in {folder} stopped while it read a list or standard input, which is gone; start it again"
        )
    return request


def is_request(folder: Path) -> bool:
    """Whether a folder holds a valid request."""
    with suppress(ModelError):
        _read(folder / REQUEST)
        return True
    return False


def _read(path: Path) -> Request:
    try:
        request = TypeAdapter(Request).validate_json(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ModelError(f"{path} is damaged: {where and where + ': '}{first['msg']}") from None
    if request.given.keys() != SECTIONS.keys():
        raise ModelError(f"{path} is damaged: it holds no settings")
    return request
