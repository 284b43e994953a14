"""The result of a search: a table of all calls, the best of them, a curve and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from molvae.chem import molecule_grid
from molvae.corpus.writing import frame_text
from molvae.errors import InputError
from molvae.optimization.diversity import diverse, leaders
from molvae.optimization.pareto import front, hypervolume
from molvae.optimization.protocol import running_top
from molvae.storage.files import atomic, write_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["BEST", "RESULT_FILES", "SearchResult"]

BEST = 20
"""Default number of best molecules that are written and drawn."""

RESULT_FILES = (
    *("best.csv", "best.svg", "best.png", "curve.csv", "curve.svg", "curve.png"),
    *("front.csv", "front.svg", "front.png"),
)
"""Files that `SearchResult.save` may write, besides the calls."""

_TOP = 10
_DRAWN = 100  # largest number of best molecules in a picture
_PARENTS = 2  # drawn of each molecule: the best
_COLUMNS = 5  # of molecules without parents
_COMPARED = 500  # best molecules, to find those that are unlike better ones


class Member(NamedTuple):
    """A molecule and its origin, for a picture."""

    smiles: str
    operator: str
    """that made it; may be empty"""
    parents: list[str]
    """the best first"""


def families(members: Sequence[Member], label: Callable[[str], str], format: str) -> str | bytes:
    """Draw molecules, each followed by its parents.

    Args:
        members: the best first.
        label: from a SMILES to the text below its molecule: its score, or nothing.
        format: "svg" gives text, "png" bytes.

    Raises:
        ConfigError: there are no molecules, too many for a PNG, or the format is another.
    """
    width = 1 + max((min(_PARENTS, len(one.parents)) for one in members), default=0)
    panels: list[tuple[str | None, str]] = []
    for place, one in enumerate(members):
        text = f"{place + 1}:  {label(one.smiles)}   {one.operator}".rstrip()
        family: list[tuple[str | None, str]] = [(one.smiles, text)]
        family += [(parent, f"from  {label(parent)}".rstrip()) for parent in one.parents[:_PARENTS]]
        gap = width > 1 and place % 2 == 0  # a panel between the two families of a row
        panels += family + [(None, "")] * (width - len(family) + gap)
    smiles, texts = [one for one, _ in panels], [text for _, text in panels]
    columns = _COLUMNS if width == 1 else 2 * width + 1
    return molecule_grid(smiles, legends=texts, columns=columns, format=format)


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Molecules and their scores; a notebook shows the best as structures."""

    table: pd.DataFrame
    """all calls, with the columns of `molvae.optimization.run.log.CallLog`"""
    name: str
    """of the objective"""
    parts: tuple[str, ...] = ()
    """columns of the scores by each of several objectives"""
    pareto: bool = False
    """the search was for the front of these"""
    per_scaffold: int | None = None
    """largest number of best molecules with the same scaffold; `best` can change it"""
    failures: Mapping[str, str] = field(default_factory=dict)
    """why molecules have no score, by SMILES; of a resumed search, only those after it was resumed"""

    @property
    def scores(self) -> NDArray[np.float64]:
        """(N,) in the order of the calls; NaN where there is none."""
        return self.table["score"].to_numpy(np.float64)

    def best(self, k: int = BEST, *, per_scaffold: int | None = None, unlike: bool = True) -> pd.DataFrame:
        """The best molecules; by default unlike ones, so that a list is not full of positional isomers.

        Args:
            k: how many; fewer if no more have a score.
            per_scaffold: the largest number with the same Murcko scaffold; None takes that of the result, 0 means no
                limit.
            unlike: of the better half of all, those come first that are not `alike` to a better one
                (`molvae.optimization.diversity`), and others only if there are fewer than k.

        Returns:
            Rows of the table, the best first, of equal scores the earlier call; the index is that of the table.
        """
        limit = self.per_scaffold if per_scaffold is None else per_scaffold
        ranked = self.table.dropna(subset="score").sort_values("score", ascending=False, kind="stable")
        if unlike:
            first = leaders(ranked["smiles"].tolist()[: min(max(k, len(ranked) // 2), _COMPARED)])
            ranked = ranked.iloc[[*first, *np.setdiff1d(np.arange(len(ranked)), first)]]
        chosen = ranked.iloc[diverse(ranked["smiles"].tolist(), k, per_scaffold=limit or None)]
        return chosen.sort_index().sort_values("score", ascending=False, kind="stable")

    @cached_property
    def curve(self) -> pd.DataFrame:
        """After each call: ``calls``; ``score``, of that call; ``best`` so far; ``top10``, the mean of the ten best.

        NaN where a score is missing, and for ``top10`` before there are ten scores.
        """
        import pandas as pd

        scores = self.scores
        top10 = running_top(scores, _TOP)
        top10[np.cumsum(~np.isnan(scores)) < _TOP] = np.nan
        best = np.fmax.accumulate(scores) if len(scores) else scores
        calls = np.arange(1, len(scores) + 1)
        return pd.DataFrame({"calls": calls, "score": scores, "best": best, "top10": top10})

    def figure(self) -> Figure:
        """The curve: each score, the best so far, and the mean of the ten best, against the calls."""
        from molvae.visualization.plots.curves import search_curve

        curve = self.curve
        name = "score where it is worst (Chebyshev)" if self.pareto else self.name
        return search_curve(curve["score"], curve["best"], curve["top10"], name=name)

    def front(self) -> pd.DataFrame:
        """The molecules that no other dominates, as rows of the table, sorted by the first objective.

        Raises:
            InputError: there is only one objective.
        """
        return self.table.iloc[front(self._values())].sort_values(self.parts[0], ascending=False, kind="stable")

    def hypervolume(self) -> float:
        """The volume that the front encloses with 0 in all objectives; see `molvae.optimization.pareto.hypervolume`.

        Raises:
            InputError: there is only one objective.
        """
        return hypervolume(self._values())

    def front_figure(self) -> Figure:
        """A plot of two objectives against each other.

        Raises:
            InputError: there are not exactly two.
        """
        from molvae.visualization.plots.curves import front_figure

        values = self._values()
        if len(self.parts) != 2:
            raise InputError(f"a front is drawn of two objectives, not of {len(self.parts)}")
        return front_figure(values, front(values), names=(self.parts[0], self.parts[1]))

    def draw(self, k: int = BEST, format: str = "svg") -> str | bytes:
        """The best molecules as structures with scores, each followed by its parents.

        After a search for a front, with the score by each objective, in the order of the columns.

        Args:
            k: how many.
            format: "svg" gives text, "png" bytes.

        Raises:
            ConfigError: no molecule has a score, or the format is another.
        """
        ranks = self.table["score"].rank(ascending=False, na_option="bottom")
        rank_of = dict(zip(self.table["smiles"], ranks, strict=True))
        shown = self._values() if self.pareto else self.scores[:, None]
        numbers_of = dict(zip(self.table["smiles"], shown, strict=True))
        best = self.best(k)
        operators = (
            [""] * len(best) if self.pareto else best["operator"]
        )  # there is no room for it beside several numbers
        members = [
            Member(smiles, operator, sorted(parents.split(), key=lambda one: rank_of.get(one, np.inf)))
            for smiles, operator, parents in zip(best["smiles"], operators, best["parents"], strict=True)
        ]
        digits = 3 if self.pareto else 4

        def label(smiles: str) -> str:
            return " / ".join(f"{one:.{digits}g}" for one in numbers_of.get(smiles, ()) if one == one)

        return families(members, label, format)

    def save(self, folder: str | Path, *, k: int = BEST) -> None:
        """Write calls.csv, best.csv, curve.csv and the pictures, for a front also front.csv and its picture.

        Args:
            folder: made if it does not exist. Files with these names are replaced.
            k: number of best molecules; the first 100 of them are drawn.

        Raises:
            InputError: a file cannot be written.
        """
        path = Path(folder)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{path} cannot be made: {error.strerror}") from error
        write_text(path / "calls.csv", frame_text(self.table, header=True))
        self.save_summary(path, k=k)

    def save_summary(self, folder: Path, *, k: int = BEST) -> None:
        """As `save`, without the calls, into a folder that exists."""
        from molvae.visualization.plots.style import save_figure

        best = self.best(k)
        write_text(folder / "best.csv", frame_text(best, header=True))
        write_text(folder / "curve.csv", frame_text(self.curve, header=True))
        if len(best):
            for kind in ("svg", "png"):
                picture = self.draw(min(k, _DRAWN), kind)
                with atomic(folder / f"best.{kind}") as temporary:
                    temporary.write_bytes(picture if isinstance(picture, bytes) else picture.encode())
        figures: dict[str, Callable[[], Figure]] = {"curve": self.figure}
        if self.pareto:
            write_text(folder / "front.csv", frame_text(self.front(), header=True))
            if len(self.parts) == 2:
                figures["front"] = self.front_figure
        for name, make in figures.items():
            figure = make()
            for kind in ("svg", "png"):
                save_figure(figure, folder / f"{name}.{kind}")

    def _values(self) -> NDArray[np.float64]:
        if not self.parts:
            raise InputError("there is only one objective: a front needs several")
        return self.table[list(self.parts)].to_numpy(np.float64)

    def _repr_svg_(self) -> str | None:
        return str(self.draw()) if (~np.isnan(self.scores)).any() else None

    def __repr__(self) -> str:
        columns = ["smiles", "score", *self.parts]
        return f"{len(self.table):,} calls of {self.name}; the best:\n{self.best(5)[columns].to_string(index=False)}"
