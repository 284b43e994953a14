"""The decoder: from a latent point to tokens.

A decoder handles token ids only. Training uses the teacher-forced logits of a whole molecule, `generate` uses a reader
that takes one token at a time. Both are the same function: greedy generation gives the tokens that greedy decoding of
the teacher-forced logits gives.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from torch import Tensor, nn

from molvae.config import ModelConfig
from molvae.model.gru import GRU, TokenReader

__all__ = ["Decoder", "GRUDecoder", "Reader", "make_decoder"]


class Reader(Protocol):
    """The state of a decoder that reads a batch of token sequences, one token at a time."""

    def read(self, tokens: Tensor) -> Tensor:
        """Read tokens (B,) and return the states (B, H) after them, for `Decoder.logits`."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Continue with some rows of the batch only: a mask (B,), or indices."""
        ...


class Decoder(nn.Module, ABC):
    """What the rest of molvae needs of a decoder over V tokens; `embedding` and `to_logits` have a row a token."""

    embedding: nn.Embedding
    """(V, E), the input tokens"""
    to_logits: nn.Linear
    """H -> V, the last layer"""

    @abstractmethod
    def forward(self, tokens: Tensor, z: Tensor) -> Tensor:
        """tokens (B, T), z (B, D) -> logits (B, T, V) of the token that follows each."""

    @abstractmethod
    def logits(self, states: Tensor) -> Tensor:
        """(..., H) -> (..., V)"""

    @abstractmethod
    def reader(self, z: Tensor) -> Reader:
        """A reader at points (B, D), before the first token, in evaluation mode."""


class GRUDecoder(Decoder):
    """A GRU whose first state is a function of z, and that sees z at every step."""

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
        logits: Tensor = self.to_logits(self.dropout(states))
        return logits

    def reader(self, z: Tensor) -> TokenReader:
        return TokenReader(self.gru, self.embedding.weight, z, self.initial_state(z))


def make_decoder(config: ModelConfig, vocab_size: int) -> Decoder:
    """The decoder of a model with these settings."""
    return GRUDecoder(config, vocab_size)
