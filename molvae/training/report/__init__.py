"""The report of a training run: one HTML page (``page``) from its data (``report_data``) and charts (``charts``)."""

from molvae.training.report.page import write_report

__all__ = ["write_report"]
