"""Strings as they are <-> latent points: the model with its vocabulary, without an opinion on what is a molecule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from molvae.config import Decoding
from molvae.corpus.batching import TokenizedCorpus, bucketed
from molvae.errors import TokenError
from molvae.model import SmilesVAE, generate
from molvae.tokenizer import SmilesTokenizer

__all__ = ["Codec"]

Array = NDArray[np.float32]
Rows = NDArray[np.int64]


class Codec:
    """Encodes and decodes strings.

    Args:
        model: in evaluation mode.
        tokenizer: its vocabulary.
    """

    def __init__(self, model: SmilesVAE, tokenizer: SmilesTokenizer) -> None:
        self._model, self._tokenizer = model, tokenizer

    @property
    def _device(self) -> torch.device:
        return next(self._model.parameters()).device

    def tokenize(self, texts: Sequence[str]) -> tuple[TokenizedCorpus, Rows]:
        """The strings of known tokens only, and their positions."""
        rows = [row for row, text in enumerate(texts) if self._knows(text)]
        return TokenizedCorpus([texts[row] for row in rows], self._tokenizer), np.array(rows, dtype=np.int64)

    @torch.inference_mode()
    def posterior(self, texts: Sequence[str], *, batch_size: int = 512) -> tuple[Array, Array]:
        """Mean and standard deviation of q(z|x), each (N, D); a row of NaN for a string with an unknown token."""
        result = np.full((2, len(texts), self._model.config.latent_dim), np.nan, dtype=np.float32)
        corpus, rows = self.tokenize(texts)
        for at in bucketed(np.arange(len(rows)), corpus.lengths, batch_size):
            batch = corpus.batch(at).to(self._device)
            posterior = self._model.encoder(batch.tokens, batch.lengths)
            result[0, rows[at]], result[1, rows[at]] = posterior.mean.cpu().numpy(), posterior.std.cpu().numpy()
        return result[0], result[1]

    @torch.inference_mode()
    def elbo_terms(self, texts: Sequence[str], noise: NDArray[np.float64], *, batch_size: int = 512) -> Array:
        """(N, 2) -log p(x|z), the mean over posterior draws, and KL, nats; NaN for a string with an unknown token.

        Args:
            texts: N strings.
            noise: (draws, N, D), standard normal.
            batch_size: rows at a time.
        """
        figures = np.full((len(texts), 2), np.nan, dtype=np.float32)
        corpus, rows = self.tokenize(texts)
        for at in bucketed(np.arange(len(rows)), corpus.lengths, batch_size):
            batch = corpus.batch(at).to(self._device)
            posterior = self._model.encoder(batch.tokens, batch.lengths)
            shifts = torch.from_numpy(noise[:, rows[at]]).to(posterior.mean)
            nll = [self._model.nll(*batch, posterior.mean + posterior.std * shift) for shift in shifts]
            figures[rows[at], 0] = torch.stack(nll).mean(0).cpu().numpy()
            figures[rows[at], 1] = posterior.kl().sum(1).cpu().numpy()
        return figures

    def decode(self, z: Array, decoding: Decoding, uniforms: Array | None) -> list[str]:
        """The string at each point (B, D); uniforms (B, max_length) are the random numbers of each, None is greedy."""
        ids = generate(
            self._model.decoder,
            torch.from_numpy(z).to(self._device),
            decoding,
            bos_id=self._tokenizer.bos_id,
            eos_id=self._tokenizer.eos_id,
            uniforms=None if uniforms is None else torch.from_numpy(uniforms).to(self._device),
        )
        return [self._tokenizer.decode(row) for row in ids.tolist()]

    def _knows(self, text: str) -> bool:
        try:
            self._tokenizer.encode(text)
        except TokenError:
            return False
        return True
