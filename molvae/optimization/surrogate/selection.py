"""Which kernel, and how much noise, explains known values best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from molvae.optimization.surrogate.features import Features
from molvae.optimization.surrogate.gaussian_process import GaussianProcess
from molvae.optimization.surrogate.kernel import Kernel, similarities

__all__ = ["MOST_ROWS", "select"]

MOST_ROWS = 1_000
"""Molecules that are looked at; of more, some at even distances."""


def select(
    features: Sequence[Features], values: NDArray[np.float64], kernels: Sequence[Kernel], noises: Sequence[float]
) -> tuple[Kernel, float]:
    """The kernel and the noise under which each value is the most likely, given the others.

    The amplitude is fitted for each pair, so that the measure is of shape and not of size (leave-one-out
    cross-validation; Rasmussen & Williams, 2006, section 5.4.2).

    Args:
        features: of N molecules, with all views of all kernels.
        values: (N, K), with the prior mean 0.
        kernels: some.
        noises: variances relative to the amplitude.

    Returns:
        The first of the best; the first of all where N is below 2 or the values are all 0.
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
