"""``module:function`` as a function."""

from __future__ import annotations

import functools
import hashlib
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
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{place} cannot be imported: {type(error).__name__}: {error}") from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"there is no file {path} in {Path.cwd()}; give file.py:function")
    real, status = path.resolve(), path.stat()
    return _executed(real, (status.st_mtime_ns, status.st_size))


@functools.cache
def _executed(path: Path, stamp: tuple[int, int]) -> ModuleType:
    """The module of a file, as long as its stamp is the same, under a name by which pickle and dataclasses find it."""
    name = _free_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
        raise
    return module


def _free_name(path: Path) -> str:
    """Its own name, unless that is another module's, which it must not stand in for."""
    name = path.stem
    if name.isidentifier():
        imported = sys.modules.get(name)
        spec = importlib.util.find_spec(name) if imported is None else getattr(imported, "__spec__", None)
        own = spec is not None and spec.origin is not None and Path(spec.origin).resolve() == path
        if own or (imported is None and spec is None):
            return name
    return f"_{hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()}"
