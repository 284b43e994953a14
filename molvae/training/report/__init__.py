"""A run as one page that a chemist reads."""

from molvae.training.report.page import write_report

__all__ = ["write_report"]
