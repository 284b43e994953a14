"""A command of the shell as a function on batches: SMILES on its stdin, numbers on its stdout."""

from __future__ import annotations

import io
import os
import signal
import subprocess
from contextlib import suppress
from tempfile import TemporaryFile
from typing import IO

from molvae.errors import ConfigError, InputError, pluralize

__all__ = ["Command"]

_LONGEST_TAIL = 200


class Command:
    """Calls a command once for each batch: one SMILES a line on stdin, one number a line on stdout, in that order.

    ``nan`` or an empty line where there is no number. When it is interrupted or takes too long, it is ended with
    all that it started.

    Args:
        command: for the shell.
        timeout: seconds for one call; None waits for ever.

    Raises:
        ConfigError: an empty command, or a timeout that is not above 0.
    """

    def __init__(self, command: str, *, timeout: float | None = None) -> None:
        if not command.strip():
            raise ConfigError("command: needs a command of the shell that reads SMILES and writes numbers")
        if timeout is not None and not timeout > 0:
            raise ConfigError(f"the timeout of a command must be above 0 seconds, not {timeout:g}")
        self._command = command
        self._timeout = timeout

    def __call__(self, smiles: list[str]) -> list[str | None]:
        """N lines for N SMILES; None for an empty one.

        Raises:
            InputError: the command ended with an error, took too long, or wrote more or fewer lines.
        """
        code, out, errors = self._run("".join(f"{one}\n" for one in smiles))
        said = _tail(errors)
        if code:
            raise InputError(f"the command ended with exit code {code}{said}")
        lines = [line.strip() for line in out.removesuffix("\n").split("\n")] if out else []
        if len(lines) != len(smiles):
            raise InputError(
                f"the command wrote {pluralize(len(lines), 'line')} for {pluralize(len(smiles), 'molecule')}{said}"
            )
        return [line or None for line in lines]

    def _run(self, text: str) -> tuple[int, str, str]:
        # Files, not pipes: a pipe ends only when all have let go of it, and a daemon that was started never does.
        with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as errors:
            given.write(text.encode())
            given.seek(0)
            process = subprocess.Popen(
                self._command, shell=True, stdin=given, stdout=out, stderr=errors, start_new_session=True
            )
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
    with io.TextIOWrapper(file, "utf-8", "replace") as text:
        return text.read()


def _tail(errors: str) -> str:
    text = " ".join(errors.split())
    return f"; it said: {text[-_LONGEST_TAIL:]}" if text else ""
