"""Where the code of a user runs: processes of this machine, or a Dask cluster."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from molvae.errors import ConfigError
from molvae.optimization.objectives.programs import load_function

__all__ = ["NamedFunction", "ProcessExecutor", "executor_of"]

_GRACE = 1.0  # seconds more than the time limit, in which a command ends itself and what it started


class NamedFunction:
    """A function by its name, which each process imports for itself.

    Args:
        entry: as in `load_function`.

    Raises:
        ConfigError: as `load_function`.
    """

    def __init__(self, entry: str) -> None:
        self._entry, self._folder = entry, Path.cwd()
        self._function: Callable[[list[str]], Any] | None = load_function(entry)

    def __call__(self, smiles: list[str]) -> Any:
        """What the function returns."""
        if self._function is None:
            with chdir(self._folder):
                self._function = load_function(self._entry)
        return self._function(smiles)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_function": None}


class ProcessExecutor(Executor):
    """Processes of this machine. One that dies or exceeds the time limit fails its own call, and is replaced.

    Args:
        processes: how many.
        timeout: seconds of a call; None means no limit.
    """

    def __init__(self, processes: int, *, timeout: float | None = None) -> None:
        from pebble import ProcessPool

        self._timeout = None if timeout is None else timeout + _GRACE
        # Forked processes would inherit the locks of torch's threads.
        context = multiprocessing.get_context("spawn")
        self._pool: Any = ProcessPool(processes, initializer=_ignore_interrupts, context=context)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function in one of the processes."""
        future: Future[Any] = self._pool.schedule(fn, args=args, kwargs=kwargs, timeout=self._timeout)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, by force with `cancel_futures`."""
        if cancel_futures:
            self._pool.stop()
        else:
            self._pool.close()
        if wait:
            self._pool.join()


def _ignore_interrupts() -> None:
    # Ctrl-C reaches all processes of a terminal; the search decides when the batch ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def executor_of(jobs: str, *, timeout: float | None = None) -> Iterator[Executor]:
    """The executor of ``--jobs``; at the end, its processes or its connection are closed.

    Args:
        jobs: a number of processes, or ``dask:ADDRESS`` of a Dask scheduler.
        timeout: as in `ProcessExecutor`.

    Raises:
        ConfigError: it is neither, the package is missing, or nobody answers at the address.
    """
    kind, _, address = jobs.partition(":")
    if kind == "dask" and address:
        try:
            import distributed
        except ImportError:
            raise ConfigError('--jobs dask:... needs the package distributed: pip install "molvae[dask]"') from None
        try:
            dask: Any = distributed
            client = dask.Client(address, timeout=10)
        except (OSError, ValueError) as error:
            raise ConfigError(f"no Dask scheduler answers at {address}: {error}") from None
        with client:
            yield client.get_executor(pure=False)
        return
    if not jobs.isdecimal() or int(jobs) < 1:
        raise ConfigError(f"--jobs takes a number of processes or dask:ADDRESS, not {jobs!r}")
    executor = ProcessExecutor(int(jobs), timeout=timeout)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)
