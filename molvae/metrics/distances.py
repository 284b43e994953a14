"""Distances between two samples of numbers, counts or vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Moments", "cosine", "frechet", "kl_of_counts", "kl_of_densities"]

Values = NDArray[np.float64]

_POINTS = 1_000
_BINS = 10
_FLOOR = 1e-10


class Moments(NamedTuple):
    """Mean and covariance of a sample of vectors."""

    mean: Values
    """(D,)"""
    covariance: Values
    """(D, D), of n - 1 degrees of freedom"""


def cosine(a: Mapping[str, int], b: Mapping[str, int]) -> float:
    """The cosine between two tables of counts; NaN where one is empty."""
    if not a or not b:
        return float("nan")
    common = sum(float(count) * b.get(name, 0) for name, count in a.items())
    norms = (np.sqrt(sum(float(count) ** 2 for count in each.values())) for each in (a, b))
    return float(common / np.prod(list(norms)))


def frechet(a: Moments, b: Moments) -> float:
    """The squared Wasserstein-2 distance of the two Gaussians.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)); the last trace is that of (C1^(1/2) C2 C1^(1/2))^(1/2), whose
    eigenvalues are real. Source: Frechet ChemNet Distance (Preuer et al., 2018),
    https://doi.org/10.1021/acs.jcim.8b00234, eq. 1.
    """
    values, vectors = np.linalg.eigh(a.covariance)
    root = (vectors * np.sqrt(values.clip(0.0))) @ vectors.T
    mixed = np.linalg.eigvalsh(root @ b.covariance @ root).clip(0.0)
    shift = a.mean - b.mean
    return float(shift @ shift + np.trace(a.covariance) + np.trace(b.covariance) - 2.0 * np.sqrt(mixed).sum())


def kl_of_densities(reference: Values, sample: Values) -> float:
    """KL of kernel density estimates at 1,000 points, in nats; infinite where a sample has no spread.

    Source: GuacaMol (Brown et al., 2019), https://doi.org/10.1021/acs.jcim.8b00839, and its implementation.
    """
    from scipy.stats import entropy, gaussian_kde

    both = np.concatenate([reference, sample])
    points = np.linspace(both.min(), both.max(), _POINTS)
    try:
        p, q = (gaussian_kde(values)(points) + _FLOOR for values in (reference, sample))
    except (np.linalg.LinAlgError, ValueError):  # all values are the same, or there is one
        return float("inf")
    return float(entropy(p, q))


def kl_of_counts(reference: Values, sample: Values) -> float:
    """KL of histograms over ten bins that span the reference, in nats. Source: as `kl_of_densities`."""
    from scipy.stats import entropy

    p, edges = np.histogram(reference, bins=_BINS, density=True)
    inside = np.histogram(sample, bins=edges)[0]
    # A sample that lies outside altogether has no density to speak of.
    q = inside / max(1, inside.sum()) / np.diff(edges)
    return float(entropy(p + _FLOOR, q + _FLOOR))
