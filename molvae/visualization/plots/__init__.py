"""Figures: scatter plots (``scatter``, ``coloring``), curves (``curves``), and their common style (``style``)."""
