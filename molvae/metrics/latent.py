"""Measures of a latent space: information about the molecules, smoothness of properties, distance from the prior."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from molvae.model import DiagonalGaussian

__all__ = ["aggregate_mismatch", "local_variance", "mutual_information"]

_ROWS = 256
_FOLDS = 10


def mutual_information(posterior: DiagonalGaussian, z: Tensor) -> float:
    """A lower bound on I(x; z) in nats; at most log N for N molecules, and in expectation at most the mean KL.

    E[log q(z|x) - log 1/N sum_j q(z|x_j)] over the N molecules, the molecule itself included. A value near log N means
    that each molecule's draws are distinct from those of all others. Source: ELBO surgery (Hoffman and Johnson, 2016),
    with the mixture as the estimate of q(z).

    Args:
        posterior: q(z|x) of N molecules, (N, D).
        z: (N, D), one draw for each molecule.
    """
    mean, log_var = posterior.mean.double(), posterior.log_var.double()
    precision = (-log_var).exp()  # (N, D)
    constant = -0.5 * ((mean.square() * precision).sum(1) + log_var.sum(1))  # (N,)
    total = 0.0
    for start in range(0, len(z), _ROWS):
        rows = z[start : start + _ROWS].double()
        # log q(z_i | x_j) for all pairs by matrix products, without the constant that cancels.
        log_q = constant - 0.5 * rows.square() @ precision.T + rows @ (mean * precision).T
        own = log_q[torch.arange(len(rows)), torch.arange(start, start + len(rows))]
        total += (own - log_q.logsumexp(1)).sum().item()
    return total / len(z) + math.log(len(z))


def local_variance(z: Tensor, values: Tensor, *, k: int = 10) -> float:
    """The variance of a property among latent neighbours, relative to its variance among all points.

    The numerator is the variance among the k nearest points of a point, itself excluded, averaged over all points. 1
    means that neighbours are no more alike than any points; lower values mean that the property changes smoothly.

    Args:
        z: (N, D), N above k.
        values: (N,), the property at each point.
        k: number of neighbours, at least 2, by Euclidean distance.

    Returns:
        NaN if the property is constant.
    """
    points, numbers = z.double(), values.double()
    total = 0.0
    for start in range(0, len(z), _ROWS):
        distance = torch.cdist(points[start : start + _ROWS], points)
        own = torch.arange(len(distance))
        distance[own, start + own] = math.inf
        total += numbers[distance.topk(k, largest=False).indices].var(1).sum().item()
    overall = numbers.var().item()
    return total / len(z) / overall if overall else math.nan


def aggregate_mismatch(posterior: DiagonalGaussian) -> float:
    """A lower bound on KL(q(z) || N(0, I)) of the aggregate posterior in nats, from its mean and covariance.

    For every density g, KL(q(z) || p) is at least E_q[log g / p]. Here g is a Gaussian fitted to nine tenths of the
    molecules, and the expectation, in closed form, is over q(z|x) of the remaining tenth; each tenth is held out once.
    Because g is never evaluated on the molecules it was fitted to, the estimate before clipping at 0 does not exceed
    the KL on average, for any N; a larger N gives a tighter bound. (Without holding out, it would be too high by up to
    D (D + 1) / 4N nats.)

    Args:
        posterior: q(z|x) of N molecules in random order, (N, D), N at least 2.

    Returns:
        At least 0.
    """
    mean, variance = posterior.mean.double(), posterior.log_var.double().exp()
    count = min(_FOLDS, len(mean))
    folds = torch.arange(len(mean), device=mean.device) % count
    total = 0.0
    for fold in range(count):
        test, fitted = folds == fold, folds != fold
        center = mean[fitted].mean(0)
        covariance = _second_moment(mean[fitted] - center, variance[fitted])
        tested = _second_moment(mean[test] - center, variance[test])
        from_prior = (mean[test].square() + variance[test]).sum(1).mean()
        from_g = torch.linalg.solve(covariance, tested).trace() + torch.linalg.slogdet(covariance).logabsdet
        total += int(test.sum()) * 0.5 * float(from_prior - from_g)
    return max(0.0, total / len(mean))


def _second_moment(offset: Tensor, variance: Tensor) -> Tensor:
    """(D, D) second moment of a mixture of N Gaussians with means and variances (N, D)."""
    return offset.T @ offset / len(offset) + torch.diag(variance.mean(0))
