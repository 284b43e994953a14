"""Properties of a molecule from its posterior mean: a small network for each.

The mean and not a draw of the posterior: it is what `encode` gives and `predict` uses, and the label is that of the one
molecule, of which a draw already knows less. Its gradient reaches the encoder, which is what orders the latent space.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["LabelScale", "PropertyHead"]


class LabelScale(NamedTuple):
    """Where the labels of a property lie, in its unit."""

    mean: float
    std: float
    """above 0"""


class PropertyHead(nn.Module):
    """z (B, D) -> a number for each (B,), in standard deviations from the mean of the training labels.

    One hidden layer; the last weights begin at 0, and so does every prediction at the mean of the labels.

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
        """What a prediction is measured by."""
        return LabelScale(self.label_mean.item(), self.label_std.item())

    @torch.no_grad()
    def measure_by(self, scale: LabelScale) -> None:
        """Set the scale: predictions stay as many standard deviations from the mean."""
        self.label_mean.fill_(scale.mean)
        self.label_std.fill_(scale.std)

    @torch.no_grad()
    def convert_to(self, scale: LabelScale) -> None:
        """Set the scale: predictions stay what they are in the unit of the property."""
        old = self.scale
        self.measure_by(scale)
        new = self.scale  # as the buffers have it
        self.output.weight *= old.std / new.std
        self.output.bias.copy_((old.mean - new.mean + old.std * self.output.bias) / new.std)
