"""Does a fine-tuned model generate its series, or repeat its training molecules? Measured on draws of N(0, I)."""

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

_MOSTLY = 0.5  # share of training molecules among the samples above which a warning is given


@dataclass(frozen=True)
class Nearness:
    """Tanimoto similarity of molecules to their nearest training molecules."""

    mean: float
    tenth: float
    """10th percentile"""
    median: float
    ninetieth: float
    """90th percentile"""


@dataclass(frozen=True)
class Drawn:
    """Figures of draws from N(0, I), decoded once at temperature 1."""

    samples: int
    """number of strings"""
    valid: float
    """share of valid strings"""
    distinct: float
    """share of distinct molecules among the valid ones"""
    known: float
    """share of training molecules among the valid ones, repeats included"""
    nearness: Nearness
    """of the valid ones, repeats included"""


@dataclass(frozen=True)
class Memorization:
    """A fine-tuned model compared with the model it started from, and with held-out molecules."""

    tuned: Drawn
    """of the fine-tuned model"""
    start: Drawn
    """of the model it started from, at the same draws"""
    held_out: Nearness
    """of held-out molecules: samples of a model that has learned the series are about as near"""

    def warning(self) -> str | None:
        """A warning and what to change, if the model gives mostly training molecules; else None."""
        if not self.tuned.known > _MOSTLY:
            return None
        return (
            f"MEMORIZED: {self.tuned.known:.0%} of the molecules that the model gives are training molecules. Train "
            "for fewer epochs, on more molecules, or sample with --novel."
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
    """Measure the memorization of a fine-tuned model.

    Args:
        tuned: the fine-tuned model.
        start: the model it started from.
        training: canonical SMILES of its training molecules.
        held_out: canonical SMILES of other molecules of the same kind.
        seed: of the draws.
        samples: draws of each model.
    """
    known = MoleculeSet.from_smiles(training)
    decoding = Decoding().for_model(tuned.max_length)  # the same for both models, so that the draws are the same
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
        known=_share(int(known.holds(found.hashes[0]).sum()), len(found.smiles)),
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
