"""A two-dimensional map of molecules: a table, a figure, a page."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from molvae.chem import PROPERTIES, property_table
from molvae.corpus.columns import unique
from molvae.corpus.writing import check_output, write_frames
from molvae.errors import InputError, pluralize
from molvae.generator.exploration.projection import FEW, METHODS, Subsample, check_method, explained, project
from molvae.generator.exploration.space import Space
from molvae.storage.files import write_text
from molvae.visualization.plots.coloring import coloring
from molvae.visualization.plots.scatter import scatter_figure
from molvae.visualization.plots.style import save_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["CARRIED", "KINDS", "LatentMap", "MapSpace", "choose_colors", "latent_map", "map_rows"]

KINDS = ("html", "png", "svg", "csv")
"""File extensions that `LatentMap.save` writes."""

_OWN = ("row", "x", "y", "smiles")
CARRIED = 20
"""The largest number of input columns in a map: more do not fit on the page and make it slow."""


class MapSpace(Space, Protocol):
    """A latent space that explains why it cannot encode a molecule."""

    def refusal(self, smiles: str) -> str | None:
        """Why a molecule cannot be encoded; None if it can be encoded."""
        ...


@dataclass(frozen=True, eq=False)
class LatentMap:
    """Molecules in two dimensions. Made by `MolVAE.map`.

    Attributes:
        table: a row for each molecule of the map, in input order: ``row``, its number in the input, ``x``, ``y``,
            ``smiles``, then the other columns; numbers are float64, a missing text is "".
        omitted: ``row``, ``smiles`` and ``reason`` of every molecule that could not be encoded.
        total: number of molecules given; those in neither table are not in the random sample.
        color_by: columns of the table that colour the dots; figures use the first.
        axes: names of the axes.
        title: of figure and page.
    """

    table: pd.DataFrame
    omitted: pd.DataFrame
    total: int
    color_by: tuple[str, ...]
    axes: tuple[str, str]
    title: str
    method: str

    def describe(self) -> str:
        """The content of the map, in one line."""
        drawn = len(self.table) + len(self.omitted)
        of = f", drawn at random from {self.total:,}" if drawn < self.total else ""
        lost = f"; {len(self.omitted):,} more could not be encoded" if len(self.omitted) else ""
        return f"{pluralize(len(self.table), 'molecule')}{of}{lost}; {METHODS[self.method]} of the latent space"

    def figure(self) -> Figure:
        """The map as a matplotlib figure, coloured by the first column of `color_by`."""
        name = self.color_by[0] if self.color_by else None
        colors = None if name is None else coloring(name, self.table[name].tolist())
        return scatter_figure(self.table[["x", "y"]].to_numpy(), colors, axes=self.axes, title=self.title)

    def page(self, *, workers: int | None = None) -> str:
        """The map as a self-contained HTML page: structures at each dot, selections to save.

        Args:
            workers: RDKit processes.
        """
        from molvae.visualization.pages.map import map_page

        return map_page(
            self.table[["x", "y"]].to_numpy(),
            self.table["smiles"].tolist(),
            self.table["row"].tolist(),
            {name: self.table[name].tolist() for name in self.table.columns[len(_OWN) :]},
            color_by=self.color_by,
            axes=self.axes,
            title=self.title,
            notes=[self.describe()],
            workers=workers,
        )

    def save(self, path: str | Path, *, workers: int | None = None) -> None:
        """Write the map; the file is complete or not changed.

        Args:
            path: html writes the page, png and svg the figure, csv the table.
            workers: as in `page`.

        Raises:
            InputError: the file cannot be written, or has another extension.
        """
        file = Path(path)
        check_output(file, KINDS)
        kind = file.suffix.lower()
        if kind == ".html":
            write_text(file, self.page(workers=workers))
        elif kind == ".csv":
            with write_frames(file, dict.fromkeys(self.table.columns, str)) as write:
                write(self.table)
        else:
            save_figure(self.figure(), file)

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self.figure().savefig(picture, format="png", dpi=120)
        return picture.getvalue()


def choose_colors(wanted: Sequence[str], names: Sequence[str], where: str) -> list[str]:
    """Find the columns that colour the dots.

    Args:
        wanted: names of columns, exact or in another case, or of properties; a column takes precedence over a property.
        names: of the columns other than the SMILES.
        where: name of the table, for the message.

    Returns:
        Names of columns as the map has them (`map_rows`) or of `molvae.chem.PROPERTIES`, each once.

    Raises:
        InputError: a name is unknown; the message lists the known ones.
    """
    fresh, found = _unique_names(names), []
    folded = [name.casefold() for name in names]
    for one in wanted:
        if one in names:
            found.append(fresh[list(names).index(one)])
        elif one.casefold() in folded:
            found.append(fresh[folded.index(one.casefold())])
        elif one in PROPERTIES:
            found.append(one)
        else:
            columns = f"the others are {', '.join(map(repr, names[:20]))}" if names else "nor any beside the SMILES"
            more = f", and {len(names) - 20} more" if len(names) > 20 else ""
            raise InputError(
                f"{where} has no column {one!r}, {columns}{more}; properties that can be computed are "
                f"{', '.join(PROPERTIES)}"
            )
    return list(dict.fromkeys(found))


def map_rows(
    rows: Sequence[int], smiles: Sequence[Any], columns: Mapping[str, Sequence[Any]], *, color_by: Sequence[str]
) -> pd.DataFrame:
    """Molecules as `latent_map` takes them: ``row``, ``smiles`` and at most 20 columns, those of `color_by` first.

    Args:
        rows: N numbers.
        smiles: N texts.
        columns: N values of each; numbers become float64, all else texts; a missing text is "".
        color_by: from `choose_colors`.

    Returns:
        N rows. A column whose name the map itself uses is renamed, for example to ``x_2``.

    Raises:
        InputError: a column has another length.
    """
    import pandas as pd

    for name, values in columns.items():
        if len(values) != len(smiles):
            counts = f"{pluralize(len(values), 'value')} for {pluralize(len(smiles), 'molecule')}"
            raise InputError(f"the column {name!r} has {counts}")
    given = dict(zip(_unique_names(list(columns)), columns.values(), strict=True))
    carried = list(dict.fromkeys([*(name for name in color_by if name in given), *given]))[:CARRIED]
    texts = [one if isinstance(one, str) else "" for one in smiles]
    return pd.DataFrame({"row": list(rows), "smiles": texts, **{name: _plain(given[name]) for name in carried}})


def latent_map(
    space: MapSpace,
    molecules: Subsample,
    *,
    color_by: Sequence[str] = (),
    method: str = "pca",
    seed: int = 0,
    batch_size: int = 512,
    title: str = "",
    workers: int | None = None,
) -> LatentMap:
    """Encode molecules and project them to two dimensions.

    Args:
        space: the model.
        molecules: rows as `map_rows` makes them.
        color_by: from `choose_colors`; properties among them are computed.
        method, seed: as in `project`.
        batch_size: rows encoded at a time.
        title: of figure and page.
        workers: RDKit processes; does not change the map.

    Raises:
        ConfigError: the method is unknown, or needs a package that is not installed.
        InputError: there are no molecules, or none can be encoded.
    """
    check_method(method)
    if not molecules.total:
        raise InputError("there are no molecules to map")
    smiles = molecules.rows["smiles"].tolist()
    points = space.encode(smiles, batch_size=batch_size)
    good = np.asarray(np.isfinite(points).all(axis=1))
    omitted = molecules.rows[["row", "smiles"]][~good].reset_index(drop=True)
    omitted["reason"] = [space.refusal(one) or "it cannot be encoded" for one in omitted["smiles"]]
    if not good.any():
        first = omitted.iloc[0]
        raise InputError(
            f"none of the {pluralize(len(omitted), 'molecule')} can be encoded; the first, in row {first['row']}: "
            f"{first['smiles']!r} ({first['reason']})"
        )
    if good.sum() < FEW:
        method = "pca"
    plane = project(points[good], method=method, seed=seed)
    table = molecules.rows[good].reset_index(drop=True)
    table.insert(1, "x", plane[:, 0])
    table.insert(2, "y", plane[:, 1])
    computed = [name for name in color_by if name in PROPERTIES and name not in table.columns]
    table[computed] = property_table(table["smiles"].tolist(), computed, workers=workers)
    axes = (f"{METHODS[method]} 1", f"{METHODS[method]} 2")
    if method == "pca":
        shares = explained(points[good], plane)
        axes = (f"PC 1 ({shares[0]:.0%} of the variance)", f"PC 2 ({shares[1]:.0%})")
    return LatentMap(table, omitted, molecules.total, tuple(color_by), axes, title, method)


def _unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Unique names of columns, different from those that the map itself uses."""
    return unique([*_OWN, *names])[len(_OWN) :]


def _plain(values: Sequence[Any]) -> list[Any]:
    import pandas as pd

    column = pd.Series(values)
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return [float(value) for value in column.to_numpy(dtype=np.float64, na_value=np.nan)]
    missing = column.isna().tolist()
    return ["" if gone else str(value) for gone, value in zip(missing, column.tolist(), strict=True)]
