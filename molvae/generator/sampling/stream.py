"""From draws to molecules without a pause: the next block is decoded while RDKit looks at the last.

Decoding takes threads of this process, RDKit processes of its own, and of the processes that torchrun started each
takes its share of the blocks. What comes out is the same for all of these arrangements.
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
from molvae.chem.molecule_set import MoleculeSet
from molvae.errors import ConfigError, MolVAEError
from molvae.generator.sampling.draws import Draws, decoded
from molvae.generator.sampling.sampling_stats import Account, Molecules, sift, take
from molvae.generator.sampling.screening import Raw, Screened, screen, unscreened
from molvae.runtime.device import max_threads, one_thread_each
from molvae.runtime.distributed import broadcast, gather, local_world_size, rank, world_size

__all__ = ["Crew", "Order", "Stream", "open_stream", "suitable_crew"]

# Below so many molecules RDKit is done before worker processes have started; one property table row takes as long as
# ten molecules.
_WORTH_WORKERS = 10_000
_WORTH_WORKERS_WITH_PROPERTIES = 1_000
_MOST_THREADS = 16  # more threads of Python wait for each other rather than for the decoder


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Raises:
        ConfigError: it cannot be had.
    """

    n: int
    known: MoleculeSet | None = None
    """molecules to be left out"""
    names: tuple[str, ...] = ()
    """properties to be computed"""
    raw: bool = False
    """n draws as they come, valid or not"""

    def __post_init__(self) -> None:
        if not isinstance(self.n, (int, np.integer)) or self.n < 0:
            raise ConfigError(f"n must be a whole number of at least 0, not {self.n!r}")
        if unknown := [name for name in self.names if name not in PROPERTIES]:
            raise ConfigError(f"no property is named {unknown[0]!r}; there are {', '.join(PROPERTIES)}")
        if self.raw and (self.names or self.known is not None):
            raise ConfigError("raw draws may be no molecules: no properties, and none can be left out as known")


@dataclass(frozen=True)
class Crew:
    """Who does the work."""

    threads: int
    """that decode"""
    workers: int
    """processes of RDKit; 1: none, RDKit works in this process"""
    on_cpu: bool
    """where the decoder runs"""


def suitable_crew(order: Order, *, on_cpu: bool, workers: int | None) -> Crew:
    """Threads and processes for the cores of this machine.

    On a CPU decoding takes most of the time: a thread for every core, with RDKit's processes beside it, half as many
    (all with properties, which take RDKit longer than a draw takes the decoder). The scheduler gives each what it
    needs, as nobody spins. A GPU needs one thread to drive it, and RDKit is the slower: it takes all other cores.

    Args:
        order: what is asked for.
        on_cpu: where the decoder runs.
        workers: processes of RDKit that the user wants; None chooses.

    Raises:
        ConfigError: fewer than one worker.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"workers must be at least 1, not {workers}")
    cores = max(1, usable_cores() // local_world_size())
    threads = min(max_threads(), cores, _MOST_THREADS) if on_cpu else 1
    few = order.n < (_WORTH_WORKERS_WITH_PROPERTIES if order.names else _WORTH_WORKERS)
    if order.raw or (workers is None and (few or cores == 1)):
        return Crew(threads, 1, on_cpu)
    chosen = cores // 2 if on_cpu and not order.names else cores if on_cpu else cores - 1
    return Crew(threads, max(2, chosen) if workers is None else workers, on_cpu)


class Stream:
    """Molecules, as they come; close it (or leave its `with` block) to end all that works on them.

    Args:
        blocks: the molecules.
        account: of the draws, kept while the stream is read.
    """

    def __init__(self, blocks: Generator[Molecules, None, None], account: Account) -> None:
        self._blocks, self.account = blocks, account

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Molecules:
        return next(self._blocks)

    def close(self) -> None:
        """End the decoding and RDKit's processes, if they have not ended by themselves."""
        self._blocks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_stream(draws: Draws, order: Order, crew: Crew, *, distributed: bool) -> Stream:
    """A stream of what was ordered; where distributed, process 0 gives it and the others give nothing, and help."""
    distributed = distributed and world_size() > 1
    processes = world_size() if distributed else 1
    account = Account(threads=crew.threads * processes, workers=crew.workers * processes)
    return Stream(_read(draws, order, crew, account, distributed), account)


def _read(
    draws: Draws, order: Order, crew: Crew, account: Account, distributed: bool
) -> Generator[Molecules, None, None]:
    if not order.n:
        return
    source = _shared(draws, order, crew, account) if distributed else _alone(draws, order, crew, account)
    with one_thread_each() if crew.on_cpu else nullcontext(), closing(source):
        if distributed and rank():
            for _ in source:
                pass
            return
        timed = _timed(source, account)
        yield from take(timed, order.n, account) if order.raw else sift(timed, order.n, account, known=order.known)


def _timed(source: Iterator[Screened], account: Account) -> Iterator[Screened]:
    """Keep the times of an account."""
    begin, decoding, screening = time.perf_counter(), 0.0, 0.0
    for block in source:
        decoding, screening = decoding + block.decoding, screening + block.screening
        account.seconds = max(1e-9, time.perf_counter() - begin)
        account.decoding_busy = decoding / account.seconds / account.threads
        account.screening_busy = screening / account.seconds / account.workers
        yield block


def _alone(draws: Draws, order: Order, crew: Crew, account: Account) -> Generator[Screened, None, None]:
    yield from _screened(decoded(draws, lambda: account.needed(order.n), threads=crew.threads), order, crew, account)


def _screened(
    raw: Generator[Raw, None, None], order: Order, crew: Crew, account: Account
) -> Generator[Screened, None, None]:
    """RDKit's view of raw strings; counts for which of the two this process waits."""

    def counted() -> Iterator[Raw]:
        while True:
            begin = time.perf_counter()
            block = next(raw)
            account.decoding += time.perf_counter() - begin
            yield block

    work: Callable[[Raw], Screened] = unscreened if order.raw else partial(screen, order.names)
    with closing(raw), closing(map_chunks(work, counted(), workers=crew.workers)) as results:
        while True:
            begin, before = time.perf_counter(), account.decoding
            block = next(results)
            account.screening += time.perf_counter() - begin - (account.decoding - before)
            yield block


@dataclass
class _Report:
    """What a process has to say after a block."""

    block: Screened | None
    problem: str = ""


def _shared(draws: Draws, order: Order, crew: Crew, account: Account) -> Generator[Screened, None, None]:
    """The blocks of all processes in the order of the draws, on process 0; the others yield nothing.

    In every round each process hands over one block, then hears from process 0 how many draws are needed by now, or
    that all is over. Process 0 says so however it ends, and takes part in a round whatever has happened to it, so
    nobody waits for one who is gone.
    """
    needed, following, waiting = order.n, 0, list[tuple[int, int, Screened]]()
    raw = decoded(draws, lambda: needed, threads=crew.threads, first=rank(), step=world_size())
    source = _screened(raw, order, crew, account)
    over = False
    try:
        while not over:
            mine, failure = _next(source)
            reports = gather(mine)
            if reports is None:
                said = broadcast(None)
                if failure is not None:
                    raise failure
                over, needed = said is None, said or 0
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
            needed = account.needed(order.n)
            broadcast(needed)
    finally:
        source.close()


def _next(source: Iterator[Screened]) -> tuple[_Report, Exception | None]:
    try:
        return _Report(next(source)), None
    except Exception as error:
        return _Report(None, str(error) or type(error).__name__), error
