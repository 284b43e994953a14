"""What can be set of a search; the defaults are the same for every objective."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from molvae.config import Settings, Share

__all__ = ["SearchConfig"]

_MOST_FIRST = 20


class SearchConfig(Settings):
    """How molecules are searched for."""

    operators: str = Field(
        "latent noise, latent mix, latent regrowth, latent draw, graph mutation, graph crossover",
        description="What makes proposals, by name.",
    )
    first: int = Field(
        0,
        ge=0,
        description=f"Molecules scored before the surrogate is asked; 0: a fourth of all, at most {_MOST_FIRST}. "
        "Batches are whole.",
    )
    pool: int = Field(100, ge=8, description="Proposals made at a time.")
    generations: int = Field(3, ge=1, description="Times that proposals are made of parents and of better proposals.")
    elites: int = Field(1_024, ge=2, description="Best molecules that parents are drawn from.")
    rank_weight: float = Field(
        0.01, gt=0.0, description="Parents are drawn with weight 1 / (this x elites + rank): the less, the greedier."
    )
    patience: int = Field(
        250,
        ge=0,
        description="Calls, or a fourth of all if more, without anything better, after which the best are left for "
        "others; 0: never.",
    )
    free: Share = Field(0.1, description="Share of the calls that the surrogate has no say in.")
    surrogate: bool = Field(True, description="Ask a surrogate which proposals are worth a call.")
    noisy: bool = Field(False, description="Scores have noise, as measured ones do: the surrogate finds out how much.")
    follow_every: int = Field(
        100,
        ge=0,
        description="Calls, or a tenth of all if more, after which the model is trained on the best; 0: never.",
    )
    follow_steps: int = Field(4, ge=1, description="Steps of that training.")
    follow_rate: float = Field(5e-4, gt=0.0, description="Its learning rate.")
    per_scaffold: int = Field(
        0,
        ge=0,
        description="Molecules of one scaffold in a batch, at most, those to begin with left out; 0: any number.",
    )
    stereo: bool = Field(False, description="Tell stereoisomers apart; off, molecules have no stereo.")
    max_heavy_atoms: int = Field(60, ge=1, description="Heavy atoms of a molecule that the search makes, at most.")

    def for_budget(self, budget: int | None = None) -> Self:
        """These settings for so many calls, None for an unknown number: with `first` above 0."""
        if self.first:
            return self
        return self.replace(first=_MOST_FIRST if budget is None else min(_MOST_FIRST, max(1, budget // 4)))
