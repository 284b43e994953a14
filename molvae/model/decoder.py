"""Latent point -> tokens: a GRU that starts from z and sees z at every step.

It knows token ids only. Teacher-forced logits train it; `generate` draws token by token, and both are the same
function: greedy generation equals greedy decoding of the teacher-forced logits.
"""

from __future__ import annotations

from torch import Tensor, nn

from molvae.config import ModelConfig
from molvae.model.gru import GRU, TokenReader

__all__ = ["GRUDecoder"]


class GRUDecoder(nn.Module):
    """tokens (B, T), z (B, D) -> logits (B, T, V) of the token that follows each."""

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        self.hidden, self.layers = config.decoder_hidden, config.decoder_layers
        self.embedding = nn.Embedding(vocab_size, config.embedding_dim)
        self.to_state = nn.Linear(config.latent_dim, self.layers * self.hidden)
        self.gru = GRU(config.embedding_dim + config.latent_dim, self.hidden, self.layers, dropout=config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.to_logits = nn.Linear(self.hidden, vocab_size)

    def initial_state(self, z: Tensor) -> Tensor:
        """(B, D) -> (L, B, H), the state before the first token."""
        state: Tensor = self.to_state(z).tanh()
        return state.view(len(z), self.layers, self.hidden).transpose(0, 1).contiguous()

    def forward(self, tokens: Tensor, z: Tensor) -> Tensor:
        outputs, _ = self.gru.over_tokens(tokens.t(), self.embedding.weight, z, self.initial_state(z))
        return self.logits(outputs).transpose(0, 1)

    def logits(self, states: Tensor) -> Tensor:
        """(..., H) -> (..., V)"""
        logits: Tensor = self.to_logits(self.dropout(states))
        return logits

    def reader(self, z: Tensor) -> TokenReader:
        """Reads tokens one by one, from the first, at points (B, D): `logits` of its states, in evaluation mode."""
        return TokenReader(self.gru, self.embedding.weight, z, self.initial_state(z))
