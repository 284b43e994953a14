"""The prior p(z) = N(0, I)."""

from __future__ import annotations

import torch
from torch import Tensor

from molvae.model.gaussian import DiagonalGaussian

__all__ = ["standard_normal"]


def standard_normal(n: int, dim: int, *, device: torch.device | str = "cpu") -> DiagonalGaussian:
    """n independent N(0, I) over `dim` dimensions."""
    zeros: Tensor = torch.zeros(n, dim, device=device)
    return DiagonalGaussian(zeros, zeros)
