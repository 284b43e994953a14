"""Mutation: random edits of a molecule."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from molvae.optimization.proposal import Proposal
from molvae.optimization.proposals import atom_edits, ring_edits
from molvae.optimization.proposals.atom_edits import Edit
from molvae.optimization.proposals.fragments import NoSiteError, WeightedChoice
from molvae.optimization.proposals.graph_proposer import GraphProposer, is_sound
from molvae.optimization.proposals.graphs import graph_of

__all__ = ["EDITS", "GraphMutation"]

EDITS: Mapping[Edit, float] = MappingProxyType(
    {
        atom_edits.append_atom: 1.5,
        atom_edits.append_group: 1.0,
        atom_edits.delete_atom: 1.5,
        atom_edits.insert_linker: 1.0,
        atom_edits.replace_atom: 1.5,
        atom_edits.change_bond: 0.6,
        atom_edits.swap_carbonyl_sulfonyl: 0.15,
        atom_edits.neutralize: 0.5,
        ring_edits.close_ring: 0.8,
        ring_edits.open_ring: 0.5,
        ring_edits.fuse_ring: 0.4,
        ring_edits.remove_ring: 0.3,
        ring_edits.resize_aromatic: 0.5,
        ring_edits.swap_aromatic: 1.2,
        ring_edits.rearrange_aromatic: 1.2,
        ring_edits.saturate_ring: 0.2,
        ring_edits.aromatize_ring: 0.4,
        atom_edits.delete_branch: 0.8,
        atom_edits.replace_branch: 1.2,
        atom_edits.move_branch: 1.2,
        atom_edits.swap_branches: 0.6,
        atom_edits.reverse_link: 0.6,
    }
)
"""The relative frequency of each kind of edit."""

_KINDS = WeightedChoice(EDITS)
_IN_A_ROW = WeightedChoice({1: 0.75, 2: 0.17, 3: 0.08})
_TRIES = 20  # edits for a child, including those that find no place


class GraphMutation(GraphProposer):
    """One random edit of the parent, sometimes two or three: see `EDITS`.

    Source: A graph-based genetic algorithm and generative model/Monte Carlo tree search for the exploration of
    chemical space (Jensen, 2019), https://doi.org/10.1039/C8SC05372C; the edits are others.

    Arguments and errors as of `GraphProposer`.

    >>> GraphMutation().propose(["c1ccccc1"], ["CCO"], np.random.default_rng(0))[0].parents
    ('c1ccccc1',)
    """

    @property
    def name(self) -> str:
        """The operator of its proposals."""
        return "graph mutation"

    def _child(self, parent: str, mate: str, rng: np.random.Generator) -> Proposal | None:
        graph = self._read(parent)
        if graph is None:
            return None
        wanted, done, current = _IN_A_ROW.draw(rng), 0, graph
        for _ in range(_TRIES):
            frozen = self._frozen(current, rng)
            if frozen is None:
                continue
            try:
                draft = _KINDS.draw(rng)(current, frozen, rng)
            except NoSiteError:
                continue
            done += 1
            if done < wanted:
                between = graph_of(draft.mol, "", self._stereo) if is_sound(draft.mol) else None
                if between is None:
                    done -= 1
                else:
                    current = between
                continue
            smiles = self._accepted(draft, [graph])
            if smiles is not None and smiles not in (parent, mate):
                return Proposal(smiles, self.name, (parent,))
            wanted, done, current = 1, 0, graph
        return None
