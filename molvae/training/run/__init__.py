"""From a file of molecules to a folder with a model, and everything that tells how it came about."""

from molvae.training.run.console_reporter import LineReporter
from molvae.training.run.reporter import Reporter
from molvae.training.run.start import resume, train

__all__ = ["LineReporter", "Reporter", "resume", "train"]
