"""The diagonal Gaussian: the posterior q(z|x) of the encoder, and with mean 0 and variance 1 the prior p(z)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["DiagonalGaussian", "slerp"]


class DiagonalGaussian(NamedTuple):
    """B independent Gaussians over D dimensions with diagonal covariance."""

    mean: Tensor
    """(B, D)"""
    log_var: Tensor
    """(B, D), the logarithm of the variance"""

    @property
    def std(self) -> Tensor:
        """(B, D), the standard deviation."""
        return torch.exp(0.5 * self.log_var)

    def rsample(self, noise: Tensor) -> Tensor:
        """One draw from each, differentiable in mean and log_var: mean + std * noise.

        Source: Auto-Encoding Variational Bayes (Kingma and Welling, 2014), https://arxiv.org/abs/1312.6114

        Args:
            noise: (B, D), a draw of N(0, I).

        Returns:
            (B, D)
        """
        return self.mean + self.std * noise.to(self.mean)

    def kl(self) -> Tensor:
        """KL(q || N(0, I)) of each dimension: (mean^2 + var - log var - 1) / 2.

        Returns:
            (B, D) nats; summed over D it is the KL of a molecule.
        """
        return 0.5 * (self.mean.square() + self.log_var.exp() - self.log_var - 1.0)

    def log_prob(self, z: Tensor) -> Tensor:
        """Log density of one point for each Gaussian.

        Args:
            z: (B, D)

        Returns:
            (B,) nats
        """
        squared = (z - self.mean).square() * torch.exp(-self.log_var)
        return -0.5 * (squared + self.log_var + math.log(2.0 * math.pi)).sum(-1)


def slerp(a: Tensor, b: Tensor, t: float | Tensor = 0.5) -> Tensor:
    """Spherical interpolation: the point at position t on the great circle from a to b, with interpolated norm.

    A draw of N(0, I) in D dimensions lies near the sphere of radius sqrt(D). The straight line between two such points
    leaves the sphere, this path does not. Source: Sampling Generative Networks (White, 2016), https://arxiv.org/abs/1609.04468

    Args:
        a: (..., D)
        b: (..., D)
        t: position in [0, 1], a number or of shape (..., 1).

    Returns:
        (..., D)
    """
    t = torch.as_tensor(t, dtype=a.dtype, device=a.device)
    norm_a, norm_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    tiny = torch.finfo(a.dtype).tiny
    unit_a, unit_b = a / norm_a.clamp(min=tiny), b / norm_b.clamp(min=tiny)
    angle = torch.arccos((unit_a * unit_b).sum(-1, keepdim=True).clamp(-1.0, 1.0))
    curved = (torch.sin((1 - t) * angle) * unit_a + torch.sin(t * angle) * unit_b) / torch.sin(angle)
    # Parallel directions have no arc and opposite ones no unique arc: use the straight line.
    direction = torch.where(torch.sin(angle) < 1e-4, torch.lerp(unit_a, unit_b, t), curved)
    return direction * torch.lerp(norm_a, norm_b, t)
