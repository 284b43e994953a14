"""Figures of a latent space: what it knows of the molecules, and how far it is from the prior that is sampled."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from molvae.model import DiagonalGaussian

__all__ = ["aggregate_mismatch", "mutual_information"]

_ROWS = 256


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


def aggregate_mismatch(posterior: DiagonalGaussian) -> float:
    """A lower bound on KL(q(z) || N(0, I)) of the aggregate posterior, nats: what its mean and covariance show.

    With g the Gaussian of q(z)'s moments, KL(q(z) || p) = KL(q(z) || g) + KL(g || p), because log g / p is quadratic;
    this is the second part, in closed form.

    Args:
        posterior: q(z|x) of N molecules, (N, D), N well above D.
    """
    mean = posterior.mean.double()
    center = mean.mean(0)
    covariance = (mean - center).T @ (mean - center) / len(mean)
    covariance += torch.diag(posterior.log_var.double().exp().mean(0))
    log_det = torch.linalg.slogdet(covariance).logabsdet
    kl = 0.5 * (covariance.trace() + center @ center - len(center) - log_det)
    return float(kl)
