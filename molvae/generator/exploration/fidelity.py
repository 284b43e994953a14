"""Compare molecules with their reconstructions from latent points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from molvae.chem import paired_tanimoto, tanimoto
from molvae.generator.exploration.space import Points, Space

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Fidelity", "Pair", "fidelity_table", "lost_notes", "reconstruction_note"]

Counts = NDArray[np.int64]


def fidelity_table(
    molecules: Sequence[str | None], reconstructions: Sequence[str | None], hits: tuple[Counts, Counts]
) -> pd.DataFrame:
    """Compare molecules with their reconstructions.

    Args:
        molecules: N canonical SMILES; None for an invalid one.
        reconstructions: N canonical SMILES; None for an invalid one.
        hits: correct tokens and all tokens of each molecule, from `molvae.model.latent_codec.Codec.token_hits`.

    Returns:
        N rows: ``reconstruction``; ``exact``, whether it equals the molecule; ``tanimoto`` of their Morgan fingerprints
        of radius 2; ``tokens`` and ``token_accuracy``, the share of correct tokens. A value that does not exist is
        missing: all of them for an invalid molecule, all but ``exact`` if it cannot be encoded or its reconstruction
        is invalid.
    """
    import pandas as pd

    right, tokens = hits
    exact = [None if one is None else one == back for one, back in zip(molecules, reconstructions, strict=True)]
    known = np.where(tokens > 0, tokens, np.nan)
    return pd.DataFrame(
        {
            "reconstruction": pd.Series(list(reconstructions), dtype=object),
            "exact": pd.Series(exact, dtype="boolean"),
            "tanimoto": paired_tanimoto(molecules, reconstructions),
            "tokens": pd.Series(np.where(tokens > 0, tokens, 0)).astype("Int64").where(tokens > 0),
            "token_accuracy": right / known,
        }
    )


def reconstruction_note(name: str, molecule: str, back: str | None) -> str:
    """A note on what the latent point of a molecule decodes to."""
    if back == molecule:
        return f"{name} is reconstructed exactly"
    if back is None:
        return f"{name} is not reconstructed: its latent point decodes to nothing valid"
    similarity = float(tanimoto([back], [molecule])[0, 0])
    return f"{name} is not reconstructed: its latent point decodes to {back}, Tanimoto similarity {similarity:.2f}"


def lost_notes(
    space: Space, molecules: Mapping[str, str], points: Points, *, constrained: bool, batch_size: int
) -> list[str]:
    """Notes on the molecules whose latent points decode to other molecules.

    Args:
        space: the model.
        molecules: N canonical SMILES, by the names in the notes.
        points: (N, D) their latent points.
        constrained: whether the decoder writes only valid molecules.
        batch_size: points decoded at a time.
    """
    back = space.decode(points, constrained=constrained, batch_size=batch_size)
    lost = [
        reconstruction_note(name, molecule, one)
        for (name, molecule), one in zip(molecules.items(), back, strict=True)
        if one != molecule
    ]
    return [*lost, "a model that was fine-tuned on molecules like it is closer (molvae train)"] if lost else []


class Pair(NamedTuple):
    """A molecule and its reconstruction, another molecule."""

    tanimoto: float
    row: int
    molecule: str
    reconstruction: str


class Fidelity:
    """Summarizes the fidelity of many molecules: shares, and the worst cases.

    Args:
        worst: number of worst cases to keep.
    """

    def __init__(self, worst: int = 10) -> None:
        self._keep = worst
        self._parts: list[pd.DataFrame] = []
        self.worst: list[Pair] = []

    def add(self, rows: Sequence[int], smiles: Sequence[str], table: pd.DataFrame) -> None:
        """Add molecules.

        Args:
            rows: N row numbers.
            smiles: N SMILES, as given.
            table: their `fidelity_table`.
        """
        self._parts.append(table.drop(columns="reconstruction"))
        each = zip(table["tanimoto"], rows, smiles, table["reconstruction"], table["exact"], strict=True)
        changed = [Pair(*one) for *one, exact in each if one[0] == one[0] and not exact]
        self.worst = sorted([*self.worst, *changed])[: self._keep]

    def figures(self) -> dict[str, float]:
        """Figures of all valid molecules.

        A molecule with an unknown token counts as not reconstructed, and an invalid reconstruction as Tanimoto 0.
        ``token accuracy`` is the share of tokens, ends included, that the decoder finds most likely at the posterior
        mean, given the true tokens before them.
        """
        import pandas as pd

        table = pd.concat(self._parts)
        table = table[table["exact"].notna()]
        similarity = table["tanimoto"].fillna(0.0)
        tokens = table["tokens"].fillna(0).to_numpy(np.float64)
        right = table["token_accuracy"].fillna(0.0).to_numpy() * tokens
        return {
            "molecules": float(len(table)),
            "encoded": float((tokens > 0).mean()),
            "exact reconstruction": float(table["exact"].mean()),
            "valid reconstruction": float(table["tanimoto"].notna().mean()),
            "mean Tanimoto": float(similarity.mean()),
            "median Tanimoto": float(similarity.median()),
            "token accuracy": float(right.sum() / tokens.sum()) if tokens.sum() else float("nan"),
        }
