"""Suggestions for the next molecules to make, from measured values; no objective is called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from molvae.chem import canonical, molecule_grid, parse, quiet_rdkit, tanimoto
from molvae.corpus.writing import frame_text
from molvae.errors import ConfigError, InputError
from molvae.optimization.constraints import Allowed, Constraint, constraint_of
from molvae.optimization.optimizer import Optimizer
from molvae.optimization.proposal import Proposal
from molvae.optimization.proposals.flaws import Flaws, flaws_of, no_worse
from molvae.optimization.settings import SearchConfig
from molvae.storage.files import atomic, write_text
from molvae.storage.output_folder import FolderKind

if TYPE_CHECKING:
    import pandas as pd

    from molvae.generator.molvae import MolVAE

__all__ = ["SUGGESTIONS", "Suggestions", "suggest"]

_TABLE = "suggestions.csv"
_COLUMNS = ("smiles", "predicted", "std", "nearest", "similarity", "nearest_measured", "operator", "parents")


def _is_suggested(folder: Path) -> bool:
    """Whether `Suggestions.save` has written a table into a folder."""
    try:
        with (folder / _TABLE).open(encoding="utf-8") as file:
            return file.readline(1_000).rstrip() == ",".join(_COLUMNS)
    except (OSError, ValueError):
        return False


SUGGESTIONS = FolderKind("set of suggestions", {_TABLE, "suggestions.svg", "suggestions.png"}, is_one=_is_suggested)
"""The folder that `Suggestions.save` writes to."""

_DRAWN = 60
_PAIRS = 3  # in a row
_FEWEST = 2  # measured molecules


@dataclass(frozen=True, eq=False)
class Suggestions:
    """Molecules that were not measured, the most promising first; a notebook shows them as structures."""

    table: pd.DataFrame
    """``smiles``; ``predicted``, in the unit of the measured values, and ``std``, its standard deviation; ``nearest``,
    the most similar measured molecule, its ``similarity`` (Tanimoto of Morgan bits, radius 2) and its value,
    ``nearest_measured``; ``operator`` and ``parents``"""

    def draw(self, k: int = _DRAWN, format: str = "svg") -> str | bytes:
        """The first k, each beside the nearest measured molecule: text for "svg", bytes for "png"."""
        rows = self.table.head(k)
        texts: list[str] = []
        panels: list[str] = []
        columns = (
            rows[name].tolist() for name in ("smiles", "predicted", "std", "nearest", "nearest_measured", "similarity")
        )
        for number, (smiles, mean, std, nearest, value, similarity) in enumerate(zip(*columns, strict=True), start=1):
            panels += [smiles, nearest]
            texts += [f"{number}:  {mean:.3g} +/- {std:.2g}", f"measured  {value:.3g}   Tanimoto {similarity:.2f}"]
        return molecule_grid(panels, legends=texts, columns=2 * _PAIRS, format=format)

    def save(self, folder: Path) -> None:
        """Write suggestions.csv and its pictures into a folder.

        Raises:
            InputError: a file cannot be written.
        """
        write_text(folder / _TABLE, frame_text(self.table, header=True))
        for kind in ("svg", "png"):
            picture = self.draw(format=kind)
            with atomic(folder / f"suggestions.{kind}") as temporary:
                temporary.write_bytes(picture if isinstance(picture, bytes) else picture.encode())

    def _repr_svg_(self) -> str | None:
        return str(self.draw()) if len(self.table) else None


def suggest(
    vae: MolVAE,
    smiles: Sequence[str],
    values: ArrayLike,
    *,
    n: int = 50,
    maximize: bool = True,
    constraints: Sequence[Constraint | str] = (),
    seed: int = 0,
    settings: SearchConfig | None = None,
) -> Suggestions:
    """Suggest molecules to make next, from the measured values of others.

    A surrogate is trained on the measured values. The suggestions are children of the measured molecules with high or
    uncertain predictions. The surrogate knows only these molecules.

    Args:
        vae: the model whose latent space is searched.
        smiles: N molecules; a molecule that occurs several times has the mean of its values.
        values: (N,) measured values; NaN where there is none.
        n: how many molecules.
        maximize: whether large values are wanted.
        constraints: as in `optimize`.
        seed: of every random choice.
        settings: how to search.

    Returns:
        At most n molecules, none of them measured, those with the best predictions first; fewer if no more are found
        inside the constraints. None has a flaw, such as an acetal-like C1NCO1 or a lone charge, more often than every
        measured molecule.

    Raises:
        InputError: fewer than two molecules have a value, or all have the same value.
        ConfigError: n is below 1, there are not N values, or they are not numbers.
    """
    import pandas as pd

    how = SearchConfig() if settings is None else settings
    known = _averaged(smiles, values, stereo=how.stereo)
    if n < 1:
        raise ConfigError(f"n must be at least 1, not {n}")
    if len(known) < _FEWEST:
        raise InputError(f"{len(known)} of the molecules have a value; a surrogate needs {_FEWEST} or more")
    if len(set(known.values())) == 1:
        raise InputError(f"all {len(known):,} molecules have the same value: a surrogate learns nothing from them")
    sign = 1.0 if maximize else -1.0
    rules = [constraint_of(one) if isinstance(one, str) else one for one in constraints]
    rules.append(_NoNewFlaws.of(known))
    # All values are known from the start, and no new ones come: so the surrogate chooses all suggestions.
    search = Optimizer(vae, constraints=rules, seed=seed, settings=how.replace(first=1, free=0.0, noisy=True))
    search.tell([Proposal(one, "measured") for one in known], [sign * value for value in known.values()])
    found = sorted(search.ask(n), key=lambda one: -one.mean if one.mean == one.mean else np.inf)
    molecules = list(known)
    similarity = tanimoto([one.smiles for one in found], molecules)
    nearest = similarity.argmax(axis=1) if found else np.array([], dtype=np.int64)
    columns: tuple[Sequence[object], ...] = (
        [one.smiles for one in found],
        [sign * one.mean for one in found],
        [one.std for one in found],
        [molecules[row] for row in nearest],
        similarity.max(axis=1).tolist() if found else [],
        [known[molecules[row]] for row in nearest],
        [one.operator for one in found],
        [" ".join(one.parents) for one in found],
    )
    return Suggestions(pd.DataFrame(dict(zip(_COLUMNS, columns, strict=True))))


@dataclass(frozen=True)
class _NoNewFlaws:
    """A constraint: no flaw occurs more often than in the worst of some molecules.

    Graph edits compare a child with its parents, and decoded molecules with nothing; a suggestion is to be made.
    """

    worst: Flaws
    name: str = "no flaw that no measured molecule has"

    @classmethod
    def of(cls, smiles: Iterable[str]) -> _NoNewFlaws:
        with quiet_rdkit():
            each = [flaws_of(mol, one) for one in smiles if (mol := parse(one)) is not None]
        return cls(tuple(map(max, zip(*each, strict=True))))

    def allows(self, smiles: Sequence[str]) -> Allowed:
        with quiet_rdkit():
            mols = [parse(one) for one in smiles]
            pairs = zip(mols, smiles, strict=True)
            return np.array(
                [mol is not None and no_worse(flaws_of(mol, one), [self.worst]) for mol, one in pairs], dtype=np.bool_
            )


def _averaged(smiles: Sequence[str], values: ArrayLike, *, stereo: bool) -> dict[str, float]:
    """The mean value of each molecule that has one, in order; a text that is not a molecule is left out."""
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"measured values must be numbers, NaN where there is none ({error})") from None
    if numbers.shape != (len(smiles),):
        raise ConfigError(f"{numbers.size} values do not fit {len(smiles)} molecules; give one for each")
    found: dict[str, list[float]] = {}
    with quiet_rdkit():
        for text, value in zip(smiles, numbers.tolist(), strict=True):
            one = canonical(text, stereo=stereo)
            if one is not None and np.isfinite(value):
                found.setdefault(one, []).append(value)
    return {one: float(np.mean(each)) for one, each in found.items()}
