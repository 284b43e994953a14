"""Curves: how something changes with a setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molvae.visualization.plots.style import CATEGORIES, OTHER, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["radius_curve"]

_LINES = (("valid", "valid"), ("changed", "another molecule"), ("similarity", "Tanimoto similarity"))
"""Column and name of each line."""


def radius_curve(curve: pd.DataFrame, suitable: float) -> Figure:
    """Draw what becomes of a molecule by the distance from its latent point.

    Args:
        curve: of `molvae.generator.exploration.radius.calibrate`.
        suitable: a radius to be marked.
    """
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.add_subplot(xlim=(0, 1), ylim=(0, 1.02))
        axes.set_xlabel("latent distance, in units of the norm")
        axes.set_ylabel("share of draws; mean similarity")
        for (column, name), colour in zip(_LINES, CATEGORIES, strict=False):
            axes.plot(curve["radius"], curve[column], color=colour, lw=2, label=name)
        axes.axvline(suitable, color=OTHER, lw=1, ls=(0, (4, 3)))
        axes.annotate(f" radius {suitable:g}", (suitable, 0.02), color=OTHER)
        axes.grid(alpha=0.2, lw=0.6)
        figure.legend(loc="outside upper left", ncols=len(_LINES))
    return figure
