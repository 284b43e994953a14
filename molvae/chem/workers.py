"""Apply a function to many chunks in worker processes: ordered results, constant memory, no process left behind.

Workers are plain child interpreters that communicate over pipes, and import only what the function needs: RDKit, not
torch. Not `concurrent.futures` or joblib, because a forked process can deadlock if the parent has threads (torch has),
and a spawned one runs the user's script again, which fails without `if __name__ == "__main__"`.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import chain, islice
from typing import Any, BinaryIO, TypeVar

from molvae.chem.molecules import quiet_rdkit
from molvae.errors import ConfigError, MolVAEError

__all__ = ["batches", "map_chunks", "usable_cores"]

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 2  # chunks in flight per worker: one being computed and one waiting
# Ctrl-C reaches the whole process group, but the parent ends its workers: they ignore it, from before the imports on.
_START = (
    "import json,signal,sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "parent,sys.path[:]=json.loads(sys.argv[1]); from molvae.chem.workers import serve; serve(parent)"
)


def usable_cores() -> int:
    """The number of cores that this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    """Cut a sequence into lists of `size` items; the last may be shorter."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def map_chunks(
    function: Callable[[T], R], chunks: Iterable[T], *, workers: int | None = None
) -> Generator[R, None, None]:
    """Apply a function to every chunk in worker processes, with RDKit's log silenced.

    Results come in the order of the chunks and do not depend on the number of workers. Chunks are taken from the
    iterable only when needed, so it may be endless. The workers end when the iterator is closed, when an exception or
    Ctrl-C passes through it, and when this process is killed.

    Args:
        function: importable by name (a function of a module, or a `functools.partial` of one), not from `__main__`.
        chunks: the inputs; each is pickled and sent to a worker.
        workers: number of processes; None takes all usable cores, but starts no process for a single chunk; 1 computes
            in this process.

    Raises:
        ConfigError: fewer than one worker.
        MolVAEError: a worker process died.
        Exception: whatever `function` raises.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"workers must be at least 1, not {workers}")
    return _mapped(function, iter(chunks), workers)


def _mapped(function: Callable[[T], R], chunks: Iterator[T], workers: int | None) -> Generator[R, None, None]:
    first = list(islice(chunks, 2))
    count = (usable_cores() if len(first) > 1 else 1) if workers is None else workers
    if count > 1 and first:
        yield from _in_processes(function, chain(first, chunks), count)
        return
    for chunk in chain(first, chunks):
        with quiet_rdkit():
            result = function(chunk)
        yield result


def _in_processes(function: Callable[[T], R], chunks: Iterator[T], count: int) -> Iterator[R]:
    processes = _Workers(function)
    threads = ThreadPoolExecutor(count, thread_name_prefix="molvae-chunks")
    pending: deque[Future[Any]] = deque()
    try:
        for chunk in islice(chunks, count * _AHEAD):
            pending.append(threads.submit(processes.apply, chunk))
        while pending:
            result = pending.popleft().result()
            for chunk in islice(chunks, 1):
                pending.append(threads.submit(processes.apply, chunk))
            yield result
    finally:
        processes.stop()
        threads.shutdown(wait=True, cancel_futures=True)


class _Workers:
    """The worker processes, one for each thread that calls `apply`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = pickle.dumps(function)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._stopped = False
        self._owner = os.getpid()
        self._processes: list[subprocess.Popen[bytes]] = []

    def apply(self, chunk: Any) -> Any:
        process = self._process()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _send(process.stdin, chunk)
            done, value = pickle.load(process.stdout)  # noqa: S301 - written by our own child, over its own pipe
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
            raise MolVAEError(
                "a worker process died, perhaps because memory ran out; use fewer workers, or one to see the error"
            ) from error
        if not done:
            raise value
        return value

    def _process(self) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] | None = getattr(self._local, "process", None)
        if process is not None:
            return process
        with self._lock:
            if self._stopped:
                raise MolVAEError("the worker processes have been stopped")
            command = [sys.executable, "-c", _START, json.dumps([os.getpid(), sys.path])]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._processes.append(process)
        self._local.process = process
        assert process.stdin is not None
        process.stdin.write(self._function)
        return process

    def stop(self) -> None:
        if os.getpid() != self._owner:  # a forked copy of the owner does not own the workers
            return
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.kill()
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # unsent data in the buffer
                        pipe.close()


def _send(pipe: Any, value: object) -> None:
    pickle.dump(value, pipe, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def serve(parent: int) -> None:
    """The main loop of a worker: read a function, then chunks, until the pipe closes."""
    threading.Thread(target=_exit_with, args=(parent,), daemon=True).start()
    gc.freeze()  # garbage collection need not scan the imported modules
    requests: BinaryIO = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as replies, quiet_rdkit():
        os.dup2(2, 1)  # printed text must not mix with the pickles
        try:
            function = pickle.load(requests)  # noqa: S301 - written by our own parent, over its own pipe
            while True:
                chunk = pickle.load(requests)  # noqa: S301
                _send(replies, _outcome(function, chunk))
        except (EOFError, BrokenPipeError):
            return


def _exit_with(parent: int) -> None:
    # The pipe does not close if a fork of the parent outlives it.
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _outcome(function: Callable[[Any], Any], chunk: Any) -> tuple[bool, Any]:
    try:
        return True, function(chunk)
    except Exception as error:
        return False, error
