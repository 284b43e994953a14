"""The settings of a search; the defaults are the same for every objective."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from molvae.config import Settings, Share

__all__ = ["SearchConfig"]

_MOST_FIRST = 20


class SearchConfig(Settings):
    """How a search works."""

    operators: str = Field(
        "latent noise, latent mix, latent regrowth, latent draw, latent decoration, graph mutation, graph crossover",
        description="Operators that make proposals, by name. latent decoration needs a substructure to keep.",
    )
    first: int = Field(
        0,
        ge=0,
        description=f"Molecules scored before the surrogate is used; 0: a fourth of the budget, at most {_MOST_FIRST}. "
        "A batch is never cut.",
    )
    pool: int = Field(100, ge=8, description="Proposals made at a time.")
    generations: int = Field(
        3, ge=1, description="Generations of proposals in a round: children of the best, then of the best children."
    )
    elites: int = Field(1_024, ge=2, description="Number of best molecules from which parents are drawn.")
    rank_weight: float = Field(
        0.01, gt=0.0, description="Parents are drawn with weight 1 / (this x elites + rank): small values are greedy."
    )
    patience: int = Field(
        250,
        ge=0,
        description="Calls without improvement, or a fourth of all if more, after which the search leaves its best "
        "molecules for others; 0: never.",
    )
    free: Share = Field(0.1, description="Share of the calls that are chosen at random, without the surrogate.")
    surrogate: bool = Field(True, description="Let a surrogate choose the proposals that are scored.")
    noisy: bool = Field(False, description="Scores have noise, as measured ones do: the surrogate estimates it.")
    constrained_decoding: bool = Field(
        False,
        description="Let the latent operators write only what can become a valid molecule; off, invalid strings are "
        "dropped.",
    )
    follow_every: int = Field(
        100,
        ge=0,
        description="Calls, or a tenth of all if more, after which the model is fine-tuned on the best; 0: never.",
    )
    follow_steps: int = Field(4, ge=1, description="Steps of one fine-tuning.")
    follow_rate: float = Field(5e-4, gt=0.0, description="Learning rate of the fine-tuning.")
    per_scaffold: int = Field(
        0,
        ge=0,
        description="Largest number of molecules of one scaffold in a batch, except given ones; 0: no limit.",
    )
    stereo: bool = Field(False, description="Distinguish stereoisomers; off, molecules have no stereo.")
    max_heavy_atoms: int = Field(
        60, ge=1, description="Largest number of heavy atoms of a molecule that the search makes."
    )

    def for_budget(self, budget: int | None = None) -> Self:
        """These settings for a number of calls, None if it is unknown, with `first` above 0."""
        if self.first:
            return self
        return self.replace(first=_MOST_FIRST if budget is None else min(_MOST_FIRST, max(1, budget // 4)))
