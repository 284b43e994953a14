"""From a file of molecules to a folder with a model, and everything that tells how it came about."""

from molvae.run.lines import LineReporter
from molvae.run.reporter import Reporter
from molvae.run.start import resume, train

__all__ = ["LineReporter", "Reporter", "resume", "train"]
