"""A textbook SMILES VAE to compare with: fp32, packed sequences, a sampling loop of fixed length.

The architecture is that of Molecular Sets (Polykovskiy et al., 2020), https://doi.org/10.3389/fphar.2020.565644, with
the sizes of a `ModelConfig`. It is as slow as most implementations.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence, pad_sequence

from molvae.config import ModelConfig

__all__ = ["TextbookVAE"]


class TextbookVAE(nn.Module):
    """GRU encoder, Gaussian latent space, GRU decoder that sees z at every step."""

    def __init__(self, config: ModelConfig, vocab_size: int, pad_id: int) -> None:
        super().__init__()
        self.pad_id = pad_id
        self.embedding = nn.Embedding(vocab_size, config.embedding_dim, pad_id)
        self.encoder = nn.GRU(
            config.embedding_dim, config.encoder_hidden, config.encoder_layers, batch_first=True, bidirectional=True
        )
        self.to_mean = nn.Linear(2 * config.encoder_hidden, config.latent_dim)
        self.to_log_var = nn.Linear(2 * config.encoder_hidden, config.latent_dim)
        self.to_state = nn.Linear(config.latent_dim, config.decoder_hidden)
        self.decoder = nn.GRU(
            config.embedding_dim + config.latent_dim, config.decoder_hidden, config.decoder_layers, batch_first=True
        )
        self.to_logits = nn.Linear(config.decoder_hidden, vocab_size)

    def loss(self, molecules: list[Tensor], beta: float) -> Tensor:
        """() mean cross-entropy of a token plus beta times the mean KL of a molecule; molecules, longest first."""
        packed = pack_sequence([self.embedding(one) for one in molecules])
        _, states = self.encoder(packed)
        last = torch.cat([states[-2], states[-1]], dim=-1)
        mean, log_var = self.to_mean(last), self.to_log_var(last)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        kl = 0.5 * (log_var.exp() + mean.square() - 1.0 - log_var).sum(1).mean()

        lengths = [len(one) for one in molecules]
        x = pad_sequence(molecules, batch_first=True, padding_value=self.pad_id)
        inputs = torch.cat([self.embedding(x), z[:, None].expand(-1, x.shape[1], -1)], dim=-1)
        ready = nn.utils.rnn.pack_padded_sequence(inputs, lengths, batch_first=True)
        outputs, _ = pad_packed_sequence(self.decoder(ready, self._state(z))[0], batch_first=True)
        logits = self.to_logits(outputs)
        nll = F.cross_entropy(logits[:, :-1].flatten(0, 1), x[:, 1:].flatten(), ignore_index=self.pad_id)
        loss: Tensor = nll + beta * kl
        return loss

    @torch.no_grad()
    def sample(self, z: Tensor, bos_id: int, steps: int = 100) -> Tensor:
        """(B, steps) token ids from latent points (B, D); every row takes all steps."""
        state, tokens = self._state(z), torch.full((len(z), 1), bos_id, device=z.device)
        drawn = []
        for _ in range(steps):
            outputs, state = self.decoder(torch.cat([self.embedding(tokens), z[:, None]], dim=-1), state)
            tokens = torch.multinomial(torch.softmax(self.to_logits(outputs[:, 0]), dim=-1), 1)
            drawn.append(tokens)
        return torch.cat(drawn, dim=1)

    def _state(self, z: Tensor) -> Tensor:
        state: Tensor = self.to_state(z)
        return state.expand(self.decoder.num_layers, -1, -1).contiguous()
