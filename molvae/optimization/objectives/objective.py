"""An objective: a function on a batch of SMILES that is maximized; and the kind that scores one molecule at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from molvae.chem import map_chunks, parse

__all__ = ["NO_FAILURES", "Objective", "PerMolecule", "Scores"]

Scores = NDArray[np.float64]
"""(N,) a number for each molecule, high is good; NaN where there is none."""

NO_FAILURES: Mapping[str, str] = MappingProxyType({})

# For fewer molecules, starting a second process takes longer than computing the scores.
_SMALL_BATCH = 1_000
_CHUNK = 250


@runtime_checkable
class Objective(Protocol):
    """A number for every molecule of a batch, to be maximized.

    The number of a molecule does not depend on the other molecules of the batch. A text that is not a molecule has NaN,
    and so has a molecule for which the objective failed.
    """

    @property
    def name(self) -> str:
        """A name from which `objective_of` makes the same objective, or a name for tables."""
        ...

    @property
    def failures(self) -> Mapping[str, str]:
        """Why molecules have no number: reasons by SMILES, from all batches so far."""
        ...

    def __call__(self, smiles: Sequence[str], /) -> Scores:
        """The scores (N,) of N texts."""
        ...


class PerMolecule:
    """An objective made from a function of one molecule.

    Args:
        name: as in `Objective`.
        function: from a molecule to its number; importable by name, or a `functools.partial` of such a function. If it
            raises what RDKit raises, the molecule has no number.
        workers: processes; None takes all usable cores for thousands of molecules, and this process for fewer.
    """

    def __init__(self, name: str, function: Callable[[Chem.Mol], float], *, workers: int | None = None) -> None:
        self.name = name
        self.failures = NO_FAILURES
        self._function = function
        self._workers = workers

    def __call__(self, smiles: Sequence[str], /) -> Scores:
        """The scores (N,) of N texts; they do not depend on the number of workers."""
        workers = 1 if self._workers is None and len(smiles) < _SMALL_BATCH else self._workers
        parts = map_chunks(partial(_scores, self._function), _chunks(smiles), workers=workers)
        return np.array([score for part in parts for score in part], dtype=np.float64)

    def __repr__(self) -> str:
        return f"PerMolecule({self.name!r})"


def _chunks(smiles: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(smiles), _CHUNK):
        yield list(smiles[start : start + _CHUNK])


def _scores(function: Callable[[Chem.Mol], float], smiles: list[str]) -> list[float]:
    return [_score(function, mol) for mol in map(parse, smiles)]


def _score(function: Callable[[Chem.Mol], float], mol: Chem.Mol | None) -> float:
    if mol is None:
        return math.nan
    try:
        return float(function(mol))
    except (ArithmeticError, RuntimeError, ValueError):
        return math.nan
