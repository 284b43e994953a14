"""Numbers of a molecule that can be maximized or shaped: all properties of `molvae.chem`, and some more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from rdkit import Chem
from rdkit.Chem import GraphDescriptors, rdMolDescriptors

from molvae.chem import PROPERTIES, Property

__all__ = ["QUANTITIES", "quantity"]

_LARGEST_PLAIN_RING = 6


def quantity(mol: Chem.Mol, name: str) -> float:
    """The number of a molecule, by a name of `QUANTITIES`; NaN where RDKit has none."""
    return QUANTITIES[name](mol)


def _rings(mol: Chem.Mol) -> list[int]:
    return [len(ring) for ring in mol.GetRingInfo().AtomRings()]


def _excess(mol: Chem.Mol) -> float:
    """Atoms of the largest ring beyond six."""
    return max([0, *(size - _LARGEST_PLAIN_RING for size in _rings(mol))])


def _too_large(mol: Chem.Mol) -> float:
    """Rings of more than six atoms."""
    return sum(size > _LARGEST_PLAIN_RING for size in _rings(mol))


def _none(mol: Chem.Mol) -> float:
    return 0.0


def _penalized(mol: Chem.Mol, rings: Callable[[Chem.Mol], float]) -> float:
    return quantity(mol, "logp") - quantity(mol, "sa") - rings(mol)


def _standardized(mol: Chem.Mol) -> float:
    # Mean and standard deviation over ZINC-250k, as published with the code of the junction tree VAE.
    logp = (quantity(mol, "logp") - 2.4570953396190123) / 1.434324401111988
    sa = (-quantity(mol, "sa") + 3.0525811293166134) / 0.8335207024513095
    rings = (-_excess(mol) + 0.0485696876403053) / 0.2860212110245455
    return logp + sa + rings


def _synthesizability(mol: Chem.Mol) -> float:
    return 1.0 - (quantity(mol, "sa") - 1.0) / 9.0


_MORE = (
    Property("synthesizability", "", "1 - (SA - 1) / 9, from 0 to 1, easy", _synthesizability),
    Property("aromatic_rings", "", "aromatic rings", rdMolDescriptors.CalcNumAromaticRings),
    Property("bertz", "", "complexity (Bertz, 1981, https://doi.org/10.1021/ja00402a001)", GraphDescriptors.BertzCT),
    Property(
        "plogp",
        "",
        "penalized logP: logP - SA - atoms of the largest ring beyond six (Gomez-Bombarelli et al., 2018, "
        "https://doi.org/10.1021/acscentsci.7b00572)",
        partial(_penalized, rings=_excess),
    ),
    Property(
        "plogp_standardized",
        "",
        "penalized logP with each of its three parts standardized on ZINC-250k (Jin et al., 2018, "
        "https://arxiv.org/abs/1802.04364)",
        _standardized,
    ),
    Property(
        "plogp_without_rings",
        "",
        "logP - SA, of the constrained optimization of Jin et al. (2018)",
        partial(_penalized, rings=_none),
    ),
    Property(
        "plogp_ring_count",
        "",
        "logP - SA - rings of more than six atoms (Eckmann et al., 2022, https://arxiv.org/abs/2206.09010)",
        partial(_penalized, rings=_too_large),
    ),
)

QUANTITIES: Mapping[str, Property] = MappingProxyType({**PROPERTIES, **{one.name: one for one in _MORE}})
"""By name. Rings are those of RDKit's smallest set of rings; published code takes the cycle basis of networkx."""
