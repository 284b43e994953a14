"""Points in the plane, colored by a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from molvae.visualization.plots.coloring import Coloring
from molvae.visualization.plots.style import CATEGORIES, MISSING, OTHER, SEQUENTIAL, shortened, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["scatter_figure"]

_SIZE = (7.0, 5.2)  # inches
_AREA = 9_000.0  # square points of all dots together
_MANY = 5_000  # dots, above which they are pixels: as shapes of an SVG they would make every viewer slow
_LONGEST = 28  # characters of a category in the legend


def scatter_figure(
    plane: NDArray[np.float64], colors: Coloring | None, *, axes: tuple[str, str], title: str = ""
) -> Figure:
    """Draw points as dots, both axes at the same scale: numbers with a colour bar, categories with a legend.

    Dots without a value are grey and below the others. The others overlap in random order, whatever their values.

    Args:
        plane: (N, 2), finite.
        colors: of the N points; None draws them in one colour.
        axes: labels of the axes.
        title: above the plot.
    """
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=_SIZE, layout="constrained")
        plot = figure.add_subplot(xlabel=axes[0], ylabel=axes[1], title=title)
        plot.set_aspect("equal", adjustable="datalim")
        style: dict[str, Any] = {
            "s": float(np.clip(_AREA / max(1, len(plane)), 1.5, 30.0)),
            "linewidths": 0,
            "alpha": 0.85,
            "rasterized": len(plane) > _MANY,
        }
        if colors is None:
            plot.scatter(*plane.T, color=CATEGORIES[0], **style)
        else:
            _dots(plot, plane, colors, style)
            _key(figure, plot, colors)
    return figure


def _dots(plot: Axes, plane: NDArray[np.float64], colors: Coloring, style: dict[str, Any]) -> None:
    plot.scatter(*plane[colors.missing].T, color=MISSING, **style)
    there = np.flatnonzero(~colors.missing)
    order = np.random.default_rng(0).permutation(there)  # the order in which they overlap
    x, y = plane[order].T
    if colors.categories:
        palette = np.array([*CATEGORIES, OTHER])
        chosen = palette[np.minimum(colors.values[order].astype(int), len(CATEGORIES))]
        plot.scatter(x, y, c=list(chosen), **style)
    elif len(order):
        plot.scatter(x, y, c=colors.values[order], cmap=SEQUENTIAL, vmin=colors.low, vmax=colors.high, **style)


def _key(figure: Figure, plot: Axes, colors: Coloring) -> None:
    """Add what the colors mean: a bar or a legend."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.lines import Line2D

    missing = int(colors.missing.sum())
    if not colors.categories and missing < len(colors.values):
        bar = ScalarMappable(Normalize(colors.low, colors.high), SEQUENTIAL)
        extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
        figure.colorbar(bar, ax=plot, label=colors.name, shrink=0.7, aspect=28, extend=extend[colors.clipped])
    counts = [int((colors.values == place).sum()) for place in range(len(colors.shown))]
    entries = list(zip(CATEGORIES, (shortened(name, _LONGEST) for name in colors.shown), counts, strict=False))
    rest = len(colors.categories) - len(colors.shown)
    if rest:
        entries.append((OTHER, f"{rest:,} others", int((colors.values >= len(colors.shown)).sum())))
    if missing:
        entries.append((MISSING, "no value", missing))
    if entries:
        dots = [
            Line2D([], [], linestyle="", marker="o", markersize=5, color=color, label=f"{name} ({number:,})")
            for color, name, number in entries
        ]
        title = colors.name if colors.categories else None
        figure.legend(handles=dots, title=title, loc="outside right upper", alignment="left", borderaxespad=1.5)
