"""The optimizer, its learning rate over time, and the averaged weights."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from molvae.config import TrainConfig
from molvae.model import SmilesVAE

__all__ = ["WeightAverage", "learning_rate_at", "make_optimizer"]


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter, 2019, https://arxiv.org/abs/1711.05101); vectors are not decayed."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    fused = matrices[0].device.type in ("cpu", "cuda")
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.99), fused=fused)


def learning_rate_at(progress: float, config: TrainConfig) -> float:
    """Linear rise over the first `warmup` of the training, then half a cosine to zero.

    Source: SGDR (Loshchilov and Hutter, 2017), https://arxiv.org/abs/1608.03983, without restarts.
    """
    rise = min(1.0, progress / config.warmup) if config.warmup else 1.0
    return config.learning_rate * rise * 0.5 * (1.0 + math.cos(math.pi * progress))


class WeightAverage:
    """An exponential moving average of a model's weights; young averages forget faster.

    Source: Acceleration of stochastic approximation by averaging (Polyak and Juditsky, 1992).

    Args:
        model: its weights are the first average.
        decay: share of the old average that is kept at a step.
    """

    def __init__(self, model: SmilesVAE, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after `step` steps."""
        keep = min(self._decay, (1 + step) / (10 + step))
        own: list[Tensor] = list(self.model.parameters())
        new: list[Tensor] = list(model.parameters())
        torch._foreach_lerp_(own, new, 1.0 - keep)
