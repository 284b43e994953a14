"""The registry of benchmark tasks: a function of a molecule joins it with one decorator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rdkit import Chem

from molvae.errors import ConfigError
from molvae.optimization.objectives.objective import PerMolecule

__all__ = ["TASKS", "Task", "task"]

_Function = Callable[[Chem.Mol], float]


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
    function: _Function

    def objective(self, *, workers: int | None = None) -> PerMolecule:
        """The task as an objective on batches; `workers` as in `PerMolecule`."""
        return PerMolecule(self.name, self.function, workers=workers)


_tasks: dict[str, Task] = {}
TASKS: Mapping[str, Task] = MappingProxyType(_tasks)
"""All registered tasks by name. The twenty of PMO come first, in alphabetical order."""


def task(description: str, source: str) -> Callable[[_Function], _Function]:
    """Register a function as a task, under the name of the function.

    From then on its name is an objective everywhere: in `objective_of`, ``molvae optimize`` and ``molvae benchmark``.

    Args:
        description: one line, for the list of objectives.
        source: paper, with its address.

    Raises:
        ConfigError: another function has that name.
    """

    def register(function: _Function) -> _Function:
        name = function.__name__
        if name in _tasks and _tasks[name].function.__module__ != function.__module__:
            raise ConfigError(f"there is already a task {name}, in {_tasks[name].function.__module__}")
        _tasks[name] = Task(name, description, source, function)
        return function

    return register
