"""What a run tells while it goes on. The base class is silent; the command line prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from molvae.corpus.cleaning import Counts
    from molvae.training import Epoch, Progress
    from molvae.training.run.memorization import Memorization

__all__ = ["Reporter"]


class Reporter:
    """Override what you want to hear of; every method does nothing by default."""

    def started(self, folder: Path) -> None:
        """The run folder is there, and from now on can be resumed."""

    def table(self, sentence: str) -> None:
        """How the file is read."""

    def cleaning(self, rows: int) -> None:
        """Rows cleaned so far."""

    def cleaned(self, counts: Counts, rejected: Path) -> None:
        """What became of the rows."""

    def plan(self, sentence: str) -> None:
        """What will be trained, on what, where."""

    def new_tokens(self, start: str, molecules: Mapping[str, int]) -> None:
        """The run fine-tunes the model of this name, and these tokens are new to it, each in so many molecules."""

    def step(self, progress: Progress) -> None:
        """A training step is done."""

    def epoch(self, epoch: Epoch, epochs: int, complaint: str | None) -> None:
        """An epoch is done, of so many; the complaint says what is wrong with the latent space."""

    def stopping(self) -> None:
        """The user wants it to end, which it does after this step, when that is saved."""

    def memorized(self, measured: Memorization) -> None:
        """How far a fine-tuned model has learned its training molecules by heart."""

    def done(self, folder: Path, best: int) -> None:
        """The run is finished; the weights of epoch `best` became the model."""
