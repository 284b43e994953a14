"""Distances between two samples of numbers, counts, vectors or fingerprints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = [
    "Moments",
    "cosine",
    "frechet",
    "internal_diversity",
    "kl_of_counts",
    "kl_of_densities",
    "nearest_similarity",
]

Values = NDArray[np.float64]
Fingerprints = NDArray[np.uint8]

_POINTS = 1_000
_BINS = 10
_FLOOR = 1e-10
_ROWS = 2_048  # of a block of fingerprints: a matrix of two blocks takes 16 MB


class Moments(NamedTuple):
    """Mean and covariance of a sample of vectors."""

    mean: Values
    """(D,)"""
    covariance: Values
    """(D, D), with n - 1 degrees of freedom"""


def cosine(a: Mapping[str, int], b: Mapping[str, int]) -> float:
    """The cosine similarity of two tables of counts; NaN if one is empty."""
    if not a or not b:
        return float("nan")
    common = sum(float(count) * b.get(name, 0) for name, count in a.items())
    norms = (np.sqrt(sum(float(count) ** 2 for count in each.values())) for each in (a, b))
    return float(common / np.prod(list(norms)))


def frechet(a: Moments, b: Moments) -> float:
    """The squared Wasserstein-2 distance between two Gaussians.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). The last trace equals that of (C1^(1/2) C2 C1^(1/2))^(1/2), whose
    eigenvalues are real. Source: Frechet ChemNet Distance (Preuer et al., 2018),
    https://doi.org/10.1021/acs.jcim.8b00234, eq. 1.
    """
    values, vectors = np.linalg.eigh(a.covariance)
    root = (vectors * np.sqrt(values.clip(0.0))) @ vectors.T
    mixed = np.linalg.eigvalsh(root @ b.covariance @ root).clip(0.0)
    shift = a.mean - b.mean
    return float(shift @ shift + np.trace(a.covariance) + np.trace(b.covariance) - 2.0 * np.sqrt(mixed).sum())


def kl_of_densities(reference: Values, sample: Values) -> float:
    """KL divergence of kernel density estimates at 1,000 points, in nats; infinite if a sample has no spread.

    Source: GuacaMol (Brown et al., 2019), https://doi.org/10.1021/acs.jcim.8b00839, and its implementation.
    """
    from scipy.stats import entropy, gaussian_kde

    both = np.concatenate([reference, sample])
    points = np.linspace(both.min(), both.max(), _POINTS)
    try:
        p, q = (gaussian_kde(values)(points) + _FLOOR for values in (reference, sample))
    except (np.linalg.LinAlgError, ValueError):  # all values are equal, or there is only one
        return float("inf")
    return float(entropy(p, q))


def kl_of_counts(reference: Values, sample: Values) -> float:
    """KL divergence of histograms with ten bins over the range of the reference, in nats. Source: `kl_of_densities`."""
    from scipy.stats import entropy

    p, edges = np.histogram(reference, bins=_BINS, density=True)
    inside = np.histogram(sample, bins=edges)[0]
    # A sample entirely outside the range has no density in any bin.
    q = inside / max(1, inside.sum()) / np.diff(edges)
    return float(entropy(p + _FLOOR, q + _FLOOR))


def nearest_similarity(
    fingerprints: Fingerprints,
    reference: Fingerprints | None = None,
    *,
    device: str | torch.device = "cpu",
    on_progress: Callable[[int], None] = lambda _: None,
) -> NDArray[np.float32]:
    """(N,) the exact Tanimoto similarity of each molecule to its nearest neighbour; 0 if there is no other molecule.

    The mean similarity to a reference set is the SNN of MOSES. Two fingerprints without any bit have similarity 1.

    Args:
        fingerprints: (N, bytes), packed.
        reference: (M, bytes), packed; None searches among the molecules themselves, each molecule itself excluded.
        device: a torch device.
        on_progress: gets the number of reference rows done.
    """
    own = [_bits(block, device) for block in _blocks(fingerprints)]
    best = [torch.zeros(len(block), device=device) for block in own]
    done = 0
    for column, block in enumerate(_blocks(fingerprints if reference is None else reference)):
        others = _bits(block, device)
        for row, mine in enumerate(own if reference is not None else own[: column + 1]):
            similarity = _tanimoto(mine, others)
            if reference is None and row == column:
                similarity.fill_diagonal_(0.0)
            elif reference is None:  # the block below the diagonal is the transpose of this one
                best[column] = torch.maximum(best[column], similarity.amax(0))
            best[row] = torch.maximum(best[row], similarity.amax(1))
        done += len(block)
        on_progress(done)
    nearest: NDArray[np.float32] = torch.cat(best).cpu().numpy() if best else np.zeros(0, dtype=np.float32)
    return nearest


def internal_diversity(fingerprints: Fingerprints, *, device: str | torch.device = "cpu") -> tuple[float, float]:
    """IntDiv and IntDiv2 of MOSES: 1 - the mean over molecules of the power mean of their similarities to all.

    A molecule's similarity to itself counts. The powers are 1 and 2. Source: MOSES (Polykovskiy et al., 2020),
    https://doi.org/10.3389/fphar.2020.565644, with the root inside the mean as in its implementation.

    Args:
        fingerprints: (N, bytes), packed; N is at least 1.
        device: a torch device.
    """
    own = [_bits(block, device) for block in _blocks(fingerprints)]
    sums = torch.zeros(2, len(fingerprints), dtype=torch.float64, device=device)
    for row, mine in enumerate(own):
        here = slice(row * _ROWS, row * _ROWS + len(mine))
        for others in own:
            similarity = _tanimoto(mine, others)
            sums[0, here] += similarity.sum(1, dtype=torch.float64)
            sums[1, here] += similarity.square_().sum(1, dtype=torch.float64)
    means = sums / len(fingerprints)
    return 1.0 - means[0].mean().item(), 1.0 - means[1].sqrt().mean().item()


def _blocks(fingerprints: Fingerprints) -> list[Fingerprints]:
    return [fingerprints[at : at + _ROWS] for at in range(0, len(fingerprints), _ROWS)]


def _bits(packed: Fingerprints, device: str | torch.device) -> Tensor:
    return torch.from_numpy(np.unpackbits(packed, axis=1)).to(device).float()


def _tanimoto(a: Tensor, b: Tensor) -> Tensor:
    """(n, m) similarities of bits (n, F) and (m, F)."""
    common = a @ b.T
    either = a.sum(1, keepdim=True) + b.sum(1) - common
    return torch.where(either > 0, common / either, 1.0)
