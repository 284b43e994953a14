"""Constraints: what a molecule must be before the objective is called for it. They cost no calls.

How they are written:

keep:SMARTS, forbid:SMARTS         a substructure that every molecule has, or that none has
similar_to:LEAD:LOW:HIGH           a range of similarity to a lead
window:QUANTITY:LOW:HIGH           a range of a number of the molecule
no_alerts:CATALOG                  none of RDKit's structural alerts: PAINS, BRENK or all
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from molvae.chem import canonical, parse, quiet_rdkit
from molvae.chem.alerts import CATALOGS
from molvae.chem.fingerprints import similarity
from molvae.errors import ConfigError
from molvae.optimization.objectives import composing
from molvae.optimization.objectives.objective import Objective, PerMolecule
from molvae.optimization.objectives.quantities import QUANTITIES
from molvae.optimization.objectives.structure import has_pattern, lacks_pattern

__all__ = [
    "ALL_CATALOGS",
    "Constraint",
    "Forbid",
    "Keep",
    "NoAlerts",
    "SimilarTo",
    "Window",
    "allowed",
    "anchors_of",
    "constraint_of",
]

Allowed = NDArray[np.bool_]
"""(N,) whether each molecule is allowed."""

ALL_CATALOGS = "all"
"""The name of all catalogs of alerts together."""


@runtime_checkable
class Constraint(Protocol):
    """Yes or no for every molecule, whatever else is in its batch; a text that is not a molecule is not allowed."""

    @property
    def name(self) -> str:
        """A text from which `constraint_of` makes the same constraint, or a name for messages."""
        ...

    def allows(self, smiles: Sequence[str]) -> Allowed:
        """Whether each of N texts is allowed, (N,)."""
        ...


class _Range:
    """The range of an objective that is allowed, both ends included.

    Attributes:
        name: as in `Constraint`.
    """

    def __init__(self, name: str, objective: Objective, low: float, high: float) -> None:
        self.name, self._objective, self._low, self._high = name, objective, low, high

    def allows(self, smiles: Sequence[str]) -> Allowed:
        """Whether each of N texts is allowed, (N,)."""
        with quiet_rdkit():
            scores = self._objective(smiles)
        return (self._low <= scores) & (scores <= self._high)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class Keep(_Range):
    """A substructure that every molecule has.

    Args:
        smarts: the substructure.

    Raises:
        ConfigError: it is not a SMARTS.

    >>> Keep("c1ccccc1").allows(["Cc1ccccc1", "CCO", "no molecule"]).tolist()
    [True, False, False]
    """

    def __init__(self, smarts: str) -> None:
        has_pattern(Chem.Mol(), smarts)
        name = f"keep:{smarts}"
        super().__init__(name, PerMolecule(name, partial(has_pattern, smarts=smarts), workers=1), 1, 1)
        self.smarts = smarts


class Forbid(_Range):
    """A substructure that no molecule has; arguments and errors as in `Keep`."""

    def __init__(self, smarts: str) -> None:
        has_pattern(Chem.Mol(), smarts)
        name = f"forbid:{smarts}"
        super().__init__(name, PerMolecule(name, partial(lacks_pattern, smarts=smarts), workers=1), 1, 1)


class SimilarTo(_Range):
    """A range of similarity to a lead: Tanimoto of Morgan counts of radius 2.

    Args:
        lead: a SMILES.
        low, high: from 0 to 1, the first not above the second.

    Raises:
        ConfigError: the lead is not a molecule, or the range is empty.
    """

    def __init__(self, lead: str, low: float, high: float = 1.0) -> None:
        if not 0.0 <= low <= high <= 1.0:
            raise ConfigError(
                f"a range of similarity goes from a lower to a higher number, both from 0 to 1, not from {low:g} to "
                f"{high:g}"
            )
        with quiet_rdkit():
            if parse(lead) is None:
                raise ConfigError(f"the lead {lead!r} is not a molecule; give a SMILES")
        name = f"similar_to:{lead}:{low:.15g}:{high:.15g}"
        super().__init__(name, PerMolecule(name, partial(similarity, target=lead, name="ECFP4"), workers=1), low, high)
        self.lead = lead


class Window(_Range):
    """A range of a number of the molecule.

    Args:
        quantity: a key of `molvae.optimization.objectives.quantities.QUANTITIES`.
        low, high: in its unit; the first not above the second.

    Raises:
        ConfigError: there is no such quantity, or the range is empty.

    >>> Window("mw", 40, 50).allows(["CCO", "CCCO"]).tolist()
    [True, False]
    """

    def __init__(self, quantity: str, low: float, high: float) -> None:
        if quantity not in QUANTITIES:
            raise ConfigError(f"there is no window over {quantity!r}; there are {', '.join(QUANTITIES)}")
        if not low <= high:
            raise ConfigError(f"the window over {quantity} must end above its start, not go from {low:g} to {high:g}")
        name = f"window:{quantity}:{low:.15g}:{high:.15g}"
        super().__init__(name, PerMolecule(name, QUANTITIES[quantity], workers=1), low, high)


class NoAlerts(_Range):
    """No structural alert.

    Args:
        catalog: a key of `molvae.chem.alerts.CATALOGS`, or all of them.

    Raises:
        ConfigError: there is no such catalog.
    """

    def __init__(self, catalog: str = ALL_CATALOGS) -> None:
        if catalog not in (ALL_CATALOGS, *CATALOGS):
            raise ConfigError(
                f"there is no catalog of alerts {catalog!r}; there are {', '.join(CATALOGS)}, and {ALL_CATALOGS}"
            )
        name = f"no_alerts:{catalog}"
        catalogs = tuple(CATALOGS) if catalog == ALL_CATALOGS else (catalog,)
        super().__init__(name, composing.NoAlerts(name, catalogs), 1, 1)


def allowed(constraints: Sequence[Constraint], smiles: Sequence[str]) -> Allowed:
    """Whether each of N molecules meets all constraints, (N,); a later one sees only what the earlier ones allow."""
    good = np.ones(len(smiles), dtype=np.bool_)
    for constraint in constraints:
        rows = np.flatnonzero(good).tolist()
        good[rows] = constraint.allows([smiles[row] for row in rows])
    return good


def anchors_of(constraints: Sequence[Constraint], *, stereo: bool) -> list[str]:
    """Molecules from which allowed ones are not far: leads, and substructures to keep that are molecules themselves.

    Distinct, in canonical SMILES.
    """
    leads = [one.lead for one in constraints if isinstance(one, SimilarTo)]
    cores = [one.smarts for one in constraints if isinstance(one, Keep)]
    with quiet_rdkit():
        found = [canonical(one, stereo=stereo) for one in (*leads, *cores)]
    return list(dict.fromkeys(one for one in found if one))


def constraint_of(text: str) -> Constraint:
    """Make a constraint from a text; the forms are at the top of this file.

    Raises:
        ConfigError: the text has none of these forms, or a part of it cannot be used.

    >>> constraint_of("window:mw:40:50").allows(["CCO"]).tolist()
    [True]
    """
    head, _, rest = text.strip().partition(":")
    if head in _OF_ONE_TEXT and rest:
        return _OF_ONE_TEXT[head](rest)
    what, *ends = rest.rsplit(":", 2)
    if head not in _OF_A_RANGE or len(ends) != 2:
        raise ConfigError(
            f"{text!r} is not a constraint; there are keep:SMARTS, forbid:SMARTS, similar_to:LEAD:LOW:HIGH, "
            f"window:QUANTITY:LOW:HIGH and no_alerts:CATALOG"
        )
    try:
        low, high = map(float, ends)
    except ValueError:
        raise ConfigError(f"{text}: its ends must be numbers, not {ends[0]!r} and {ends[1]!r}") from None
    return _OF_A_RANGE[head](what, low, high)


_OF_ONE_TEXT: Mapping[str, Callable[[str], Constraint]] = {"keep": Keep, "forbid": Forbid, "no_alerts": NoAlerts}
_OF_A_RANGE: Mapping[str, Callable[[str, float, float], Constraint]] = {"similar_to": SimilarTo, "window": Window}
