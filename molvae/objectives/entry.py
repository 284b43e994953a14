"""``module:function`` as a function."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any

from molvae.errors import ConfigError

__all__ = ["load_function"]


def load_function(entry: str) -> Callable[[list[str]], Any]:
    """Import a function.

    Args:
        entry: ``package.module:function``, looked for where Python looks and in the current folder, or
            ``path/to/file.py:function``. The function may be an attribute of an object: ``module:model.predict``.

    Raises:
        ConfigError: there is no such module, file or attribute, the module cannot be imported, or the attribute cannot
            be called.
    """
    place, _, attribute = entry.rpartition(":")
    if not place or not attribute:
        raise ConfigError(f"{entry!r} is no module:function")
    module = _imported(place)
    try:
        function: Callable[[list[str]], Any] = attrgetter(attribute)(module)
    except AttributeError as error:
        raise ConfigError(f"{entry}: {place} has no {attribute}") from error
    if not callable(function) or isinstance(function, type):
        raise ConfigError(f"{entry}: {attribute} is no function that takes a list of SMILES, but {function!r:.100}")
    return function


def _imported(place: str) -> ModuleType:
    here = os.getcwd()
    if here not in sys.path:
        # Behind all others: a file of the user must not stand in for a module of a library.
        sys.path.append(here)
    try:
        return _from_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is not None and (place == error.name or place.startswith(f"{error.name}.")):
            raise ConfigError(
                f"there is no module {place}, neither installed nor in {here}; give module:function or file.py:function"
            ) from error
        raise ConfigError(f"{place} cannot be imported: {error}") from error
    except Exception as error:
        raise ConfigError(f"{place} cannot be imported: {type(error).__name__}: {error}") from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"there is no file {path}; give file.py:function")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
