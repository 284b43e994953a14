"""What a user asked for, kept in the run folder until training begins, so that a run killed before that can go on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from molvae.config import Size
from molvae.errors import ModelError
from molvae.files import read_json, write_text

__all__ = ["REQUEST", "Request", "read_request", "write_request"]

REQUEST = "request.json"


@dataclass(frozen=True)
class Request:
    """A file and how to read it, and the settings that were given."""

    source: str | None
    """absolute path; None for a list or standard input, which are gone when the process is"""
    smiles_column: str | int | None
    header: bool | None
    size: Size | None
    given: dict[str, dict[str, Any]]
    """fields of the settings, by table"""


def write_request(folder: Path, request: Request) -> None:
    """Write what `read_request` reads."""
    write_text(folder / REQUEST, json.dumps(asdict(request), indent=1) + "\n")


def read_request(folder: Path) -> Request:
    """What was asked for in a folder where no training has begun.

    Raises:
        ModelError: the folder holds no run, or one that cannot be begun again.
    """
    path = folder / REQUEST
    if not path.is_file():
        raise ModelError(f"{folder} holds no run that could be resumed")
    try:
        request = Request(**read_json(path))
    except TypeError as error:
        raise ModelError(f"{path} is damaged ({error})") from None
    if request.source is None:
        raise ModelError(
            f"the run in {folder} was stopped while it read a list or standard input, which is gone; start it anew"
        )
    return request
