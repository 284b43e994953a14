"""Has a fine-tuned model learned a series, or its molecules by heart? Measured on samples of N(0, I)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from molvae.chem import nearest_similarity, quiet_rdkit
from molvae.chem.molecule_set import MoleculeSet
from molvae.config import Decoding
from molvae.generator.molvae import MolVAE
from molvae.generator.sampling.screening import Raw, screen

__all__ = ["Drawn", "Memorization", "Nearness", "memorization"]

_MOSTLY = 0.5  # share of training molecules among the molecules given above which a model is a list of them


@dataclass(frozen=True)
class Nearness:
    """How near some molecules are to the training molecules: Tanimoto similarity to the nearest of them."""

    mean: float
    tenth: float
    """a tenth of the molecules are less near"""
    median: float
    ninetieth: float
    """a tenth of the molecules are nearer"""


@dataclass(frozen=True)
class Drawn:
    """What draws from N(0, I), decoded once at temperature 1, give."""

    samples: int
    """strings drawn"""
    valid: float
    """share of molecules among them"""
    distinct: float
    """share of distinct molecules among these"""
    known: float
    """share of training molecules among the molecules, repeated ones each time"""
    nearness: Nearness
    """of the molecules, repeated ones each time"""


@dataclass(frozen=True)
class Memorization:
    """What fine-tuning made of a model, as against what it was, and as against molecules it has not seen."""

    tuned: Drawn
    """of the fine-tuned model"""
    start: Drawn
    """of the model that it started from, the same draws"""
    held_out: Nearness
    """of held-out molecules: a model that gives the series, and not its training molecules, is about as near"""

    def complaint(self) -> str | None:
        """What is wrong and what to change, where the model gives little else than its training molecules."""
        if not self.tuned.known > _MOSTLY:
            return None
        return (
            f"MEMORIZED: {self.tuned.known:.0%} of the molecules that it gives are training molecules. Train for fewer "
            "epochs, on more molecules, or sample with --novel."
        )


def memorization(
    tuned: MolVAE,
    start: MolVAE,
    training: Sequence[str],
    held_out: Sequence[str],
    *,
    seed: int,
    samples: int,
) -> Memorization:
    """Measure it.

    Args:
        tuned: the fine-tuned model.
        start: the model it started from.
        training: canonical SMILES of the molecules it was trained on.
        held_out: canonical SMILES of others of the same kind.
        seed: of the draws.
        samples: draws of each model.
    """
    known = MoleculeSet.from_smiles(training)
    decoding = Decoding().for_model(tuned.max_length)  # of both: else the draws were not the same
    return Memorization(
        _drawn(tuned, training, known, decoding, seed, samples),
        _drawn(start, training, known, decoding, seed, samples),
        _nearness(held_out[:samples], training),
    )


def _drawn(
    vae: MolVAE, training: Sequence[str], known: MoleculeSet, decoding: Decoding, seed: int, samples: int
) -> Drawn:
    texts: list[str] = []
    for block in islice(vae.draws(decoding, seed=seed), -(-samples // 1024)):
        texts += block
    with quiet_rdkit():
        found = screen((), Raw(0, texts[:samples], 0.0))
    return Drawn(
        samples=samples,
        valid=len(found.smiles) / samples,
        distinct=_share(len(set(found.smiles)), len(found.smiles)),
        known=_share(int(known.holds(found.hashes).sum()), len(found.smiles)),
        nearness=_nearness(found.smiles, training),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _nearness(smiles: Sequence[str], training: Sequence[str]) -> Nearness:
    if not smiles:
        return Nearness(math.nan, math.nan, math.nan, math.nan)
    similarity = nearest_similarity(smiles, training)
    tenth, median, ninetieth = np.quantile(similarity, [0.1, 0.5, 0.9]).tolist()
    return Nearness(float(np.mean(similarity)), tenth, median, ninetieth)
