"""A benchmark task: a function of a molecule, from 0 to 1, with its origin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rdkit import Chem

from molvae.optimization.objectives.objective import PerMolecule

__all__ = ["Task"]


@dataclass(frozen=True, slots=True)
class Task:
    """One task.

    Attributes:
        name: as published.
        description: one line.
        source: paper.
        function: from a molecule to its score in [0, 1].
    """

    name: str
    description: str
    source: str
    function: Callable[[Chem.Mol], float]

    def objective(self, *, workers: int | None = None) -> PerMolecule:
        """The task as an objective on batches; `workers` as in `PerMolecule`."""
        return PerMolecule(self.name, self.function, workers=workers)
