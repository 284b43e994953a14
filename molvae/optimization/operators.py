"""The operators that make proposals, and how often each is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from molvae.config import split_names
from molvae.errors import ConfigError
from molvae.optimization.online_finetuning import OnlineModel
from molvae.optimization.proposal import Proposal
from molvae.optimization.proposals.graph_crossover import GraphCrossover
from molvae.optimization.proposals.graph_mutation import GraphMutation
from molvae.optimization.proposals.graph_proposer import GraphProposer
from molvae.optimization.proposals.latent import DECORATION, LATENT_OPERATORS, LatentProposals
from molvae.optimization.settings import SearchConfig

__all__ = ["OperatorBandit", "Operators"]

_FLOOR = 0.3  # of the proposals, shared evenly, so that every operator is used
_FADE = 0.995  # of an operator's counts, with each of its calls


class OperatorBandit:
    """Chooses operators by the success of their earlier proposals; old successes fade.

    Thompson sampling (Thompson, 1933), https://doi.org/10.1093/biomet/25.3-4.285, on the chance that a proposal that
    was scored is among the best so far.

    Args:
        operators: by name.

    Attributes:
        counts: successes and failures of each operator, by name; both begin with 1.
    """

    def __init__(self, operators: Sequence[str]) -> None:
        self.counts = {name: [1.0, 1.0] for name in operators}

    def draw(self, names: Sequence[str], n: int, rng: np.random.Generator) -> list[str]:
        """The operators of n proposals, from these names."""
        chance = np.array([rng.beta(self.counts[name][0], self.counts[name][1]) for name in names])
        share = _FLOOR / len(names) + (1.0 - _FLOOR) * chance / chance.sum()
        return [names[index] for index in rng.choice(len(names), size=n, p=share)]

    def learn(self, operator: str, success: bool) -> None:
        """Count a call; calls of unknown operators are ignored."""
        if operator in self.counts:
            counts = [max(1.0, _FADE * one) for one in self.counts[operator]]
            counts[not success] += 1.0
            self.counts[operator] = counts

    def restore(self, counts: Mapping[str, Sequence[float]]) -> None:
        """Take over the `counts` of another."""
        self.counts = {name: list(each) for name, each in counts.items()}


class Operators:
    """All operators of a search: each makes new molecules from others.

    Args:
        space: for the latent operators.
        settings: which operators are used, and limits of the molecules.
        core: a SMARTS that graph edits do not change, as in `GraphProposer`.

    Attributes:
        names: of the operators in use.
        quick: names of those that need no decoder, which takes three times as long for a molecule; all names if every
            operator needs it.
        latent: the latent operators.

    Raises:
        ConfigError: there is no such operator, or none at all.
    """

    def __init__(self, space: OnlineModel, settings: SearchConfig, core: str | None = None) -> None:
        given = split_names(settings.operators)
        self.names = tuple(one for one in given if one != DECORATION or core is not None)
        stereo, most = settings.stereo, settings.max_heavy_atoms
        self.latent = LatentProposals(
            space, stereo=stereo, max_heavy_atoms=most, constrained=settings.constrained_decoding, core=core
        )
        kinds: tuple[type[GraphProposer], ...] = (GraphMutation, GraphCrossover)
        graph = [kind(stereo=stereo, max_heavy_atoms=most, core=core) for kind in kinds]
        self._graph = {one.name: one for one in graph}
        known = [*LATENT_OPERATORS, *self._graph]
        for name in given:
            if name not in known:
                raise ConfigError(f"operators: there is no {name!r}; there are {', '.join(known)}")
        self.quick = [name for name in self.names if name in self._graph] or self.names
        if not self.names:
            raise ConfigError(f"operators: name at least one of {', '.join(known)}")

    def make(
        self, operators: Sequence[str], parents: Sequence[str], mates: Sequence[str], rng: np.random.Generator
    ) -> list[Proposal]:
        """Children, as `GraphProposer.propose`, grouped by operator.

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
            children += self.latent.propose(kinds, first, second, rng)
        return children
