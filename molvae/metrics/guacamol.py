"""The distribution-learning metrics of GuacaMol: KL divergences of descriptors, and the FCD score.

Source: GuacaMol (Brown et al., 2019), https://doi.org/10.1021/acs.jcim.8b00839, and its implementation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import Descriptors

from molvae.chem import map_chunks, parse
from molvae.chem.fingerprints import morgan_bits
from molvae.chem.workers import batches
from molvae.metrics.chemnet import has_chemnet, moments_of
from molvae.metrics.distances import frechet, kl_of_counts, kl_of_densities, nearest_similarity
from molvae.metrics.features import canonical_all
from molvae.metrics.statistics import ProgressCallback, ignore_progress

__all__ = ["guacamol_metrics"]

_SEED = 42  # GuacaMol draws its subset of the training set with this seed
_BITS = 4_096
_CHUNK = 500
_CONTINUOUS = ("BertzCT", "MolLogP", "MolWt", "TPSA")
_DISCRETE = ("NumHAcceptors", "NumHDonors", "NumRotatableBonds", "NumAliphaticRings", "NumAromaticRings")


class _Descriptors(NamedTuple):
    """Of the distinct molecules of a set."""

    descriptors: NDArray[np.float64]
    """(N, 9)"""
    nearest: NDArray[np.float64]
    """(N,) Tanimoto similarity to the nearest other molecule"""


def guacamol_metrics(
    molecules: Sequence[str | None],
    train: Sequence[str],
    *,
    n: int = 10_000,
    device: str | torch.device = "cpu",
    workers: int | None = None,
    on_progress: ProgressCallback = ignore_progress,
) -> dict[str, float]:
    """KL divergences of nine descriptors and of the internal similarity, in nats, and the two scores.

    Compares the first n distinct molecules of the sample, without stereochemistry, with n molecules of the training
    set, drawn with GuacaMol's seed (all molecules if there are fewer). ``KL score`` is the mean of exp(-KL). ``FCD
    score`` is exp(-FCD / 5) of the first n valid molecules; it needs ChemNet.

    Args:
        molecules: the sample in its order: canonical SMILES, None for an invalid string.
        train: the training set, in the order of its file.
        n: number of molecules on each side; 10,000 in the protocol.
        device: a torch device.
        workers: number of RDKit processes; None takes all usable cores.
        on_progress: gets the progress.
    """
    valid = [one for one in molecules if one is not None]
    reference = _subset(train, n)
    ours = _descriptors(valid, n, "GuacaMol descriptors of the sample", device, workers, on_progress)
    theirs = _descriptors(reference, n, "GuacaMol descriptors of the training set", device, workers, on_progress)
    figures: dict[str, float] = {}
    if len(ours.nearest) and len(theirs.nearest):
        columns = zip((*_CONTINUOUS, *_DISCRETE), theirs.descriptors.T, ours.descriptors.T, strict=True)
        for name, a, b in columns:
            figures[f"KL/{name}"] = kl_of_densities(a, b) if name in _CONTINUOUS else kl_of_counts(a, b)
        figures["KL/internal similarity"] = kl_of_densities(theirs.nearest, ours.nearest)
    scores = [math.exp(-kl) for kl in figures.values()]
    figures["KL score"] = sum(scores) / len(scores) if scores else float("nan")
    if has_chemnet():
        figures["FCD score"] = _fcd_score(_molecules_of(reference, workers), valid[:n], device, on_progress)
    return figures


def _molecules_of(smiles: Sequence[str], workers: int | None) -> list[str]:
    """Canonical SMILES, because ChemNet's output depends on the spelling; invalid texts are left out."""
    return [one for one in canonical_all(smiles, workers=workers) if one is not None]


def _fcd_score(
    reference: Sequence[str], sample: Sequence[str], device: str | torch.device, on_progress: ProgressCallback
) -> float:
    a, b = (
        moments_of(part, device=device, on_progress=partial(on_progress, "ChemNet, GuacaMol", total=len(part)))
        for part in (reference, sample)
    )
    return float("nan") if a is None or b is None else math.exp(-0.2 * frechet(a, b))


def _subset(train: Sequence[str], n: int) -> list[str]:
    # GuacaMol draws with numpy's legacy generator.
    order = np.random.RandomState(_SEED).permutation(len(train))[:n]
    return [train[at] for at in order]


def _descriptors(
    smiles: Sequence[str],
    n: int,
    what: str,
    device: str | torch.device,
    workers: int | None,
    on_progress: ProgressCallback,
) -> _Descriptors:
    distinct: dict[str, None] = {}
    bits: list[NDArray[np.uint8]] = []
    descriptors: list[NDArray[np.float64]] = []
    for flat, values, prints in map_chunks(_describe, batches(smiles, _CHUNK), workers=workers):
        new = []
        for row, one in enumerate(flat):
            if one not in distinct and len(distinct) < n:
                distinct[one] = None
                new.append(row)
        bits.append(prints[new])
        descriptors.append(values[new])
        on_progress(what, len(distinct), min(n, len(smiles)))
        if len(distinct) == n:
            break
    if not distinct:
        return _Descriptors(np.empty((0, len(_CONTINUOUS) + len(_DISCRETE))), np.empty(0))
    nearest = nearest_similarity(np.concatenate(bits), device=device).astype(np.float64)
    return _Descriptors(np.concatenate(descriptors), nearest)


def _describe(smiles: list[str]) -> tuple[list[str], NDArray[np.float64], NDArray[np.uint8]]:
    """SMILES without stereochemistry, descriptors (N, 9) and packed fingerprints (N, 512) of N molecules."""
    flat = [Chem.MolToSmiles(mol, isomericSmiles=False) for one in smiles if (mol := parse(one)) is not None]
    mols = [Chem.MolFromSmiles(one) for one in flat]
    functions = [getattr(Descriptors, name) for name in (*_CONTINUOUS, *_DISCRETE)]
    values = np.array([[function(mol) for function in functions] for mol in mols], dtype=np.float64)
    values = np.nan_to_num(values.reshape(len(mols), len(functions)), posinf=0.0, neginf=0.0)
    return flat, values, np.packbits(morgan_bits(mols, _BITS), axis=1)
