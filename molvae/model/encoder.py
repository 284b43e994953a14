"""Tokens -> posterior q(z|x): a bidirectional GRU, pooled over the molecule.

Padding has no effect: the backward direction reads each molecule from its own last token, and pooling uses tokens only.
Batches are padded, not packed, because packed sequences are several times slower on CPUs.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from molvae.config import ModelConfig
from molvae.model.gaussian import DiagonalGaussian
from molvae.model.gru import GRU

__all__ = ["GRUEncoder"]

_LOG_VAR_RANGE = (-12.0, 4.0)  # prevents overflow of exp() in bf16 early in training; not reached later


class GRUEncoder(nn.Module):
    """tokens (B, T), lengths (B,) -> `DiagonalGaussian` (B, D).

    Each layer has two GRUs, one over the molecule and one over the reversed molecule. A linear map of the mean and the
    maximum of the last states gives mean and log-variance.
    """

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        hidden = config.encoder_hidden
        self.embedding = nn.Embedding(vocab_size, config.embedding_dim)
        sizes = [config.embedding_dim] + [2 * hidden] * (config.encoder_layers - 1)
        self.forward_layers = nn.ModuleList(GRU(size, hidden) for size in sizes)
        self.backward_layers = nn.ModuleList(GRU(size, hidden) for size in sizes)
        self.to_posterior = nn.Linear(4 * hidden, 2 * config.latent_dim)

    def forward(self, tokens: Tensor, lengths: Tensor) -> DiagonalGaussian:
        position = torch.arange(tokens.shape[1], device=tokens.device)[:, None]
        real = position < lengths  # (T, B)
        # Position t of the reversed molecule is position length - 1 - t; padding stays where it is.
        turned = torch.where(real, lengths - 1 - position, position)
        reverse = (turned * len(lengths) + torch.arange(len(lengths), device=tokens.device)).flatten()
        states = self._states(tokens.t(), reverse)
        real = real[..., None]
        mean = states.where(real, 0.0).sum(0) / lengths[:, None]
        maximum = states.masked_fill(~real, torch.finfo(states.dtype).min).amax(0)
        parameters = self.to_posterior(torch.cat([mean.to(maximum.dtype), maximum], dim=-1)).float()
        mean, log_var = parameters.chunk(2, dim=-1)
        return DiagonalGaussian(mean, log_var.clamp(*_LOG_VAR_RANGE))

    def _states(self, tokens: Tensor, reverse: Tensor) -> Tensor:
        """tokens (T, B) -> states of the last layer (T, B, 2H)."""
        table = self.embedding.weight
        turned = tokens.flatten()[reverse].view_as(tokens)
        states = table
        for number, pair in enumerate(zip(self.forward_layers, self.backward_layers, strict=True)):
            ahead, back = cast("tuple[GRU, GRU]", pair)
            if number == 0:
                onward, inverse = ahead.over_tokens(tokens, table)[0], back.over_tokens(turned, table)[0]
            else:
                onward, inverse = ahead(states)[0], back(_reversed(states, reverse))[0]
            states = torch.cat([onward, _reversed(inverse, reverse)], dim=-1)
        return states


def _reversed(states: Tensor, reverse: Tensor) -> Tensor:
    result: Tensor = _Reversed.apply(states, reverse)  # type: ignore[no-untyped-call]
    return result


class _Reversed(torch.autograd.Function):
    """Reverse each molecule of states (T, B, H) by the index `reverse` (T * B,), which is its own inverse.

    The general gradient of indexing is a slow sum; the gradient of this permutation is the permutation itself.
    """

    @staticmethod
    def forward(ctx: Any, states: Tensor, reverse: Tensor) -> Tensor:
        ctx.save_for_backward(reverse)
        return states.flatten(0, 1).index_select(0, reverse).view_as(states)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (reverse,) = ctx.saved_tensors
        return grad.flatten(0, 1).index_select(0, reverse).view_as(grad), None
