"""Benchmark tasks by name."""

from molvae.optimization.tasks.pmo import TASKS
from molvae.optimization.tasks.task import Task

__all__ = ["TASKS", "Task"]
