"""Benchmark tasks by name: the registry, and the twenty tasks of PMO that need RDKit alone."""

from molvae.optimization.objectives.tasks import pmo as pmo
from molvae.optimization.objectives.tasks.registry import TASKS, Task, task

__all__ = ["TASKS", "Task", "task"]
