"""Tokens -> posterior q(z|x): a bidirectional GRU, pooled over the molecule.

Padding never leaks: the backward direction reads each molecule from its own last token, and pooling sees tokens only.
Batches are padded, not packed, because packed sequences run several times slower on CPUs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molvae.config import ModelConfig
from molvae.model.gaussian import DiagonalGaussian

__all__ = ["GRUEncoder"]

_LOG_VAR_RANGE = (-12.0, 4.0)  # exp() of more would overflow bf16 sums early in training; never reached later


class GRUEncoder(nn.Module):
    """tokens (B, T), lengths (B,) -> `DiagonalGaussian` (B, D).

    Each layer is two GRUs, one over the molecule and one over the molecule reversed; mean and maximum over the
    molecule of the last layer's states give mean and log-variance by one linear map.
    """

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        hidden = config.encoder_hidden
        self.embedding = nn.Embedding(vocab_size, config.embedding_dim)
        sizes = [config.embedding_dim] + [2 * hidden] * (config.encoder_layers - 1)
        self.forward_layers = nn.ModuleList(nn.GRU(size, hidden, batch_first=True) for size in sizes)
        self.backward_layers = nn.ModuleList(nn.GRU(size, hidden, batch_first=True) for size in sizes)
        self.to_posterior = nn.Linear(4 * hidden, 2 * config.latent_dim)

    def forward(self, tokens: Tensor, lengths: Tensor) -> DiagonalGaussian:
        _, T = tokens.shape
        position = torch.arange(T, device=tokens.device)
        real = (position < lengths[:, None])[..., None]  # (B, T, 1)
        # Position t of the reversed molecule is position length - 1 - t; padding stays where it is.
        reverse = torch.where(real[..., 0], lengths[:, None] - 1 - position, position)[..., None]  # (B, T, 1)
        states = self.embedding(tokens)  # (B, T, E)
        for ahead, back in zip(self.forward_layers, self.backward_layers, strict=True):
            onward = ahead(states)[0]
            inverse = back(_take(states, reverse))[0]
            states = torch.cat([onward, _take(inverse, reverse)], dim=-1)  # (B, T, 2H)
        mean = states.where(real, 0.0).sum(1) / lengths[:, None]
        maximum = states.masked_fill(~real, torch.finfo(states.dtype).min).amax(1)
        parameters = self.to_posterior(torch.cat([mean.to(maximum.dtype), maximum], dim=-1)).float()
        mean, log_var = parameters.chunk(2, dim=-1)
        return DiagonalGaussian(mean, log_var.clamp(*_LOG_VAR_RANGE))


def _take(states: Tensor, index: Tensor) -> Tensor:
    """Rows of `states` (B, T, H) along T by `index` (B, T, 1)."""
    return states.gather(1, index.expand(-1, -1, states.shape[-1]))
