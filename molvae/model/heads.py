"""Property heads: small networks that predict properties of a molecule from its posterior mean.

The input is the mean, not a draw of the posterior, because `encode` gives it and `predict` uses it. Its gradient
reaches the encoder, which orders the latent space by the properties.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from molvae.config import ModelConfig
from molvae.errors import ModelError

__all__ = ["LabelScale", "PropertyHead", "check_heads"]


class LabelScale(NamedTuple):
    """Mean and standard deviation of the labels of a property, in its unit."""

    mean: float
    std: float
    """above 0"""


class PropertyHead(nn.Module):
    """z (B, D) -> a number for each (B,), in standard deviations from the mean of the training labels.

    One hidden layer. The last weights start at 0, so every prediction starts at the mean of the labels.

    Args:
        latent_dim: D.
        hidden: units of the hidden layer.
    """

    label_mean: Tensor
    label_std: Tensor

    def __init__(self, latent_dim: int, hidden: int) -> None:
        super().__init__()
        self.hidden, self.output = nn.Linear(latent_dim, hidden), nn.Linear(hidden, 1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.register_buffer("label_mean", torch.zeros(()))
        self.register_buffer("label_std", torch.ones(()))

    def forward(self, z: Tensor) -> Tensor:
        scaled: Tensor = self.output(F.silu(self.hidden(z))).squeeze(-1)
        return scaled.float()

    @property
    def scale(self) -> LabelScale:
        """The label scale of the predictions."""
        return LabelScale(self.label_mean.item(), self.label_std.item())

    @torch.no_grad()
    def set_scale(self, scale: LabelScale) -> None:
        """Set the scale; predictions keep their distance from the mean in standard deviations."""
        self.label_mean.fill_(scale.mean)
        self.label_std.fill_(scale.std)

    @torch.no_grad()
    def convert_to(self, scale: LabelScale) -> None:
        """Set the scale; predictions stay the same in the unit of the property."""
        old = self.scale
        self.set_scale(scale)
        new = self.scale  # rounded, as in the buffers
        self.output.weight *= old.std / new.std
        self.output.bias.copy_((old.mean - new.mean + old.std * self.output.bias) / new.std)


def check_heads(config: ModelConfig) -> None:
    """Raise `ModelError` for a model without property heads."""
    if not config.heads:
        raise ModelError(
            "the model predicts no property: train one that does (molvae train FILE --properties NAME,NAME; with "
            "--init-from it starts from this model)"
        )
