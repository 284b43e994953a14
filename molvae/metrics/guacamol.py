"""The metrics of GuacaMol for generators that are to match a distribution: KL over descriptors, and the FCD score.

Source: GuacaMol (Brown et al., 2019), https://doi.org/10.1021/acs.jcim.8b00839, and its implementation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import Descriptors, rdFingerprintGenerator

from molvae.chem import map_chunks, parse
from molvae.metrics.chemnet import has_chemnet, moments_of
from molvae.metrics.distances import frechet, kl_of_counts, kl_of_densities
from molvae.metrics.features import canonical_all
from molvae.metrics.similarity import nearest_similarity
from molvae.metrics.statistics import Watch, unwatched

__all__ = ["guacamol_metrics"]

_SEED = 42  # of the molecules of the training set that GuacaMol compares with
_BITS = 4_096
_CHUNK = 500
_CONTINUOUS = ("BertzCT", "MolLogP", "MolWt", "TPSA")
_DISCRETE = ("NumHAcceptors", "NumHDonors", "NumRotatableBonds", "NumAliphaticRings", "NumAromaticRings")
_morgan = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=_BITS)


class _Sight(NamedTuple):
    """What is looked at in a set of molecules."""

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
    watch: Watch = unwatched,
) -> dict[str, float]:
    """KL divergences of nine descriptors and of the similarity within a set, in nats, and the two scores.

    The first n distinct molecules of the sample, without stereochemistry, stand against n of the training set, drawn
    with GuacaMol's seed (all, where there are fewer). ``KL score`` is the mean of exp(-KL); ``FCD score``,
    where ChemNet is installed, exp(-FCD / 5) of the first n valid strings.

    Args:
        molecules: what was sampled, in its order: canonical SMILES, None for what is no molecule.
        train: the training set, in the order of its file.
        n: molecules of either side; 10,000 in the protocol.
        device: a torch device.
        workers: processes of RDKit; None takes all usable cores.
        watch: hears of the progress.
    """
    valid = [one for one in molecules if one is not None]
    reference = _subset(train, n)
    ours = _sight(valid, n, "GuacaMol descriptors of the sample", device, workers, watch)
    theirs = _sight(reference, n, "GuacaMol descriptors of the training set", device, workers, watch)
    figures: dict[str, float] = {}
    if len(ours.nearest) and len(theirs.nearest):
        columns = zip((*_CONTINUOUS, *_DISCRETE), theirs.descriptors.T, ours.descriptors.T, strict=True)
        for name, a, b in columns:
            figures[f"KL/{name}"] = kl_of_densities(a, b) if name in _CONTINUOUS else kl_of_counts(a, b)
        figures["KL/internal similarity"] = kl_of_densities(theirs.nearest, ours.nearest)
    scores = [math.exp(-kl) for kl in figures.values()]
    figures["KL score"] = sum(scores) / len(scores) if scores else float("nan")
    if has_chemnet():
        figures["FCD score"] = _fcd_score(_molecules_of(reference, workers), valid[:n], device, watch)
    return figures


def _molecules_of(smiles: Sequence[str], workers: int | None) -> list[str]:
    """Canonical SMILES: ChemNet sees another molecule in every other spelling. What is no molecule is left out."""
    return [one for one in canonical_all(smiles, workers=workers) if one is not None]


def _fcd_score(reference: Sequence[str], sample: Sequence[str], device: str | torch.device, watch: Watch) -> float:
    a, b = (
        moments_of(part, device=device, on_progress=partial(watch, "ChemNet, GuacaMol", total=len(part)))
        for part in (reference, sample)
    )
    return float("nan") if a is None or b is None else math.exp(-0.2 * frechet(a, b))


def _subset(train: Sequence[str], n: int) -> list[str]:
    # numpy's old generator, because that is what GuacaMol's molecules are drawn with.
    order = np.random.RandomState(_SEED).permutation(len(train))[:n]
    return [train[at] for at in order]


def _sight(
    smiles: Sequence[str], n: int, what: str, device: str | torch.device, workers: int | None, watch: Watch
) -> _Sight:
    distinct: dict[str, None] = {}
    bits: list[NDArray[np.uint8]] = []
    descriptors: list[NDArray[np.float64]] = []
    for flat, values, prints in map_chunks(_look, _chunks(smiles), workers=workers):
        new = []
        for row, one in enumerate(flat):
            if one not in distinct and len(distinct) < n:
                distinct[one] = None
                new.append(row)
        bits.append(prints[new])
        descriptors.append(values[new])
        watch(what, len(distinct), min(n, len(smiles)))
        if len(distinct) == n:
            break
    if not distinct:
        return _Sight(np.empty((0, len(_CONTINUOUS) + len(_DISCRETE))), np.empty(0))
    nearest = nearest_similarity(np.concatenate(bits), device=device).astype(np.float64)
    return _Sight(np.concatenate(descriptors), nearest)


def _chunks(smiles: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(smiles), _CHUNK):
        yield list(smiles[start : start + _CHUNK])


def _look(smiles: list[str]) -> tuple[list[str], NDArray[np.float64], NDArray[np.uint8]]:
    """SMILES without stereochemistry, descriptors (N, 9) and packed fingerprints (N, 512) of a chunk's molecules."""
    flat = [Chem.MolToSmiles(mol, isomericSmiles=False) for one in smiles if (mol := parse(one)) is not None]
    mols = [Chem.MolFromSmiles(one) for one in flat]
    functions = [getattr(Descriptors, name) for name in (*_CONTINUOUS, *_DISCRETE)]
    values = np.array([[function(mol) for function in functions] for mol in mols], dtype=np.float64)
    bits = np.array([_morgan.GetFingerprintAsNumPy(mol) for mol in mols], dtype=np.uint8).reshape(len(mols), _BITS)
    values = np.nan_to_num(values.reshape(len(mols), len(functions)), posinf=0.0, neginf=0.0)
    return flat, values, np.packbits(bits, axis=1)
