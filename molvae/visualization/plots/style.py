"""The style of all pictures: fonts, lines, and colors that work in print, on screens and for the color-blind."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

__all__ = [
    "CATEGORIES",
    "INK",
    "MISSING",
    "OTHER",
    "SEQUENTIAL",
    "save_figure",
    "sequential_stops",
    "shortened",
    "styled",
]

CATEGORIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c6bb1", "#999933")
"""Colors of categories: after Okabe & Ito, Color Universal Design, with violet and olive for black and yellow."""

SEQUENTIAL = "viridis"
"""The color map of numbers: perceptually uniform."""

MISSING, OTHER, INK = "#b9bec5", "#6d737c", "#1c2128"
"""Colors of missing values, of all categories without their own color, and of lines and text."""

_DPI = 200  # dots per inch of a PNG: sharp on a slide

_STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": "#8b929b",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "text.color": INK,
    "xtick.color": "#5a616b",
    "ytick.color": "#5a616b",
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar sign in the name of a column is printed
    "svg.fonttype": "none",  # text stays text: it can be searched and edited
    "svg.hashsalt": "molvae",  # the same picture gives the same file
}


@contextmanager
def styled() -> Iterator[None]:
    """Give figures that are made or written in the block the common style."""
    from matplotlib import rc_context

    with rc_context(_STYLE):
        yield


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure atomically, as svg or png by the extension. The same figure gives the same file.

    Raises:
        InputError: the file cannot be written.
    """
    from molvae.storage.files import atomic

    kind = path.suffix.lower().removeprefix(".")
    with styled(), atomic(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # a letter that the font lacks is drawn as a box
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(temporary, format=kind, dpi=_DPI, metadata=metadata)


def sequential_stops(low: float = 0.0, high: float = 1.0, *, number: int = 24) -> list[str]:
    """Colors of `SEQUENTIAL` at equal steps, as #rrggbb.

    Args:
        low, high: the part of the color map to use, within 0 and 1.
        number: of colors, at least 2.
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps[SEQUENTIAL](low + (high - low) * step / (number - 1))) for step in range(number)]


def shortened(text: str, longest: int) -> str:
    """The text, cut to so many characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
