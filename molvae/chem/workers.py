"""A function over many chunks in worker processes: ordered, in constant memory, nothing left behind.

Workers are plain child interpreters that speak over pipes. They are not forked, so threads of the parent (torch's)
do them no harm, and unlike those of `multiprocessing` they do not run the user's script again, so that a script
without `if __name__ == "__main__"` works. They import what the function needs, which is RDKit and not torch.
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
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import chain, islice
from typing import Any, BinaryIO, TypeVar

from molvae.chem.molecules import quiet_rdkit
from molvae.errors import ConfigError, MolVAEError

__all__ = ["map_chunks", "usable_cores"]

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 2  # chunks waiting per worker: one to have at hand when the worker is done, one while the reader pauses
# Ctrl-C reaches the whole process group; the parent decides what ends. Ignored before the imports, which take longest.
_START = (
    "import json,signal,sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "parent,sys.path[:]=json.loads(sys.argv[1]); from molvae.chem.workers import serve; serve(parent)"
)


def usable_cores() -> int:
    """The number of cores this process may run on, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def map_chunks(
    function: Callable[[T], R], chunks: Iterable[T], *, workers: int | None = None
) -> Generator[R, None, None]:
    """Apply a function to every chunk, in worker processes, with RDKit's log silenced.

    Results come in the order of the chunks and do not depend on the number of workers. Chunks are taken from the
    iterable only as they are needed, so it may be endless. When the iterator is closed or an exception passes
    (Ctrl-C too), the workers are gone; should this process be killed, they end by themselves.

    Args:
        function: importable by name (a function of a module, or a `functools.partial` of one), not from `__main__`.
        chunks: what to apply it to; each is pickled to a worker.
        workers: number of processes; None takes all usable cores, and none at all for a single chunk; 1 runs here.

    Raises:
        ConfigError: for fewer than one worker.
        MolVAEError: when a worker process dies.
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
    crew = _Crew(function)
    threads = ThreadPoolExecutor(count, thread_name_prefix="molvae-chunks")
    pending: deque[Future[Any]] = deque()
    try:
        for chunk in islice(chunks, count * _AHEAD):
            pending.append(threads.submit(crew.apply, chunk))
        while pending:
            result = pending.popleft().result()
            for chunk in islice(chunks, 1):
                pending.append(threads.submit(crew.apply, chunk))
            yield result
    finally:
        crew.dismiss()
        threads.shutdown(wait=True, cancel_futures=True)


class _Crew:
    """The worker processes, one for each thread that applies."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = pickle.dumps(function)
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._dismissed = False
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
                "a worker process died, perhaps for lack of memory; run with fewer workers, or with one to see why"
            ) from error
        if not done:
            raise value
        return value

    def _process(self) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] | None = getattr(self._mine, "process", None)
        if process is not None:
            return process
        with self._lock:
            if self._dismissed:
                raise MolVAEError("the workers have been dismissed")
            command = [sys.executable, "-c", _START, json.dumps([os.getpid(), sys.path])]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._processes.append(process)
        self._mine.process = process
        assert process.stdin is not None
        process.stdin.write(self._function)
        return process

    def dismiss(self) -> None:
        if os.getpid() != self._owner:  # a fork of the owner drops its copy: the workers are not its own
            return
        with self._lock:
            self._dismissed = True
            for process in self._processes:
                process.kill()
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what is still in the buffer has no reader any more
                        pipe.close()


def _send(pipe: Any, value: object) -> None:
    pickle.dump(value, pipe, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def serve(parent: int) -> None:
    """The life of a worker of the process `parent`: a function, then chunks, until the pipe closes."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    gc.freeze()  # what has been imported stays: collecting need not look at it again and again
    requests: BinaryIO = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as replies, quiet_rdkit():
        os.dup2(2, 1)  # whatever prints must not land between two pickles
        try:
            function = pickle.load(requests)  # noqa: S301 - written by our own parent, over its own pipe
            while True:
                chunk = pickle.load(requests)  # noqa: S301
                _send(replies, _outcome(function, chunk))
        except (EOFError, BrokenPipeError):
            return


def _end_with(parent: int) -> None:
    # A fork of the parent that outlives it holds the pipe open.
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _outcome(function: Callable[[Any], Any], chunk: Any) -> tuple[bool, Any]:
    try:
        return True, function(chunk)
    except Exception as error:
        return False, error
