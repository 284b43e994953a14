"""How faithfully molecules come back from their latent points."""

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
    """Compare molecules with what comes back.

    Args:
        molecules: N canonical SMILES; None where there is no molecule.
        reconstructions: N canonical SMILES; None where nothing valid came back.
        hits: right tokens and all tokens of each, as `molvae.model.latent_codec.Codec.token_hits` counts them.

    Returns:
        N rows: ``reconstruction``; ``exact``, whether it is the molecule; ``tanimoto`` of their Morgan fingerprints of
        radius 2; ``tokens`` and ``token_accuracy``, the share of right ones. Missing where there is no value: all but
        ``exact`` of a molecule that cannot be encoded or of which nothing valid came back, and all of what is none.
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
    """Say of a molecule, called by some name, what its latent point decodes to."""
    if back == molecule:
        return f"{name} is reconstructed exactly"
    if back is None:
        return f"{name} is not reconstructed: its latent point decodes to nothing valid"
    similarity = float(tanimoto([back], [molecule])[0, 0])
    return f"{name} is not reconstructed: its latent point decodes to {back}, Tanimoto similarity {similarity:.2f}"


def lost_notes(space: Space, molecules: Mapping[str, str], points: Points, *, batch_size: int) -> list[str]:
    """Say which molecules a walk cannot begin at, as their latent points decode to others; nothing of the rest.

    Args:
        space: the model.
        molecules: N canonical SMILES, by what they are called.
        points: (N, D) theirs.
        batch_size: points decoded at a time.
    """
    back = space.decode(points, batch_size=batch_size)
    lost = [
        reconstruction_note(name, molecule, one)
        for (name, molecule), one in zip(molecules.items(), back, strict=True)
        if one != molecule
    ]
    return [*lost, "a model that was fine-tuned on molecules like it is closer (molvae train)"] if lost else []


class Pair(NamedTuple):
    """A molecule that came back as another one."""

    tanimoto: float
    row: int
    molecule: str
    reconstruction: str


class Fidelity:
    """The account of many molecules: shares, and the worst cases.

    Args:
        worst: how many of these to keep.
    """

    def __init__(self, worst: int = 10) -> None:
        self._keep = worst
        self._parts: list[pd.DataFrame] = []
        self.worst: list[Pair] = []

    def add(self, rows: Sequence[int], smiles: Sequence[str], table: pd.DataFrame) -> None:
        """Enter molecules.

        Args:
            rows: N row numbers.
            smiles: N texts, as they were given.
            table: their `fidelity_table`.
        """
        self._parts.append(table.drop(columns="reconstruction"))
        each = zip(table["tanimoto"], rows, smiles, table["reconstruction"], table["exact"], strict=True)
        changed = [Pair(*one) for *one, exact in each if one[0] == one[0] and not exact]
        self.worst = sorted([*self.worst, *changed])[: self._keep]

    def figures(self) -> dict[str, float]:
        """All of them together; shares and means are of the molecules that RDKit reads.

        A molecule with a token that the model does not know does not come back, and what comes back as no molecule has
        Tanimoto 0. ``token accuracy`` is the share of all tokens, ends included, that are the decoder's most likely
        ones at the posterior mean when the true tokens before them are given.
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
