"""The base of proposers that edit graphs: which molecules they read, and which children they accept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from rdkit import Chem

from molvae.chem import quiet_rdkit
from molvae.chem.molecules import is_steady, settled
from molvae.errors import ConfigError
from molvae.optimization.objectives.structure import has_pattern
from molvae.optimization.proposal import Proposal
from molvae.optimization.proposals.flaws import flaws_of, no_worse
from molvae.optimization.proposals.fragments import pick
from molvae.optimization.proposals.graphs import Draft, Graph, read

__all__ = ["GraphProposer", "is_sound"]

_CORES = 2_048
_MATCHES = 64  # of a core in a molecule, at most
_SANITIZE = Chem.SanitizeFlags
# Steps that turn a draft into a molecule; conjugation and hybridization are not needed.
_STEPS = (
    _SANITIZE.SANITIZE_PROPERTIES
    | _SANITIZE.SANITIZE_SYMMRINGS
    | _SANITIZE.SANITIZE_SETAROMATICITY
    | _SANITIZE.SANITIZE_ADJUSTHS
)


class GraphProposer(ABC):
    """Children by edits of molecular graphs.

    A child is one fragment without radicals, and has no flaw (see `flaws_of`) more often than its parents.

    Args:
        stereo: keep stereo that is not near an edit; otherwise children have none.
        max_heavy_atoms: no child has more; None for no limit.
        core: a SMARTS. Its atoms in a parent, for one of its matches, are neither edited nor removed, but may get other
            neighbours. Every child matches it. A parent that does not match has no children.

    Raises:
        ConfigError: the core is not a SMARTS, or `max_heavy_atoms` is below 1.
    """

    def __init__(self, *, stereo: bool = False, max_heavy_atoms: int | None = None, core: str | None = None) -> None:
        if max_heavy_atoms is not None and max_heavy_atoms < 1:
            raise ConfigError(f"max_heavy_atoms must be at least 1, not {max_heavy_atoms}")
        if core is not None:
            has_pattern(Chem.Mol(), core)
        self._stereo, self._max_heavy_atoms, self._core = stereo, max_heavy_atoms, core

    @property
    @abstractmethod
    def name(self) -> str:
        """The operator of its proposals."""

    def propose(self, parents: Sequence[str], mates: Sequence[str], rng: np.random.Generator) -> list[Proposal]:
        """Children of parents.

        Args:
            parents: N canonical SMILES; the same one may occur many times.
            mates: N more; an operator with one parent ignores them.
            rng: of every random choice.

        Returns:
            At most N valid molecules in canonical SMILES, in the order of their parents. None is equal to its parent or
            mate. A parent may have no child, and the same child may occur several times.
        """
        children = []
        with quiet_rdkit():
            for parent, mate in zip(parents, mates, strict=True):
                child = self._child(parent, mate, rng)
                if child is not None:
                    children.append(child)
        return children

    @abstractmethod
    def _child(self, parent: str, mate: str, rng: np.random.Generator) -> Proposal | None: ...

    def _read(self, smiles: str) -> Graph | None:
        return read(smiles, self._stereo)

    def _frozen(self, graph: Graph, rng: np.random.Generator) -> int | None:
        """The atoms of one match of the core; None without a match."""
        if self._core is None:
            return 0
        places = _core_places(graph, self._core)
        return pick(rng, places) if places else None

    def _accepted(self, draft: Draft, parents: Sequence[Graph]) -> str | None:
        """The canonical SMILES of a child; None if it is not sound, or equal to a parent."""
        mol = draft.mol
        if self._max_heavy_atoms is not None and mol.GetNumHeavyAtoms() > self._max_heavy_atoms:
            return None
        if not is_sound(mol) or (self._core is not None and not has_pattern(mol, self._core)):
            return None
        smiles = self._spelled(mol)
        if smiles is None or "." in smiles or any(smiles == graph.smiles for graph in parents):
            return None
        return smiles if no_worse(flaws_of(mol, smiles), [graph.flaws for graph in parents]) else None

    def _spelled(self, mol: Chem.Mol) -> str | None:
        if self._stereo:
            Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
        smiles = str(Chem.MolToSmiles(mol))
        if not self._stereo and is_steady(smiles, "", mol):
            return smiles
        last = settled(smiles, stereo=self._stereo)
        return last[0] if last is not None else None


def is_sound(mol: Any) -> bool:
    """Sanitize the molecule of a draft in place; False if its valences do not allow that."""
    try:
        Chem.SanitizeMol(mol, _STEPS)
    except (RuntimeError, ValueError):
        return False
    return bool(mol.GetNumAtoms())


@lru_cache(maxsize=_CORES)
def _core_places(graph: Graph, core: str) -> list[int]:
    pattern = Chem.MolFromSmarts(core)
    matches = graph.mol.GetSubstructMatches(pattern, maxMatches=_MATCHES)
    return [sum(1 << atom for atom in match) for match in matches]
