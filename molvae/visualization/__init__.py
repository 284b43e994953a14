"""Figures with matplotlib (``plots``), and interactive HTML pages (``pages``)."""
