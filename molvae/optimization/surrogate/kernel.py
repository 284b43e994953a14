"""How alike two molecules are: a weighted mean of similarities, each of which is a kernel.

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

__all__ = ["KERNELS", "Kernel", "kernel_named", "rational_quadratic", "tanimoto_of_levels"]

Matrix = NDArray[np.float64]
Levels = NDArray[np.uint64]

# A level that this share of molecules has is cheaper as a column of a dense matrix than of a sparse one.
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
        """What it looks at."""
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

    Levels that many sets have are compared by a dense product of matrices, the others by a sparse one.
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
    # Counts are whole numbers far below 2^24, so that single precision is exact.
    common = rows[:, frequent].toarray() @ others[:, frequent].toarray().T
    common += (rows[:, ~frequent] @ others[:, ~frequent].T).toarray()
    either = sizes[0][:, None] + sizes[1] - common.astype(np.float64)
    result: Matrix = np.divide(common, either, out=np.ones_like(either), where=either > 0)
    return result


def rational_quadratic(a: Sequence[Matrix], b: Sequence[Matrix]) -> Matrix:
    """The similarities (n, m) of n points to m: 1 / (1 + |a - b|^2 / 2 l^2) at l = 2, in units of the scales.

    It falls off more slowly than a Gaussian: a mixture of such of all lengths (Rasmussen & Williams, 2006, equation
    4.19, with alpha = 1).
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
"""By name; a search begins with the first."""


def kernel_named(name: str) -> Kernel:
    """The kernel of a name.

    Raises:
        ConfigError: there is none.
    """
    if name not in KERNELS:
        raise ConfigError(f"no kernel is named {name!r}; there are {', '.join(KERNELS)}")
    return KERNELS[name]
