"""How near the formula of a molecule is to a wanted one."""

from __future__ import annotations

import functools
import re
from collections import Counter

from rdkit import Chem

from molvae.optimization.objectives.desirability import Gaussian
from molvae.optimization.objectives.means import geometric_mean

__all__ = ["isomer_score"]

_ELEMENT = re.compile(r"([A-Z][a-z]?)(\d*)")


def isomer_score(mol: Chem.Mol, formula: str) -> float:
    """1 for an isomer: the geometric mean of Gaussians on the count of each element, and on all atoms.

    The widths are 1 for an element and 2 for all atoms; hydrogens count. Source: GuacaMol (Brown et al., 2019),
    https://doi.org/10.1021/acs.jcim.8b00839

    Args:
        mol: the molecule.
        formula: such as ``C7H8N2O2``.
    """
    found = Counter(atom.GetSymbol() for atom in Chem.AddHs(mol).GetAtoms())
    wanted = _parsed(formula)
    scores = [Gaussian(n, 1.0)(found[element]) for element, n in wanted.items()]
    scores.append(Gaussian(sum(wanted.values()), 2.0)(found.total()))
    return float(geometric_mean(scores))


@functools.cache
def _parsed(formula: str) -> dict[str, int]:
    return {element: int(n or 1) for element, n in _ELEMENT.findall(formula)}
