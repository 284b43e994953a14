"""Benchmark tasks by name: the twenty of PMO that need RDKit alone."""

from molvae.optimization.objectives.tasks.pmo import TASKS
from molvae.optimization.objectives.tasks.task import Task

__all__ = ["TASKS", "Task"]
