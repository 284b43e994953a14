"""Decode the next block of draws while RDKit checks the last one.

Decoding uses threads of this process, RDKit uses worker processes, and each process that torchrun started takes its
share of the blocks. The molecules are the same for all of these arrangements.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

import numpy as np

from molvae.chem import PROPERTIES, map_chunks, usable_cores
from molvae.chem.known_molecules import KnownMolecules, Novel, forms_of
from molvae.errors import ConfigError, MolVAEError
from molvae.generator.sampling.draws import Draws, decoded
from molvae.generator.sampling.screening import (
    Account,
    Molecules,
    Raw,
    Screened,
    first_draws,
    new_molecules,
    screen,
    unscreened,
)
from molvae.runtime.device import max_threads, one_thread_each
from molvae.runtime.distributed import broadcast, gather, local_world_size, rank, world_size

__all__ = ["Resources", "SampleRequest", "Stream", "choose_resources", "open_stream"]

# For fewer molecules RDKit finishes before worker processes have started. Properties take ten times as long.
_WORTH_WORKERS = 10_000
_WORTH_WORKERS_WITH_PROPERTIES = 1_000
_MOST_THREADS = 16  # more Python threads wait for each other, not for the decoder


@dataclass(frozen=True)
class SampleRequest:
    """What to sample.

    Raises:
        ConfigError: n is no whole number from 0, a property is unknown, or `raw` is combined with the others.
    """

    n: int
    known: KnownMolecules | None = None
    """molecules to leave out"""
    novel: Novel = False
    """in which forms they are compared"""
    names: tuple[str, ...] = ()
    """properties to compute"""
    raw: bool = False
    """give the first n draws, valid or not"""
    atoms: frozenset[str] = frozenset()
    """unusual atoms that a molecule may have, as in `molvae.chem.is_plausible`"""

    def __post_init__(self) -> None:
        if not isinstance(self.n, (int, np.integer)) or self.n < 0:
            raise ConfigError(f"n must be a whole number of at least 0, not {self.n!r}")
        if unknown := [name for name in self.names if name not in PROPERTIES]:
            raise ConfigError(f"no property is named {unknown[0]!r}; there are {', '.join(PROPERTIES)}")
        if self.raw and (self.names or self.known is not None):
            raise ConfigError("raw draws may be no molecules: no properties, and none can be left out as known")


@dataclass(frozen=True)
class Resources:
    """Threads and processes for sampling."""

    threads: int
    """decoding threads"""
    workers: int
    """RDKit processes; 1: RDKit runs in this process"""
    on_cpu: bool
    """whether the decoder runs on the CPU"""


def choose_resources(request: SampleRequest, *, on_cpu: bool, workers: int | None) -> Resources:
    """Choose threads and processes for the cores of this machine.

    On a CPU decoding takes most of the time: it gets a thread for every core, and RDKit half as many processes (as many
    if it computes properties, which take longer than decoding). Idle ones use no core, so together they may be more
    than the cores. A GPU needs one thread, and RDKit is slower than the GPU: it gets all other cores.

    Args:
        request: what to sample.
        on_cpu: whether the decoder runs on the CPU.
        workers: RDKit processes that the user wants; None chooses.

    Raises:
        ConfigError: fewer than one worker.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"workers must be at least 1, not {workers}")
    cores = max(1, usable_cores() // local_world_size())
    threads = min(max_threads(), cores, _MOST_THREADS) if on_cpu else 1
    few = request.n < (_WORTH_WORKERS_WITH_PROPERTIES if request.names else _WORTH_WORKERS)
    if request.raw or (workers is None and (few or cores == 1)):
        return Resources(threads, 1, on_cpu)
    chosen = cores // 2 if on_cpu and not request.names else cores if on_cpu else cores - 1
    return Resources(threads, max(2, chosen) if workers is None else workers, on_cpu)


class Stream:
    """An iterator of blocks of molecules; `close` it, or leave its `with` block, to end its threads and processes.

    Args:
        blocks: the molecules.
        account: counts of the draws, updated while the stream is read.
    """

    def __init__(self, blocks: Generator[Molecules, None, None], account: Account) -> None:
        self._blocks, self.account = blocks, account

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Molecules:
        return next(self._blocks)

    def close(self) -> None:
        """End the decoding threads and RDKit processes."""
        self._blocks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_stream(draws: Draws, request: SampleRequest, resources: Resources, *, distributed: bool) -> Stream:
    """Open a stream; if distributed, all processes work, and process 0 alone gives the molecules."""
    distributed = distributed and world_size() > 1
    processes = world_size() if distributed else 1
    account = Account(threads=resources.threads * processes, workers=resources.workers * processes)
    return Stream(_read(draws, request, resources, account, distributed), account)


def _read(
    draws: Draws, request: SampleRequest, resources: Resources, account: Account, distributed: bool
) -> Generator[Molecules, None, None]:
    if not request.n:
        return
    source = _shared(draws, request, resources, account) if distributed else _alone(draws, request, resources, account)
    with one_thread_each() if resources.on_cpu else nullcontext(), closing(source):
        if distributed and rank():
            for _ in source:
                pass
            return
        timed = _timed(source, account)
        yield from (
            first_draws(timed, request.n, account)
            if request.raw
            else new_molecules(timed, request.n, account, known=request.known)
        )


def _timed(source: Iterator[Screened], account: Account) -> Iterator[Screened]:
    """Update the times of an account."""
    begin, decoding, screening = time.perf_counter(), 0.0, 0.0
    for block in source:
        decoding, screening = decoding + block.decoding, screening + block.screening
        account.seconds = max(1e-9, time.perf_counter() - begin)
        account.decoding_busy = decoding / account.seconds / account.threads
        account.screening_busy = screening / account.seconds / account.workers
        yield block


def _alone(
    draws: Draws, request: SampleRequest, resources: Resources, account: Account
) -> Generator[Screened, None, None]:
    yield from _screened(
        decoded(draws, lambda: account.needed(request.n), threads=resources.threads), request, resources, account
    )


def _screened(
    raw: Generator[Raw, None, None], request: SampleRequest, resources: Resources, account: Account
) -> Generator[Screened, None, None]:
    """Screen raw strings; count how long this process waits for the decoder and for RDKit."""

    def counted() -> Iterator[Raw]:
        while True:
            begin = time.perf_counter()
            block = next(raw)
            account.decoding += time.perf_counter() - begin
            yield block

    work: Callable[[Raw], Screened] = (
        unscreened
        if request.raw
        else partial(screen, request.names, atoms=request.atoms, forms=forms_of(request.novel))
    )
    with closing(raw), closing(map_chunks(work, counted(), workers=resources.workers)) as results:
        while True:
            begin, before = time.perf_counter(), account.decoding
            block = next(results)
            account.screening += time.perf_counter() - begin - (account.decoding - before)
            yield block


@dataclass
class _Report:
    """The result of one process after one round."""

    block: Screened | None
    problem: str = ""


def _shared(
    draws: Draws, request: SampleRequest, resources: Resources, account: Account
) -> Generator[Screened, None, None]:
    """The blocks of all processes in the order of the draws, on process 0; the others yield nothing.

    In every round each process sends one block, and process 0 answers with the number of draws needed by now, or with
    None to end. Process 0 answers whatever happens to it, errors included, so no process waits for ever.
    """
    needed, following, waiting = request.n, 0, list[tuple[int, int, Screened]]()
    raw = decoded(draws, lambda: needed, threads=resources.threads, first=rank(), step=world_size())
    source = _screened(raw, request, resources, account)
    over = False
    try:
        while not over:
            mine, failure = _next(source)
            reports = gather(mine)
            if reports is None:
                answer = broadcast(None)
                if failure is not None:
                    raise failure
                over, needed = answer is None, answer or 0
                continue
            try:
                if failure is not None:
                    raise failure
                for process, report in enumerate(reports):
                    if report.problem:
                        raise MolVAEError(f"process {process}: {report.problem}")
                    if report.block is not None and report.block.drawn:
                        heapq.heappush(waiting, (report.block.start, process, report.block))
                while waiting and waiting[0][0] == following:
                    block = heapq.heappop(waiting)[2]
                    following += block.drawn
                    yield block
            except BaseException:
                over = True
                broadcast(None)
                raise
            needed = account.needed(request.n)
            broadcast(needed)
    finally:
        source.close()


def _next(source: Iterator[Screened]) -> tuple[_Report, Exception | None]:
    try:
        return _Report(next(source)), None
    except Exception as error:
        return _Report(None, str(error) or type(error).__name__), error
