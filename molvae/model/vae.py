"""The model: encoder, Gaussian latent, decoder, and heads for properties. Tensors only, no strings."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from molvae.config import ModelConfig
from molvae.model.decoder import make_decoder
from molvae.model.encoder import GRUEncoder
from molvae.model.gaussian import DiagonalGaussian
from molvae.model.heads import PropertyHead

__all__ = ["SmilesVAE", "VAEOutput"]


class VAEOutput(NamedTuple):
    """The result of a forward pass, for the training objective."""

    posterior: DiagonalGaussian
    """q(z|x), (B, D)"""
    nll: Tensor
    """(B,) nats per molecule, -log p(x|z) at a draw z of the posterior"""
    prior_nll: Tensor | None
    """(B,) nats per molecule, -log p(x|z) at the prior draw coupled with x; None without a draw"""
    predicted: Tensor | None = None
    """(B, P), `SmilesVAE.predict` at the posterior means; None without heads"""


class SmilesVAE(nn.Module):
    """p(x|z) p(z) with q(z|x): encoder, standard normal prior, decoder; and a head for each property."""

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        self.config, self.vocab_size = config, vocab_size
        self.encoder = GRUEncoder(config, vocab_size)
        self.decoder = make_decoder(config, vocab_size)
        # Created last, so that a seed gives the other parts the same weights as without heads.
        self.heads = nn.ModuleList(PropertyHead(config.latent_dim, config.head_hidden) for _ in config.heads)

    def forward(
        self,
        tokens: Tensor,
        lengths: Tensor,
        noise: Tensor,
        *,
        coupled: Tensor | None = None,
        decoder_tokens: Tensor | None = None,
        encoder_tokens: Tensor | None = None,
        encoder_lengths: Tensor | None = None,
    ) -> VAEOutput:
        """Encode, draw, and score.

        Args:
            tokens: (B, T), start token first, end token last, then padding.
            lengths: (B,), tokens of each molecule, start and end included.
            noise: (B, D), draws of N(0, I), for the draws of the posterior.
            coupled: (B, D), a prior draw for each molecule.
            decoder_tokens: (B, T), the input of the decoder instead of `tokens` (token dropout).
            encoder_tokens: (B, S), the input of the encoder instead of `tokens`: randomized SMILES.
            encoder_lengths: (B,), tokens of each of these; given with `encoder_tokens`.
        """
        read = tokens if encoder_tokens is None else encoder_tokens
        posterior = self.encoder(read, lengths if encoder_lengths is None else encoder_lengths)
        return self.scored(posterior, tokens, lengths, noise, coupled=coupled, decoder_tokens=decoder_tokens)

    def scored(
        self,
        posterior: DiagonalGaussian,
        tokens: Tensor,
        lengths: Tensor,
        noise: Tensor,
        *,
        coupled: Tensor | None = None,
        decoder_tokens: Tensor | None = None,
    ) -> VAEOutput:
        """As `forward`, for molecules that are already encoded."""
        z = posterior.rsample(noise)
        predicted = self.predict(posterior.mean) if self.heads else None
        seen = tokens if decoder_tokens is None else decoder_tokens
        if coupled is None:
            return VAEOutput(posterior, self.nll(tokens, lengths, z, seen=seen), None, predicted)
        # One pass of 2 B rows needs fewer and larger matrix products than two passes.
        twice = self.nll(tokens.repeat(2, 1), lengths.repeat(2), torch.cat([z, coupled]), seen=seen.repeat(2, 1))
        nll, prior_nll = twice.chunk(2)
        return VAEOutput(posterior, nll, prior_nll, predicted)

    def property_heads(self) -> dict[str, PropertyHead]:
        """The heads by the names of their properties."""
        return dict(zip(self.config.heads, cast("list[PropertyHead]", list(self.heads)), strict=True))

    def predict(self, z: Tensor) -> Tensor:
        """The properties at latent points.

        Args:
            z: (B, D)

        Returns:
            (B, P), P at least 1: in standard deviations from the mean of the training labels of each.
        """
        return torch.stack([head(z) for head in self.heads], dim=1)

    def nll(self, tokens: Tensor, lengths: Tensor, z: Tensor, *, seen: Tensor | None = None) -> Tensor:
        """-log p(x|z) of each molecule, the end token included.

        Args:
            tokens: (B, T)
            lengths: (B,)
            z: (B, D)
            seen: (B, T), the decoder's inputs; `tokens` by default.

        Returns:
            (B,) nats per molecule
        """
        B, T = tokens.shape
        logits = self.decoder((tokens if seen is None else seen)[:, :-1], z)
        each = F.cross_entropy(logits.flatten(0, 1).float(), tokens[:, 1:].flatten(), reduction="none").view(B, T - 1)
        target = torch.arange(1, T, device=tokens.device) < lengths[:, None]
        return each.where(target, 0.0).sum(1)
