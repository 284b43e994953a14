"""Programs of a user as functions on batches: ``module:function``, ``file.py:function`` and shell commands."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryFile
from types import ModuleType
from typing import IO, Any

from molvae.errors import ConfigError, InputError, pluralize

__all__ = ["Command", "load_function"]

_LONGEST_TAIL = 200


class Command:
    """Calls a shell command once for each batch: one SMILES a line on stdin, one number a line on stdout, in order.

    It runs in the folder that is current when the object is made. A line with ``nan`` or an empty line means that there
    is no number. If the command is interrupted or takes too long, it is stopped together with all that it started.

    Args:
        command: for the shell.
        timeout: seconds for one call; None means no limit.

    Raises:
        ConfigError: the command is empty, or the timeout is not above 0.
    """

    def __init__(self, command: str, *, timeout: float | None = None) -> None:
        if not command.strip():
            raise ConfigError("command: needs a shell command that reads SMILES and writes numbers")
        if timeout is not None and not timeout > 0:
            raise ConfigError(f"the timeout of a command must be above 0 seconds, not {timeout:g}")
        self._command, self._timeout, self._folder = command, timeout, os.getcwd()

    def __call__(self, smiles: list[str]) -> list[str | None]:
        """N lines for N SMILES; None for an empty one.

        Raises:
            InputError: the command ended with an error, took too long, or wrote more or fewer lines.
        """
        code, out, errors = self._run("".join(f"{one}\n" for one in smiles))
        tail = " ".join(errors.split())[-_LONGEST_TAIL:]
        stderr = f"; its stderr: {tail}" if tail else ""
        if code:
            raise InputError(f"the command ended with exit code {code}{stderr}")
        lines = [line.strip() for line in out.removesuffix("\n").split("\n")] if out else []
        if len(lines) != len(smiles):
            raise InputError(
                f"the command wrote {pluralize(len(lines), 'line')} for {pluralize(len(smiles), 'molecule')}{stderr}"
            )
        return [line or None for line in lines]

    def _run(self, text: str) -> tuple[int, str, str]:
        # Files, not pipes: a pipe ends only when every process has closed it, and a daemon that was started never does.
        with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as errors:
            given.write(text.encode())
            given.seek(0)
            process = subprocess.Popen(
                self._command, shell=True, stdin=given, stdout=out, stderr=errors, cwd=self._folder,
                start_new_session=True,
            )  # fmt: skip
            try:
                process.wait(self._timeout)
            except BaseException as error:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if isinstance(error, subprocess.TimeoutExpired):
                    raise InputError(f"the command took more than {self._timeout:g} seconds") from error
                raise
            return process.returncode, _text(out), _text(errors)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")


def load_function(entry: str) -> Callable[[list[str]], Any]:
    """Import a function.

    Args:
        entry: ``package.module:function``, where Python looks for modules or in the current folder; or
            ``path/to/file.py:function``. The function may be an attribute of an object: ``module:model.predict``.

    Raises:
        ConfigError: there is no such module, file or attribute, the module cannot be imported, or the attribute is not
            a function.
    """
    place, _, attribute = entry.rpartition(":")
    if not place or not attribute:
        raise ConfigError(f"{entry!r} is not module:function")
    module = _imported(place)
    try:
        function: Callable[[list[str]], Any] = attrgetter(attribute)(module)
    except AttributeError as error:
        raise ConfigError(f"{entry}: {place} has no {attribute}") from error
    if not callable(function) or isinstance(function, type):
        raise ConfigError(f"{entry}: {attribute} is not a function that takes a list of SMILES, but {function!r:.100}")
    return function


def _imported(place: str) -> ModuleType:
    here = os.getcwd()
    if here not in sys.path:
        # At the end: a file of the user must not replace a module of a library.
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
    """The module of a file, until its stamp changes, under a name by which pickle and dataclasses find it."""
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
    """The name of the file, unless another module has it, which this one must not replace."""
    name = path.stem
    if name.isidentifier():
        imported = sys.modules.get(name)
        spec = importlib.util.find_spec(name) if imported is None else getattr(imported, "__spec__", None)
        own = spec is not None and spec.origin is not None and Path(spec.origin).resolve() == path
        if own or (imported is None and spec is None):
            return name
    return f"_{hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()}"
