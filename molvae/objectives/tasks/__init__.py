"""Benchmark tasks by name."""

from molvae.objectives.tasks.pmo import TASKS
from molvae.objectives.tasks.task import Task

__all__ = ["TASKS", "Task"]
