"""What a molecule must be before it is worth a call of the objective: predicates that cost no call.

As they are written down:

keep:SMARTS, forbid:SMARTS         a substructure that every molecule has, or none
similar_to:LEAD:LOW:HIGH           a band of similarity
window:QUANTITY:LOW:HIGH           a range of a number of the molecule
no_alerts:CATALOG                  none of RDKit's structural alerts: PAINS, BRENK or all
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.DataStructs import TanimotoSimilarity

from molvae.chem import canonical, parse, quiet_rdkit
from molvae.chem.alerts import CATALOGS, structural_alerts
from molvae.chem.fingerprints import fingerprint
from molvae.errors import ConfigError
from molvae.optimization.objectives.patterns import has_pattern
from molvae.optimization.objectives.quantities import QUANTITIES

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
"""(N,) whether each molecule will do."""

ALL_CATALOGS = "all"
"""The name of all catalogs of alerts together."""

_SIMILARITY = "ECFP4"  # Morgan counts, radius 2


@runtime_checkable
class Constraint(Protocol):
    """A yes or no for every molecule, which does not depend on its batch mates; what is no molecule is not allowed."""

    @property
    def name(self) -> str:
        """What `constraint_of` makes the same constraint of, or a name for messages."""
        ...

    def allows(self, smiles: Sequence[str]) -> Allowed:
        """Whether each of N texts will do, (N,)."""
        ...


class _PerMolecule(ABC):
    """A constraint by a function of one molecule.

    Attributes:
        name: as in `Constraint`.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def allows(self, smiles: Sequence[str]) -> Allowed:
        """Whether each of N texts will do, (N,)."""
        with quiet_rdkit():
            mols = [parse(one) for one in smiles]
            return np.array([mol is not None and self._allows(mol) for mol in mols], dtype=np.bool_)

    @abstractmethod
    def _allows(self, mol: Chem.Mol) -> bool: ...

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class Keep(_PerMolecule):
    """A substructure that every molecule has.

    Args:
        smarts: the substructure.

    Raises:
        ConfigError: it is no SMARTS.

    >>> Keep("c1ccccc1").allows(["Cc1ccccc1", "CCO", "no molecule"]).tolist()
    [True, False, False]
    """

    def __init__(self, smarts: str) -> None:
        super().__init__(f"keep:{smarts}")
        self.smarts = smarts
        has_pattern(Chem.Mol(), smarts)

    def _allows(self, mol: Chem.Mol) -> bool:
        return has_pattern(mol, self.smarts)


class Forbid(Keep):
    """A substructure that no molecule has; arguments and errors as of `Keep`."""

    def __init__(self, smarts: str) -> None:
        super().__init__(smarts)
        self.name = f"forbid:{smarts}"

    def _allows(self, mol: Chem.Mol) -> bool:
        return not super()._allows(mol)


class SimilarTo(_PerMolecule):
    """A band of similarity to a lead: Tanimoto of Morgan counts of radius 2, both ends included.

    Args:
        lead: a SMILES.
        low, high: from 0 to 1, the first not above the second.

    Raises:
        ConfigError: the lead is no molecule, or there is no such band.
    """

    def __init__(self, lead: str, low: float, high: float = 1.0) -> None:
        super().__init__(f"similar_to:{lead}:{low:.15g}:{high:.15g}")
        if not 0.0 <= low <= high <= 1.0:
            raise ConfigError(
                f"a band of similarity goes from a lower to a higher number, both from 0 to 1, not from {low:g} to "
                f"{high:g}"
            )
        with quiet_rdkit():
            mol = parse(lead)
        if mol is None:
            raise ConfigError(f"the lead {lead!r} is no molecule; give a SMILES")
        self.lead = lead
        self._fingerprint: Any = fingerprint(mol, _SIMILARITY)
        self._low, self._high = low, high

    def _allows(self, mol: Chem.Mol) -> bool:
        similarity = float(TanimotoSimilarity(self._fingerprint, fingerprint(mol, _SIMILARITY)))
        return self._low <= similarity <= self._high


class Window(_PerMolecule):
    """A range of a number of the molecule, both ends included.

    Args:
        quantity: of `molvae.optimization.objectives.quantities.QUANTITIES`.
        low, high: in its unit; the first not above the second.

    Raises:
        ConfigError: there is no such quantity, or the window is upside down.

    >>> Window("mw", 40, 50).allows(["CCO", "CCCO"]).tolist()
    [True, False]
    """

    def __init__(self, quantity: str, low: float, high: float) -> None:
        if quantity not in QUANTITIES:
            raise ConfigError(f"there is no window over {quantity!r}; there are {', '.join(QUANTITIES)}")
        if not low <= high:
            raise ConfigError(
                f"the window over {quantity} must end above its beginning, not go from {low:g} to {high:g}"
            )
        super().__init__(f"window:{quantity}:{low:.15g}:{high:.15g}")
        self._quantity, self._low, self._high = QUANTITIES[quantity], low, high

    def _allows(self, mol: Chem.Mol) -> bool:
        return self._low <= self._quantity(mol) <= self._high


class NoAlerts:
    """No structural alert.

    Args:
        catalog: of `molvae.chem.alerts.CATALOGS`, or all of them.

    Raises:
        ConfigError: there is no such catalog.
    """

    def __init__(self, catalog: str = ALL_CATALOGS) -> None:
        if catalog not in (ALL_CATALOGS, *CATALOGS):
            raise ConfigError(
                f"no catalog of alerts is named {catalog!r}; there are {', '.join(CATALOGS)}, and {ALL_CATALOGS}"
            )
        self.name = f"no_alerts:{catalog}"
        self._catalogs = tuple(CATALOGS) if catalog == ALL_CATALOGS else (catalog,)

    def allows(self, smiles: Sequence[str]) -> Allowed:
        """Whether each of N texts will do, (N,)."""
        with quiet_rdkit():
            clean = np.array([parse(one) is not None for one in smiles], dtype=np.bool_)
        for catalog in self._catalogs if len(clean) else ():
            clean &= [not alerts for alerts in structural_alerts(smiles, catalog)]
        return clean

    def __repr__(self) -> str:
        return f"NoAlerts({self.name!r})"


def allowed(constraints: Sequence[Constraint], smiles: Sequence[str]) -> Allowed:
    """Whether each of N molecules meets all constraints, (N,); a later one sees only what the earlier ones allow."""
    good = np.ones(len(smiles), dtype=np.bool_)
    for constraint in constraints:
        rows = np.flatnonzero(good).tolist()
        good[rows] = constraint.allows([smiles[row] for row in rows])
    return good


def anchors_of(constraints: Sequence[Constraint], *, stereo: bool) -> list[str]:
    """Molecules from which those that are allowed are not far: leads of bands of similarity, and cores that are
    molecules themselves; distinct, in canonical SMILES.
    """
    leads = [one.lead for one in constraints if isinstance(one, SimilarTo)]
    cores = [one.smarts for one in constraints if type(one) is Keep]
    with quiet_rdkit():
        found = [canonical(one, stereo=stereo) for one in (*leads, *cores)]
    return list(dict.fromkeys(one for one in found if one))


def constraint_of(text: str) -> Constraint:
    """Make a constraint of a text, as at the head of this file.

    Raises:
        ConfigError: the text is none of these forms, or something in it cannot be used.

    >>> constraint_of("window:mw:40:50").allows(["CCO"]).tolist()
    [True]
    """
    head, _, rest = text.strip().partition(":")
    if head in _OF_ONE_TEXT and rest:
        return _OF_ONE_TEXT[head](rest)
    what, *ends = rest.rsplit(":", 2)
    if head not in _OF_A_RANGE or len(ends) != 2:
        raise ConfigError(
            f"{text!r} is no constraint; there are keep:SMARTS, forbid:SMARTS, similar_to:LEAD:LOW:HIGH, "
            f"window:QUANTITY:LOW:HIGH and no_alerts:CATALOG"
        )
    try:
        low, high = map(float, ends)
    except ValueError:
        raise ConfigError(f"{text}: its ends must be numbers, not {ends[0]!r} and {ends[1]!r}") from None
    return _OF_A_RANGE[head](what, low, high)


_OF_ONE_TEXT: Mapping[str, Callable[[str], Constraint]] = {"keep": Keep, "forbid": Forbid, "no_alerts": NoAlerts}
_OF_A_RANGE: Mapping[str, Callable[[str, float, float], Constraint]] = {"similar_to": SimilarTo, "window": Window}
