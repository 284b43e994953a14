"""The loop of a search: ask, score, tell, log; its state is saved, so that it can always be resumed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from molvae.errors import ModelError
from molvae.optimization.archive import Archive
from molvae.optimization.proposal import Proposal
from molvae.optimization.run.budgeted_objective import CountedObjective
from molvae.optimization.run.log import Call, CallLog
from molvae.runtime.interruption import Interruption
from molvae.storage.files import read_tensors, write_tensors

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Runner", "Search", "SearchProgress", "restored"]

_FORMAT = "molvae-search/3"  # raise it with every change of the saved state
_TOP = 10


class Search(Protocol):
    """A method that proposes molecules and learns from their scores; the methods are those of `Optimizer`."""

    archive: Archive

    @property
    def batch_size(self) -> int: ...

    def ask(self, n: int | None = None) -> list[Proposal]: ...

    def tell(
        self,
        proposals: Sequence[Proposal],
        scores: Sequence[float] | NDArray[np.float64],
        parts: Sequence[Sequence[float]] | NDArray[np.float64] | None = None,
    ) -> None: ...

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]: ...

    def restore(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None: ...


class SearchProgress(NamedTuple):
    """The progress of a search."""

    calls: int
    """molecules whose scores are known"""
    budget: int
    """all calls"""
    best: str | None
    """the best molecule; None until one has a score"""
    score: float
    """its score; NaN where there is none"""
    top10: float
    """the mean of the ten best scores, or of all if there are fewer; NaN where there is none"""
    without: int
    """molecules without a score"""
    seconds: float
    """since the search began, without pauses"""


class Runner:
    """A search until its budget is spent or nothing new is found.

    Args:
        search: proposes molecules.
        objective: scores them; its budget is that of the search.
        log: of the calls; those that it holds are already in the archive of the search.
        batch: molecules per batch; None leaves it to the search.
        state: the file for `restored`; None saves nothing.
        checkpoint_seconds: time between two saves of the state.
        progress: called after every batch.
        on_interrupt: called at the first Ctrl-C.
    """

    def __init__(
        self,
        search: Search,
        objective: CountedObjective,
        log: CallLog,
        *,
        batch: int | None = None,
        state: Path | None = None,
        checkpoint_seconds: float = 60.0,
        progress: Callable[[SearchProgress], None] | None = None,
        on_interrupt: Callable[[], None] = lambda: None,
    ) -> None:
        self._search, self._objective, self._log = search, objective, log
        self._batch, self._state, self._every = batch, state, checkpoint_seconds
        self._progress, self._on_interrupt = progress, on_interrupt
        self._before = log.calls[-1].seconds if log.calls else 0.0
        self._started = self._saved = 0.0
        scored = sorted((one.score, -place) for place, one in enumerate(log.calls) if one.score == one.score)
        self._top = [score for score, _ in scored[-_TOP:]]
        self._best = log.calls[-scored[-1][1]].proposal.smiles if scored else None
        self._without = len(log.calls) - len(scored)

    def run(self) -> None:
        """Search to the end.

        Raises:
            KeyboardInterrupt: on Ctrl-C or SIGTERM; the batch is done and all is saved.
            MolVAEError: the objective failed, or a file cannot be written; all scores so far are written.
        """
        self._started = self._saved = time.monotonic()
        with Interruption(self._on_interrupt) as interruption:
            while self._objective.left and self._step():
                if interruption.asked or time.monotonic() - self._saved >= self._every:
                    self._save()
                if interruption.asked:
                    raise KeyboardInterrupt
            self._save()

    def _step(self) -> bool:
        """One batch; False if nothing new was found."""
        wanted = min(self._batch or self._search.batch_size, self._objective.left)
        proposals = self._search.ask(wanted)
        if not proposals:
            return False
        scores, parts = self._objective([one.smiles for one in proposals])
        several = parts.shape[1] > 1
        seconds = self._seconds()
        rows = [tuple(row) if several else () for row in parts.tolist()]
        self._log.append([Call(*call, seconds) for call in zip(proposals, scores.tolist(), rows, strict=True)])
        self._search.tell(proposals, scores, parts if several else None)
        self._report(proposals, scores, seconds)
        return True

    def _seconds(self) -> float:
        return round(self._before + time.monotonic() - self._started, 3)

    def _report(self, proposals: Sequence[Proposal], scores: NDArray[np.float64], seconds: float) -> None:
        for proposal, score in zip(proposals, scores.tolist(), strict=True):
            if score != score:
                self._without += 1
                continue
            if not self._top or score > self._top[-1]:
                self._best = proposal.smiles
            self._top = sorted([*self._top, score])[-_TOP:]
        if self._progress is not None:
            calls, left = self._objective.calls, self._objective.left
            score, mean = (self._top[-1], float(np.mean(self._top))) if self._top else (np.nan, np.nan)
            self._progress(SearchProgress(calls, calls + left, self._best, score, mean, self._without, seconds))

    def _save(self) -> None:
        if self._state is not None:
            tensors, metadata = self._search.state()
            write_tensors(self._state, tensors, {"format": _FORMAT, "calls": len(self._log.calls), "search": metadata})
        self._saved = time.monotonic()


def restored(search: Search, log: CallLog, state: Path) -> list[Call]:
    """Bring a new search to the state in which an interrupted one was last saved.

    Args:
        search: made with the same arguments as the interrupted one, with an empty archive.
        log: its calls.
        state: the file that a `Runner` saved. If it is missing, damaged or of another version, the search starts from
            the beginning.

    Returns:
        The calls after the save: the search will propose them again, and their scores are known.
    """
    try:
        tensors, metadata = read_tensors(state)
    except ModelError:
        return list(log.calls)
    known, of_search = metadata.get("calls"), metadata.get("search")
    if metadata.get("format") != _FORMAT or type(known) is not int or not isinstance(of_search, dict):
        return list(log.calls)
    if not 0 <= known <= len(log.calls):
        return list(log.calls)
    for call in log.calls[:known]:
        search.archive.add(call.proposal, call.score, call.parts)
    try:
        search.restore(tensors, of_search)
    except (ModelError, KeyError, TypeError, ValueError, RuntimeError, AttributeError, IndexError) as error:
        raise ModelError(
            f"{state} is damaged ({type(error).__name__}: {error}); remove it, and the search starts from the "
            "beginning, but uses the known scores"
        ) from None
    return log.calls[known:]
