"""Kernels, the similarity of two molecules: a weighted mean of similarities; and the choice of the best kernel.

Tanimoto kernels on molecules: Graph kernels for chemical informatics (Ralaivola et al., 2005),
https://doi.org/10.1016/j.neunet.2005.07.009. As prior of an optimization without fitted hyper-parameters: Diagnosing
and fixing common problems in Bayesian optimization for molecule design (Tripp & Hernandez-Lobato, 2024),
https://arxiv.org/abs/2406.07709
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from molvae.errors import ConfigError
from molvae.optimization.surrogate.features import FINGERPRINTS, Features
from molvae.optimization.surrogate.gaussian_process import GaussianProcess

__all__ = ["KERNELS", "MOST_ROWS", "Kernel", "kernel_named", "rational_quadratic", "select", "tanimoto_of_levels"]

MOST_ROWS = 1_000
"""Molecules that `select` is given; of more, some at even distances."""

Matrix = NDArray[np.float64]
Levels = NDArray[np.uint64]

# A column of a dense matrix is faster than one of a sparse matrix for a level that more than this share of sets has.
_FREQUENT = 0.05
_LENGTH = 2.0


@dataclass(frozen=True, slots=True)
class Kernel:
    """A positive semi-definite similarity of molecules: 1 of each with itself, never below 0.

    Attributes:
        name: as in `KERNELS`.
        weights: by view; positive, their sum is 1.
    """

    name: str
    weights: Mapping[str, float]

    @property
    def views(self) -> tuple[str, ...]:
        """The views of a molecule that it needs."""
        return tuple(self.weights)

    def __call__(self, a: Sequence[Features], b: Sequence[Features]) -> Matrix:
        """The similarities (n, m) of n molecules to m; each depends on its two molecules only, to the last bit."""
        total = np.zeros((len(a), len(b)))
        for view, weight in self.weights.items():
            total += weight * similarities(view, a, b)
        return total


def similarities(view: str, a: Sequence[Features], b: Sequence[Features]) -> Matrix:
    """The similarities (n, m) of n molecules to m under one view."""
    compare: Any = tanimoto_of_levels if view in FINGERPRINTS else rational_quadratic
    result: Matrix = compare([one[view] for one in a], [one[view] for one in b])
    return result


def tanimoto_of_levels(a: Sequence[Levels], b: Sequence[Levels]) -> Matrix:
    """The Tanimoto similarities (n, m) of n sets to m, exactly: |A and B| / |A or B|; 1 of two empty sets.

    Frequent levels are compared by a dense product of matrices, the others by a sparse one.
    """
    from scipy import sparse

    if not (len(a) and len(b)):
        return np.zeros((len(a), len(b)))
    if len(a) > len(b):
        return np.ascontiguousarray(tanimoto_of_levels(b, a).T)
    levels, columns, counts = np.unique(np.concatenate(a), return_inverse=True, return_counts=True)
    others = np.concatenate(b)
    places = np.minimum(np.searchsorted(levels, others), max(0, len(levels) - 1))
    known = levels[places] == others if len(levels) else np.zeros(len(others), dtype=bool)
    sizes = [np.array([len(one) for one in sets]) for sets in (a, b)]
    ends = [np.concatenate([[0], np.cumsum(size)]) for size in sizes]
    ends[1] = np.concatenate([[0], np.cumsum(known)])[ends[1]]
    rows, others = (
        sparse.csr_matrix((np.ones(len(at), np.float32), at, end), shape=(len(end) - 1, len(levels)))
        for at, end in zip((columns, places[known]), ends, strict=True)
    )
    frequent = counts + np.asarray(others.sum(0)).ravel() > _FREQUENT * (len(a) + len(b))
    # Counts are whole numbers far below 2^24: single precision is exact.
    common = rows[:, frequent].toarray() @ others[:, frequent].toarray().T
    common += (rows[:, ~frequent] @ others[:, ~frequent].T).toarray()
    either = sizes[0][:, None] + sizes[1] - common.astype(np.float64)
    result: Matrix = np.divide(common, either, out=np.ones_like(either), where=either > 0)
    return result


def rational_quadratic(a: Sequence[Matrix], b: Sequence[Matrix]) -> Matrix:
    """The similarities (n, m) of n points to m: 1 / (1 + |a - b|^2 / 2 l^2) at l = 2, in units of the scales.

    It falls more slowly than a Gaussian: it is a mixture of Gaussians of all lengths (Rasmussen & Williams, 2006,
    equation 4.19, with alpha = 1).
    """
    from scipy.spatial.distance import cdist

    if not (len(a) and len(b)):
        return np.zeros((len(a), len(b)))
    result: Matrix = 1.0 / (1.0 + cdist(np.stack(a), np.stack(b), "sqeuclidean") / (2.0 * _LENGTH**2))
    return result


KERNELS: Mapping[str, Kernel] = MappingProxyType(
    {
        name: Kernel(name, MappingProxyType(weights))
        for name, weights in {
            "balanced": {"coarse": 0.5, "composition": 0.5},
            "paired": {"pairs": 0.5, "composition": 0.5},
            "mixed": {"circular": 0.2, "coarse": 0.2, "pairs": 0.2, "composition": 0.4},
            "composed": {"coarse": 0.25, "composition": 0.75},
            "physical": {"coarse": 0.5, "physics": 0.5},
            "structural": {"circular": 0.4, "coarse": 0.3, "pairs": 0.3},
            "circular": {"circular": 1.0},
        }.items()
    }
)
"""By name; a search begins with the first one."""


def kernel_named(name: str) -> Kernel:
    """The kernel of a name.

    Raises:
        ConfigError: there is no such kernel.
    """
    if name not in KERNELS:
        raise ConfigError(f"there is no kernel {name!r}; there are {', '.join(KERNELS)}")
    return KERNELS[name]


def select(
    features: Sequence[Features], values: Matrix, kernels: Sequence[Kernel], noises: Sequence[float]
) -> tuple[Kernel, float]:
    """The kernel and the noise under which each value is the most likely, given the others.

    The amplitude is fitted for each pair, so that only the shape counts (leave-one-out cross-validation; Rasmussen &
    Williams, 2006, section 5.4.2).

    Args:
        features: of N molecules, with all views of all kernels.
        values: (N, K), with the prior mean 0.
        kernels: candidates.
        noises: candidates, variances relative to the amplitude.

    Returns:
        The first of the best pairs; the first pair of all if N is below 2 or the values are all 0.
    """
    best, highest = (kernels[0], noises[0]), -np.inf
    if len(features) < 2 or not values.any():
        return best
    by_view = {view: similarities(view, features, features) for kernel in kernels for view in kernel.views}
    for kernel in kernels:
        gram = sum((weight * by_view[view] for view, weight in kernel.weights.items()), np.zeros(()))
        for noise in noises:
            likelihood = GaussianProcess(gram, values, noise).leave_one_out().log_likelihood
            if likelihood > highest:
                best, highest = (kernel, noise), likelihood
    return best
