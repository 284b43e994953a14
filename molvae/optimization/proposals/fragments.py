"""Small groups that mutations add to a molecule, and random choices: how often each is drawn."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import Generic, TypeVar

import numpy as np

from molvae.optimization.proposals.graphs import Graph, read

__all__ = [
    "ELEMENTS",
    "FUSED_AROMATIC",
    "FUSED_SATURATED",
    "LINKERS",
    "SUBSTITUENTS",
    "NoSiteError",
    "WeightedChoice",
    "fragment",
    "pick",
    "reject_if",
]

T = TypeVar("T")


class NoSiteError(Exception):
    """A molecule has no place for an edit."""


def reject_if(condition: object) -> None:
    """Raise `NoSiteError` if a condition holds."""
    if condition:
        raise NoSiteError


class WeightedChoice(Generic[T]):
    """A random choice among things, in proportion to their weights.

    Args:
        weights: above 0; they need not sum to 1.
    """

    def __init__(self, weights: Mapping[T, float]) -> None:
        self._things = list(weights)
        self._sums = list(accumulate(weights.values()))

    def draw(self, rng: np.random.Generator) -> T:
        """One of them."""
        return self._things[bisect(self._sums, rng.random() * self._sums[-1], hi=len(self._sums) - 1)]


def pick(rng: np.random.Generator, things: Sequence[T]) -> T:
    """One of some things, with equal chances; `NoSiteError` if there is none."""
    reject_if(not things)
    return things[int(rng.random() * len(things))]


ELEMENTS = {6: 0.40, 7: 0.17, 8: 0.17, 9: 0.12, 17: 0.06, 16: 0.03, 35: 0.03, 53: 0.01}
"""Weights of elements, by atomic number."""

SUBSTITUENTS = WeightedChoice(
    {
        **dict.fromkeys(("CC", "C(C)C", "OC", "CO", "C(F)(F)F", "C#N", "N(C)C", "C(=O)O", "C(N)=O", "NC(C)=O"), 3.0),
        **dict.fromkeys(("C(=O)OC", "C(=O)NC", "C(=O)N(C)C", "C(C)=O", "CCO", "CCN", "CN", "NC", "OCC", "SC"), 2.0),
        **dict.fromkeys(("S(C)(=O)=O", "S(N)(=O)=O", "S(=O)(=O)NC", "NS(C)(=O)=O", "C(C)(C)C", "CC(C)C"), 1.5),
        **dict.fromkeys(("[NH+](=O)[O-]", "OC(F)(F)F", "OC(F)F", "C(F)F", "C=C", "C#C", "CCC", "CCCC", "COC"), 1.0),
        **dict.fromkeys(("C(=O)OCC", "CC(=O)O", "NC(N)=O", "C(=N)N", "CCOC", "S(C)=O", "CC#N", "CC(N)=O"), 0.7),
        **dict.fromkeys(("P(=O)(O)O", "P(C)(C)=O", "P(=O)(OC)OC", "B(O)O"), 0.5),
        "c1ccccc1": 6.0,
        "Cc1ccccc1": 2.0,
        **dict.fromkeys(("c1ccccn1", "c1cccnc1", "c1ccncc1", "C1CC1", "C1CCCCC1", "C1CCCC1"), 1.5),
        **dict.fromkeys(("N1CCCCC1", "N1CCOCC1", "N1CCNCC1", "N1CCN(C)CC1", "N1CCCC1", "C1CCNCC1"), 1.5),
        **dict.fromkeys(("c1ccsc1", "c1cccs1", "c1ccco1", "c1ccoc1", "[nH]1cccn1", "[nH]1ccnc1", "c1cn[nH]c1"), 1.0),
        **dict.fromkeys(("c1cncnc1", "c1ncccn1", "c1cnccn1", "c1nccs1", "c1cscn1", "c1ncco1", "c1ccno1"), 0.7),
        **dict.fromkeys(
            ("c1nnc(C)o1", "c1noc(C)n1", "c1nnn[nH]1", "[nH]1cncn1", "[nH]1nccn1", "C1CCOCC1", "C1CCOC1"), 0.5
        ),
        **dict.fromkeys(("C1CCC1", "N1CCC1", "C1CCNC1", "OCc1ccccc1", "C(=O)c1ccccc1", "Oc1ccccc1"), 0.7),
    }
)
"""Groups that replace a hydrogen, as SMILES; the first atom is bound to the molecule."""

LINKERS = WeightedChoice(
    {
        ("C", 0): 6.0,
        ("N", 0): 2.5,
        ("O", 0): 2.5,
        ("S", 0): 0.5,
        ("CC", 1): 1.0,
        ("C=C", 1): 0.3,
        ("C(=O)", 0): 1.5,
        ("C(=O)N", 2): 2.0,
        ("S(=O)(=O)", 0): 0.7,
        ("S(=O)(=O)N", 3): 0.7,
        ("C(=O)O", 2): 0.5,
    }
)
"""Linkers for a bond, as SMILES, and the atom that is bound on the far side; the near side is the first atom."""

FUSED_AROMATIC = WeightedChoice(
    {
        "C=CC=C": 5.0,
        "N=CC=C": 1.0,
        "C=NC=C": 1.0,
        "N=CC=N": 0.5,
        "C=NN=C": 0.2,
        "NC=C": 1.5,
        "OC=C": 0.8,
        "SC=C": 0.8,
        "NC=N": 1.2,
        "OC=N": 0.6,
        "SC=N": 0.6,
        "NN=C": 1.0,
    }
)
"""Chains that close an aromatic ring on a double bond, as SMILES; both ends are bound by single bonds."""

FUSED_SATURATED = WeightedChoice(
    {"CCC": 1.5, "CCCC": 2.0, "CNCC": 1.5, "COCC": 1.0, "CNC": 1.0, "OCO": 1.0, "OCCO": 1.0, "CCN": 1.0, "OCCN": 0.7}
)
"""Chains that close another ring on any bond of a ring, in the same way."""


@cache
def fragment(smiles: str) -> Graph:
    """The graph of a fragment."""
    graph = read(smiles, False)
    assert graph is not None
    return graph
