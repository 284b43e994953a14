"""Curves: the calibration of a radius, the progress of a search, and the Pareto front of two objectives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from molvae.visualization.plots.style import CATEGORIES, INK, OTHER, shortened, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["front_figure", "radius_curve", "search_curve"]

_SIZE = (6.4, 4.0)  # inches
_MANY = 2_000  # dots, above which they are pixels: as shapes of an SVG they would make every viewer slow
_LONGEST = 60  # characters of a name on an axis
_LINES = (("valid", "valid"), ("changed", "another molecule"), ("similarity", "Tanimoto similarity"))
"""Column and name of each line of a calibration."""


def radius_curve(curve: pd.DataFrame, suitable: float) -> Figure:
    """Draw how valid, changed and similar molecules are at each distance from a latent point.

    Args:
        curve: from `molvae.generator.exploration.radius.calibrate`.
        suitable: the radius to mark.
    """
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot(xlim=(0, 1), ylim=(0, 1.02))
        axes.set_xlabel("latent distance, in units of the norm")
        axes.set_ylabel("share of draws; mean similarity")
        for (column, name), color in zip(_LINES, CATEGORIES, strict=False):
            axes.plot(curve["radius"], curve[column], color=color, lw=2, label=name)
        axes.axvline(suitable, color=OTHER, lw=1, ls=(0, (4, 3)))
        axes.annotate(f" radius {suitable:g}", (suitable, 0.02), color=OTHER)
        axes.grid(alpha=0.2, lw=0.6)
        figure.legend(loc="outside upper left", ncols=len(_LINES))
    return figure


def search_curve(scores: ArrayLike, best: ArrayLike, top10: ArrayLike, *, name: str) -> Figure:
    """Draw every score, the best so far and the mean of the ten best so far.

    Args:
        scores: (N,) in the order of the calls; NaN where a molecule has none.
        best: (N,) after each call; NaN before the first score.
        top10: (N,) after each call; NaN before the tenth score.
        name: of the score, for the axis.
    """
    from matplotlib.figure import Figure

    values = np.asarray(scores, dtype=np.float64)
    calls = np.arange(1, len(values) + 1)
    with styled():
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot(xlabel="calls of the objective", ylabel=shortened(name, _LONGEST))
        size = float(np.clip(60 / np.sqrt(max(1, len(values))), 1.5, 5.0))
        style: dict[str, Any] = {"ms": size, "color": OTHER, "mew": 0, "alpha": 0.5, "rasterized": len(values) > _MANY}
        axes.plot(calls, values, ".", label="each molecule", **style)
        axes.step(calls, np.asarray(top10), where="post", color=CATEGORIES[1], lw=1.8, label="mean of the ten best")
        axes.step(calls, np.asarray(best), where="post", color=CATEGORIES[0], lw=1.8, label="best so far")
        axes.set_xlim(0, max(1, len(values)))
        axes.grid(alpha=0.2, lw=0.6)
        figure.legend(loc="outside upper left", ncols=3)
    return figure


def front_figure(parts: NDArray[np.float64], front: NDArray[np.int64], *, names: tuple[str, str]) -> Figure:
    """Draw two objectives against each other, with their Pareto front.

    Args:
        parts: (N, 2) scores, larger is better; NaN where a molecule has none.
        front: row numbers of the front.
        names: of the objectives.
    """
    from matplotlib.figure import Figure

    edge = parts[front][np.argsort(parts[front][:, 0], kind="stable")]
    with styled():
        figure = Figure(figsize=(5.6, 4.6), layout="constrained")
        axes = figure.add_subplot(xlabel=shortened(names[0], _LONGEST), ylabel=shortened(names[1], _LONGEST))
        style: dict[str, Any] = {"s": 6, "linewidths": 0, "rasterized": len(parts) > _MANY}
        # From a light grey, not from white.
        axes.scatter(parts[:, 0], parts[:, 1], c=np.arange(len(parts)), cmap="Greys", vmin=-len(parts), **style)
        axes.step(*edge.T, where="pre", color=CATEGORIES[0], lw=1.2, alpha=0.6)
        axes.plot(*edge.T, "o", ms=4.5, color=CATEGORIES[0], mec=INK, mew=0.4)
        axes.annotate(
            f"{len(edge):,} of {len(parts):,} molecules on the front; the darker, the later",
            (0, 1.02),
            xycoords="axes fraction",
            color=OTHER,
        )
        axes.grid(alpha=0.2, lw=0.6)
    return figure
