"""All operators under one roof."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molvae.config import split_names
from molvae.errors import ConfigError
from molvae.optimization.online_finetuning import MovingModel
from molvae.optimization.proposal import Proposal, Proposer
from molvae.optimization.proposals.graph_crossover import GraphCrossover
from molvae.optimization.proposals.graph_mutation import GraphMutation
from molvae.optimization.proposals.latent import LATENT_OPERATORS, Drawn, LatentProposals
from molvae.optimization.settings import SearchConfig

__all__ = ["Workshop"]


class Workshop:
    """Makes molecules of molecules, each by the operator named for it.

    Args:
        space: of latent operators.
        settings: which operators there are, and what of molecules.
        core: a SMARTS that graph edits leave as it is, as in `GraphProposer`.

    Attributes:
        operators: by name.
        quick: those of them that do without a decoder, which takes three times as long for a molecule; all of them
            where there are no others.

    Raises:
        ConfigError: there is no such operator, or none at all.
    """

    def __init__(self, space: MovingModel, settings: SearchConfig, core: str | None = None) -> None:
        self.operators = split_names(settings.operators)
        stereo, most = settings.stereo, settings.max_heavy_atoms
        self._latent = LatentProposals(space, stereo=stereo, max_heavy_atoms=most)
        kinds = (GraphMutation, GraphCrossover)
        graph: list[Proposer] = [one(stereo=stereo, max_heavy_atoms=most, core=core) for one in kinds]
        self._graph = {one.name: one for one in graph}
        known = [*LATENT_OPERATORS, *self._graph]
        for name in self.operators:
            if name not in known:
                raise ConfigError(f"operators: there is no {name!r}; there are {', '.join(known)}")
        self.quick = [name for name in self.operators if name in self._graph] or self.operators
        if not self.operators:
            raise ConfigError(f"operators: name at least one of {', '.join(known)}")

    def make(
        self, operators: Sequence[str], parents: Sequence[str], mates: Sequence[str], rng: np.random.Generator
    ) -> list[Proposal]:
        """Children, as `Proposer.propose`, those of each operator together.

        Args:
            operators: N names.
            parents: N molecules.
            mates: N molecules.
            rng: of every random choice.
        """
        children: list[Proposal] = []
        for name, proposer in self._graph.items():
            rows = [row for row, one in enumerate(operators) if one == name]
            if rows:
                children += proposer.propose([parents[row] for row in rows], [mates[row] for row in rows], rng)
        rows = [row for row, one in enumerate(operators) if one in LATENT_OPERATORS]
        if rows:
            kinds, first, second = ([each[row] for row in rows] for each in (operators, parents, mates))
            children += self._latent.propose(kinds, first, second, rng)
        return children

    @property
    def drawn(self) -> Drawn:
        """What the decoder has written so far."""
        return self._latent.drawn

    @drawn.setter
    def drawn(self, drawn: Drawn) -> None:
        self._latent.drawn = drawn
