"""A Gaussian process with given covariances: predictions, and their uncertainty.

Gaussian processes for machine learning (Rasmussen & Williams, 2006), chapters 2 and 5, http://gaussianprocess.org/gpml
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from molvae.errors import ConfigError

__all__ = ["GaussianProcess", "LeftOut"]

Matrix = NDArray[np.float64]

_MORE_NOISE = 10.0
_SAFETY = 1e4  # a posterior mean is then off by some 1 / _SAFETY of the values
_MOST_NOISE = 10.0


class LeftOut(NamedTuple):
    """The prediction of each value from all the others."""

    mean: Matrix
    """(N, K)"""
    variance: Matrix
    """(N,), noise included, where the amplitude is 1"""
    amplitude: float
    """the factor of all variances under which the values are the most likely; 0 if the means are exact"""
    amplitudes: Matrix
    """(K,) the same for each output by itself; their mean is the common one"""
    log_likelihood: float
    """the mean log predictive density of a value, in nats, under that amplitude: the quality of a kernel"""


class GaussianProcess:
    """A posterior of K outputs that share their covariances, with prior mean 0.

    Args:
        gram: (N, N) prior covariances of the known points; symmetric, positive semi-definite.
        values: (N, K), finite.
        noise: variance of the noise of the values. If rounding makes the matrix not positive definite, the noise is
            multiplied by ten until it is.

    Attributes:
        noise: the variance in use.

    Raises:
        ConfigError: the noise is not above 0.
    """

    def __init__(self, gram: Matrix, values: Matrix, noise: float) -> None:
        if not noise > 0.0:
            raise ConfigError(f"the noise of a Gaussian process must be above 0, not {noise}")
        self._values = values
        self._lower, self.noise = _cholesky(gram, noise)
        self._white_values = self._solve(values)

    def whitened(self, cross: Matrix) -> Matrix:
        """(N, M) for the other methods, from the prior covariances `cross` (M, N) of M points with the known ones."""
        return self._solve(cross.T)

    def mean(self, white: Matrix) -> Matrix:
        """The posterior means (M, K) at whitened points."""
        return white.T @ self._white_values

    def variance(self, white: Matrix, prior: Matrix | float = 1.0) -> Matrix:
        """The posterior variances (M,) at whitened points, without noise; `prior` (M,) are the prior ones."""
        variance: Matrix = np.maximum(prior - np.square(white).sum(0), 0.0)
        return variance

    def covariance(self, white: Matrix, prior: Matrix) -> Matrix:
        """The posterior covariances (M, M) of whitened points, without noise; `prior` (M, M) are the prior ones."""
        return prior - white.T @ white

    def leave_one_out(self) -> LeftOut:
        """Predict each known value from the others, in closed form (equations 5.10 to 5.12)."""
        from scipy.linalg import lapack

        n, k = self._values.shape
        if not n * k:
            return LeftOut(np.zeros((n, k)), np.zeros(n), 0.0, np.zeros(k), math.nan)
        inverse, _ = lapack.dpotri(self._lower, lower=1)
        variance = 1.0 / np.diag(inverse)
        error = self._solve(self._white_values, transposed=True) * variance[:, None]
        amplitudes = np.mean(np.square(error) / variance[:, None], axis=0)
        amplitude = float(amplitudes.mean())
        spread = math.log(2.0 * math.pi * max(amplitude, np.finfo(np.float64).tiny)) + 1.0
        likelihood = -0.5 * (spread + float(np.log(variance).mean()))
        return LeftOut(self._values - error, variance, amplitude, amplitudes, likelihood)

    def _solve(self, columns: Matrix, *, transposed: bool = False) -> Matrix:
        from scipy.linalg import solve_triangular

        if not len(self._lower):
            return np.zeros(columns.shape)
        solved: Matrix = solve_triangular(self._lower, columns, trans=int(transposed), lower=True, check_finite=False)
        return solved


def _cholesky(gram: Matrix, noise: float) -> tuple[Matrix, float]:
    """The lower factor of a matrix with noise on its diagonal, and the variance of that noise."""
    from scipy.linalg import cholesky

    if not len(gram):
        return gram, noise
    rounding = _SAFETY * len(gram) * np.finfo(np.float64).eps * np.diag(gram).max()
    while True:
        noisy = np.array(gram, order="F")
        noisy[np.diag_indices(len(gram))] += noise
        try:
            lower: Matrix = cholesky(noisy, lower=True, overwrite_a=True, check_finite=False)
            if np.diag(lower).min() ** 2 > rounding:  # a smaller pivot is nothing but rounding
                return lower, noise
        except np.linalg.LinAlgError:
            if noise > _MOST_NOISE:
                raise
        noise *= _MORE_NOISE
