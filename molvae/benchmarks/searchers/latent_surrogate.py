"""A Gaussian process on latent points, as latent Bayesian optimization has it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from molvae.generator.molvae import MolVAE
from molvae.optimization.surrogate import FeatureCache, Kernel, Surrogate

__all__ = ["latent_surrogate"]

_SCALES = (2.0, 1.0, 4.0)  # of lengths; where two draws of N(0, I) in 64 dimensions have a similarity of .2, .06 and .5


def latent_surrogate(vae: MolVAE) -> Surrogate:
    """A surrogate that sees of a molecule nothing but its posterior mean.

    A molecule that cannot be encoded is taken for the mean of the prior. The kernel is that of the descriptors of other
    surrogates (rational quadratic), its length the one of three under which known scores are the most likely.

    Args:
        vae: the model, as it is: it does not follow the search.
    """
    views = {f"latent points / {scale:g}": partial(_points, vae, scale) for scale in _SCALES}
    kernels = [Kernel(name, {name: 1.0}) for name in views]
    return Surrogate(kernel=kernels, features=FeatureCache(more=views))


def _points(vae: MolVAE, scale: float, smiles: Sequence[str]) -> NDArray[Any]:
    return np.nan_to_num(vae.encode(smiles)) / scale
