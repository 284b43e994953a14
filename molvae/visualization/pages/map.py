"""The page of a latent map: an interactive scatter plot with structures, in one file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from molvae.chem.depiction import Depictions, depict
from molvae.visualization.pages.template import pack, render
from molvae.visualization.plots.coloring import Coloring, coloring
from molvae.visualization.plots.style import CATEGORIES, sequential_stops

__all__ = ["map_page"]

_MOST_CATEGORIES = 50  # of a column that is offered for coloring; one with more holds names, not classes
# The parts of the color map that can be seen on a light and on a dark page.
_ON_LIGHT, _ON_DARK = (0.0, 0.93), (0.18, 1.0)


def map_page(
    plane: NDArray[np.float64],
    smiles: Sequence[str],
    rows: Sequence[int],
    columns: Mapping[str, Sequence[Any]],
    *,
    color_by: Sequence[str],
    axes: tuple[str, str],
    title: str,
    notes: Sequence[str],
    workers: int | None = None,
) -> str:
    """An HTML page that shows N molecules as dots and their structures on hover, and saves selected ones.

    It needs a browser of 2023 or later, no server and no network.

    Args:
        plane: (N, 2), finite.
        smiles: N texts.
        rows: N row numbers, to search for.
        columns: N values of each: floats, NaN where missing; or texts, "" where missing.
        color_by: names of columns to list first; the first one colors the dots at the start.
        axes: labels of the axes.
        title: of the page.
        notes: lines under the title.
        workers: processes that draw the structures; does not change the page.
    """
    depictions = depict(smiles, workers=workers)
    ordered = list(dict.fromkeys([*color_by, *columns]))
    table = {
        "x": _digits(plane[:, 0]),
        "y": _digits(plane[:, 1]),
        "axes": axes,
        "smiles": list(smiles),
        "rows": [int(row) for row in rows],
        "columns": [_column(coloring(name, columns[name]), offered=name in color_by) for name in ordered],
        "labels": depictions.labels,
        "categories": CATEGORIES,
        "light": sequential_stops(*_ON_LIGHT),
        "dark": sequential_stops(*_ON_DARK),
    }
    return render(
        "map.html",
        styles=("map.css",),
        scripts=("structures.js", "points.js", "scatter.js", "gestures.js", "legend.js", "map.js"),
        title=title,
        notes=notes,
        table=pack(json.dumps(table, allow_nan=False, separators=(",", ":")).encode("ascii")),
        structures=pack(_bytes(depictions)),
    )


def _digits(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _column(colors: Coloring, *, offered: bool) -> dict[str, Any]:
    """A column for the page: numbers, or the distinct texts with the index of the text of each row."""
    if colors.categories:
        places = [-1 if math.isnan(value) else int(value) for value in colors.values]
        usable = offered or len(colors.categories) <= _MOST_CATEGORIES
        return {"name": colors.name, "texts": colors.categories, "values": places, "usable": usable}
    numbers = [None if math.isnan(value) else value for value in colors.values.tolist()]
    return {"name": colors.name, "low": colors.low, "high": colors.high, "values": numbers, "usable": True}


def _bytes(depictions: Depictions) -> bytes:
    """All arrays in one, little-endian: 16-bit ones before 8-bit ones, so that each is aligned."""
    wide = (depictions.label, depictions.x, depictions.y)
    narrow = (depictions.atoms, depictions.bonds, depictions.begin, depictions.end, depictions.kind)
    total = np.array([len(depictions.atoms), len(depictions.label), len(depictions.begin)], dtype="<u4")
    return b"".join(
        [total.tobytes(), *(array.astype(array.dtype.newbyteorder("<")).tobytes() for array in (*wide, *narrow))]
    )
