"""Figures of a latent space: what it knows of molecules, its order, how far it is from the prior that is sampled."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from molvae.model import DiagonalGaussian

__all__ = ["aggregate_mismatch", "local_variance", "mutual_information"]

_ROWS = 256
_FOLDS = 10


def mutual_information(posterior: DiagonalGaussian, z: Tensor) -> float:
    """A lower bound on I(x; z), nats: at most log N, for N molecules, and at most the mean KL in expectation.

    E[log q(z|x) - log 1/N sum_j q(z|x_j)] over the N molecules, with the molecule itself among them. Where it is near
    log N, each molecule's draws are told apart from all the others. Source: Hoffman and Johnson (2016), ELBO surgery,
    with the mixture as the estimate of q(z).

    Args:
        posterior: q(z|x) of N molecules, (N, D).
        z: (N, D), a draw of each.
    """
    mean, log_var = posterior.mean.double(), posterior.log_var.double()
    precision = (-log_var).exp()  # (N, D)
    constant = -0.5 * ((mean.square() * precision).sum(1) + log_var.sum(1))  # (N,)
    total = 0.0
    for start in range(0, len(z), _ROWS):
        rows = z[start : start + _ROWS].double()
        # log q(z_i | x_j) for all pairs, but for the constant of D that cancels, as products of matrices.
        log_q = constant - 0.5 * rows.square() @ precision.T + rows @ (mean * precision).T
        own = log_q[torch.arange(len(rows)), torch.arange(start, start + len(rows))]
        total += (own - log_q.logsumexp(1)).sum().item()
    return total / len(z) + math.log(len(z))


def local_variance(z: Tensor, values: Tensor, *, k: int = 10) -> float:
    """How much a property varies among latent neighbours, as a share of how much it varies at all.

    The variance of the property among the k nearest points of each point, the point itself left out, on average,
    over its variance among all. 1 is a space that knows no such order; it is lower, the more gradually the property
    changes through the space.

    Args:
        z: (N, D), N above k.
        values: (N,), the property at each.
        k: neighbours, at least 2, by straight-line distance.

    Returns:
        NaN where the property is the same everywhere
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
    """A lower bound on KL(q(z) || N(0, I)) of the aggregate posterior, nats: what its mean and covariance show.

    For every density g, KL(q(z) || p) is at least E_q[log g / p]. Here g is the Gaussian of the moments of nine tenths
    of the molecules, and the expectation, in closed form, is over q(z|x) of the others, each tenth in turn. The
    molecules that g is fitted to are never those it is judged by, so that before it is cut at 0 this is on average no
    more than the KL, whatever N; it is the tighter, the larger N. (Judged by its own molecules g would look better than
    it is, by up to D (D + 1) / 4N nats.)

    Args:
        posterior: q(z|x) of N molecules in random order, (N, D), N at least 2.

    Returns:
        at least 0
    """
    mean, variance = posterior.mean.double(), posterior.log_var.double().exp()
    count = min(_FOLDS, len(mean))
    folds = torch.arange(len(mean), device=mean.device) % count
    total = 0.0
    for fold in range(count):
        held, fitted = folds == fold, folds != fold
        center = mean[fitted].mean(0)
        covariance = _second_moment(mean[fitted] - center, variance[fitted])
        judged = _second_moment(mean[held] - center, variance[held])
        from_prior = (mean[held].square() + variance[held]).sum(1).mean()
        from_g = torch.linalg.solve(covariance, judged).trace() + torch.linalg.slogdet(covariance).logabsdet
        total += int(held.sum()) * 0.5 * float(from_prior - from_g)
    return max(0.0, total / len(mean))


def _second_moment(offset: Tensor, variance: Tensor) -> Tensor:
    """(D, D), of the mixture of N Gaussians, by their means and variances (N, D)."""
    return offset.T @ offset / len(offset) + torch.diag(variance.mean(0))
