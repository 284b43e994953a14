"""Proposals from the latent space: noise around a molecule, a mix of two, a draw from the prior, or a new ending.

All points of a call are decoded together: a decoder is fast for many at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from molvae.chem import canonical, is_plausible, parse, quiet_rdkit
from molvae.chem.plausibility import unusual_atoms
from molvae.corpus.tokenizer import scan
from molvae.optimization.online_finetuning import OnlineModel
from molvae.optimization.proposal import Proposal
from molvae.optimization.proposals.decoration import opened

__all__ = ["DECORATION", "LATENT_OPERATORS", "Drawn", "LatentProposals"]

Array = NDArray[np.float32]

_TEMPERATURE = 0.8
_NOISE = (0.15, 1.0)  # least and greatest share of a prior draw in a noisy point
_MIX = (0.2, 0.8)
_KEPT = (0.25, 0.9)  # of the tokens, before a new ending
_LOOSE = 0.5  # noise for a new ending: the point should not force the old one


def _noise(points: Array, _: Array, rng: np.random.Generator) -> Array:
    share = rng.uniform(*_NOISE, size=(len(points), 1))
    # Rotated towards a draw of the prior: N(0, I) stays N(0, I), for any share.
    draws = rng.standard_normal(points.shape)
    return np.asarray(np.sqrt(1.0 - share**2) * points + share * draws, dtype=np.float32)


def _mix(points: Array, others: Array, rng: np.random.Generator) -> Array:
    share = rng.uniform(*_MIX, size=(len(points), 1))
    scale = np.sqrt(share**2 + (1.0 - share) ** 2)  # independent points of N(0, I) mix to N(0, I)
    mixed = ((1.0 - share) * points + share * others) / scale
    return np.asarray(mixed, dtype=np.float32)


def _loosen(points: Array, _: Array, rng: np.random.Generator) -> Array:
    draws = rng.standard_normal(points.shape)
    return np.asarray(np.sqrt(1.0 - _LOOSE**2) * points + _LOOSE * draws, dtype=np.float32)


def _draw(points: Array, _: Array, rng: np.random.Generator) -> Array:
    return rng.standard_normal(points.shape, dtype=np.float32)


DECORATION = "latent decoration"
"""The operator that writes new groups at a core; only for searches that keep one."""

LATENT_OPERATORS: Mapping[str, Callable[[Array, Array, np.random.Generator], Array]] = MappingProxyType(
    {"latent noise": _noise, "latent mix": _mix, "latent regrowth": _loosen, "latent draw": _draw, DECORATION: _loosen}
)
"""By name: from the points (N, D) of parents and of mates to the points that are decoded."""


class Drawn(NamedTuple):
    """Counts of decoded strings."""

    strings: int
    molecules: int
    """strings that are molecules"""


class LatentProposals:
    """Makes new molecules from others in the latent space of a model that is fine-tuned.

    None is a radical, or has a valence or charge that neither its parents have nor the training molecules of the model.

    Args:
        space: the model.
        stereo: keep stereo.
        max_heavy_atoms: no child has more.
        constrained: whether the decoder writes only valid molecules.
        core: a SMARTS for `DECORATION`.

    Attributes:
        drawn: counts of all decoded strings so far.
    """

    def __init__(
        self, space: OnlineModel, *, stereo: bool, max_heavy_atoms: int, constrained: bool, core: str | None
    ) -> None:
        self._space, self._stereo, self._core = space, stereo, core
        self._max_heavy_atoms, self._constrained = max_heavy_atoms, constrained
        self.drawn = Drawn(0, 0)

    def propose(
        self, operators: Sequence[str], parents: Sequence[str], mates: Sequence[str], rng: np.random.Generator
    ) -> list[Proposal]:
        """Children of parents, as `GraphProposer.propose`, each by its own operator.

        Args:
            operators: N names of `LATENT_OPERATORS`.
            parents: N molecules; one that the model cannot encode has no child.
            mates: N molecules.
            rng: of every random choice.
        """
        kinds = np.array(operators, dtype=object)
        first, second = self._space.encode(parents), self._space.encode(mates)
        points = np.full_like(first, np.nan)
        for kind in sorted(set(operators)):
            at = np.flatnonzero(kinds == kind)
            points[at] = LATENT_OPERATORS[kind](first[at], second[at], rng)
        prefixes = [
            self._beginning(parent, rng) if kind == "latent regrowth" else []
            for kind, parent in zip(operators, parents, strict=True)
        ]
        finite = np.isfinite(points).all(1)
        usable = np.flatnonzero(finite & (kinds != DECORATION))
        decorated = np.flatnonzero(finite & (kinds == DECORATION))
        texts = self._space.decode(
            points[usable],
            temperature=_TEMPERATURE,
            rng=rng,
            prefixes=[prefixes[row] for row in usable],
            constrained=self._constrained,
        )
        if len(decorated):
            scaffolds = [opened(parents[row], self._core or "", rng) for row in decorated.tolist()]
            texts += self._space.decorate(points[decorated], scaffolds, temperature=_TEMPERATURE, rng=rng)
            usable = np.concatenate([usable, decorated])
        with quiet_rdkit():
            made = [canonical(text, stereo=self._stereo) for text in texts]
        valid = sum(one is not None for one in made)
        self.drawn = Drawn(self.drawn.strings + len(made), self.drawn.molecules + valid)
        return [
            Proposal(child, operators[row], _lineage(operators[row], parents[row], mates[row]))
            for child, row in zip(made, usable.tolist(), strict=True)
            if child is not None
            and child not in (parents[row], mates[row])
            and self._is_small(child)
            and self._is_plausible(child, parents[row], mates[row])
        ]

    def _is_small(self, smiles: str) -> bool:
        if len(smiles) <= self._max_heavy_atoms:  # every atom needs at least one letter
            return True
        mol = parse(smiles)
        return mol is not None and mol.GetNumHeavyAtoms() <= self._max_heavy_atoms

    def _is_plausible(self, child: str, *origins: str) -> bool:
        if is_plausible(child, self._space.atoms):
            return True
        return is_plausible(child, self._space.atoms.union(*map(unusual_atoms, filter(None, origins))))

    def _beginning(self, smiles: str, rng: np.random.Generator) -> list[str]:
        """The first tokens of a molecule, up to a random place."""
        if not self._space.knows(smiles):
            return []
        tokens = scan(smiles)
        return tokens[: max(1, int(rng.uniform(*_KEPT) * len(tokens)))]


def _lineage(operator: str, parent: str, mate: str) -> tuple[str, ...]:
    if operator == "latent draw":
        return ()
    return (parent, mate) if operator == "latent mix" else (parent,)
