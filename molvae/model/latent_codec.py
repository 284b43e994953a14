"""Raw strings to latent points and back: the model with its vocabulary. It does not check for valid molecules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from molvae.chem import canonical, quiet_rdkit
from molvae.chem.smiles_grammar import Grammar, SmilesState
from molvae.config import Decoding, check_batch_size, check_seed
from molvae.corpus.batching import Batch, TokenizedCorpus, bucketed
from molvae.corpus.tokenizer import SmilesTokenizer
from molvae.errors import TokenError
from molvae.model import DiagonalGaussian, SmilesVAE, generate

__all__ = ["CUT_OFF", "Codec", "ElboTerms"]

Array = NDArray[np.float32]
Rows = NDArray[np.int64]

CUT_OFF = "..."
"""Behind a string that has no end: no parser takes it, and every encoding of texts has it."""

_ATTEMPTS = 8  # of a constrained string that has become no molecule; the second is hardly ever needed
_WARM = 0.5

_DRAWS = 16  # random numbers of so many draws are made at once: fast, and small beside the batch


class ElboTerms(NamedTuple):
    """The terms of bounds on log p(x) of N strings, at K draws z_k of the posterior q(z|x); nats per string."""

    nll: NDArray[np.float64]
    """(K, N) -log p(x|z_k)"""
    log_ratio: NDArray[np.float64]
    """(K, N) log p(z_k) - log q(z_k|x)"""
    kl: NDArray[np.float64]
    """(N,) KL(q(z|x) || p(z)), in closed form"""
    tokens: NDArray[np.float64]
    """(N,) the number of tokens, the end counted as one"""


class Codec:
    """Encodes and decodes strings.

    Args:
        model: in evaluation mode.
        tokenizer: its vocabulary.
        max_length: of a `Decoding` that was given none: tokens that its training molecules could have.
    """

    def __init__(
        self, model: SmilesVAE, tokenizer: SmilesTokenizer, *, max_length: int = Decoding().max_length
    ) -> None:
        self._model, self._tokenizer, self.max_length = model, tokenizer, max_length

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
        for at, batch in self._batches(corpus, batch_size):
            posterior = self._model.encoder(batch.tokens, batch.lengths)
            result[0, rows[at]], result[1, rows[at]] = posterior.mean.cpu().numpy(), posterior.std.cpu().numpy()
        return result[0], result[1]

    @torch.inference_mode()
    def elbo_terms(self, texts: Sequence[str], *, draws: int, seed: int, batch_size: int = 512) -> ElboTerms:
        """The terms of bounds on log p(x), at draws of the posterior; NaN for a string with an unknown token.

        The random numbers of a string depend on it and the seed alone: not on the strings beside it, and the
        first draws are the same however many there are.

        Args:
            texts: N strings.
            draws: of each posterior, at least 1.
            seed: of the draws.
            batch_size: rows at a time.
        """
        check_seed(seed)
        terms = ElboTerms(*np.full((2, draws, len(texts)), np.nan), *np.full((2, len(texts)), np.nan))
        corpus, rows = self.tokenize(texts)
        terms.tokens[rows] = corpus.lengths - 1
        for at, batch in self._batches(corpus, batch_size):
            posterior = self._model.encoder(batch.tokens, batch.lengths)
            prior = DiagonalGaussian(torch.zeros_like(posterior.mean), torch.zeros_like(posterior.mean))
            terms.kl[rows[at]] = posterior.kl().sum(1).cpu().numpy()
            for draw, noise in enumerate(
                _noise([texts[row] for row in rows[at]], posterior.mean.shape[1], draws, seed)
            ):
                z = posterior.rsample(torch.from_numpy(noise).to(self._device))
                terms.nll[draw, rows[at]] = self._model.nll(*batch, z).cpu().numpy()
                terms.log_ratio[draw, rows[at]] = (prior.log_prob(z) - posterior.log_prob(z)).cpu().numpy()
        return terms

    @torch.inference_mode()
    def token_hits(self, texts: Sequence[str], *, batch_size: int = 512) -> tuple[Rows, Rows]:
        """How many tokens the decoder would get right, one at a time, and how many there are, each (N,).

        At the posterior mean, with the true tokens before it given (teacher forcing), a token is a hit where it is the
        most likely one. The end token counts. Zero and zero for a string with an unknown token.
        """
        hits = np.zeros((2, len(texts)), dtype=np.int64)
        corpus, rows = self.tokenize(texts)
        for at, (tokens, lengths) in self._batches(corpus, batch_size):
            logits = self._model.decoder(tokens[:, :-1], self._model.encoder(tokens, lengths).mean)
            target = torch.arange(1, tokens.shape[1], device=self._device) < lengths[:, None]
            right = (logits.argmax(-1) == tokens[:, 1:]) & target
            hits[:, rows[at]] = torch.stack([right.sum(1), target.sum(1)]).cpu().numpy()
        return hits[0], hits[1]

    def decode(
        self, z: Array, decoding: Decoding, uniforms: Array | None, *, prefixes: Sequence[Sequence[str]] | None = None
    ) -> list[str]:
        """The string at each point; one that was cut off ends in "...", so that it is no molecule.

        Constrained, each is a molecule, but for the rare one that has become none in several attempts.

        Args:
            z: (B, D)
            decoding: temperature, top_p and max_length; that of the model where none was given.
            uniforms: (B, max_length), the random numbers of each; None is greedy.
            prefixes: B, the tokens that each string begins with; all known to the vocabulary.
        """
        texts = self._decode(z, decoding, uniforms, prefixes)
        return self._constrained(texts, z, decoding, uniforms, prefixes) if decoding.constrained else texts

    def decorate(
        self, z: Array, decoding: Decoding, uniforms: Array | None, templates: Sequence[Sequence[str]]
    ) -> list[str]:
        """The string at each point that follows a template, which is a molecule for most.

        Args:
            z: (B, D)
            decoding: temperature, top_p and max_length; that of the model where none was given.
            uniforms: (B, max_length), the random numbers of each; None is greedy.
            templates: B, tokens; '*' stands for a group of tokens that the decoder chooses, as in `TemplateState`. All
                others are known to the vocabulary.
        """
        ids = self._tokenizer.ids
        size = decoding.for_model(self.max_length).max_length
        given = [[None if token == "*" else ids[token] for token in tokens] for tokens in templates]
        states = [self._grammar.start(size, template) for template in given]
        return self._decode(z, decoding, uniforms, None, states=states)

    def _constrained(
        self,
        texts: list[str],
        z: Array,
        decoding: Decoding,
        uniforms: Array | None,
        prefixes: Sequence[Sequence[str]] | None,
    ) -> list[str]:
        """Decode again what is no molecule, under a grammar.

        A molecule that was drawn freely is what the grammar would have given too, as it has nothing to refuse there.
        A string for which there was no end, or that RDKit refuses all the same, is drawn anew, with random numbers
        that are made of its own; and at some temperature where it was the most likely one. So is a most likely string
        that was cut off: it mostly repeats itself, and is of no use at any length.
        """
        warm = decoding.replace(temperature=decoding.temperature or _WARM)
        own = z if uniforms is None or not decoding.temperature else uniforms
        size = decoding.for_model(self.max_length).max_length
        broken = list(range(len(texts)))
        for attempt in range(_ATTEMPTS):
            with quiet_rdkit():
                broken = [row for row in broken if canonical(texts[row]) is None]
            if not broken:
                break
            rows = broken
            if not attempt and not decoding.temperature:
                rows = [row for row in broken if not texts[row].endswith(CUT_OFF)]
            settings, numbers = decoding, None if uniforms is None else uniforms[rows]
            if attempt:
                settings, numbers = warm, _renewed(own[rows], size, attempt)
            given = None if prefixes is None else [prefixes[row] for row in rows]
            states = [self._grammar.start(size) for _ in rows]
            again = self._decode(z[rows], settings, numbers, given, states=states) if rows else []
            for row, text in zip(rows, again, strict=True):
                texts[row] = text
        return texts

    def _decode(
        self,
        z: Array,
        decoding: Decoding,
        uniforms: Array | None,
        prefixes: Sequence[Sequence[str]] | None,
        *,
        states: Sequence[SmilesState] | None = None,
    ) -> list[str]:
        ids = generate(
            self._model.decoder,
            torch.from_numpy(z).to(self._device),
            decoding.for_model(self.max_length),
            bos_id=self._tokenizer.bos_id,
            eos_id=self._tokenizer.eos_id,
            uniforms=None if uniforms is None else torch.from_numpy(uniforms).to(self._device),
            prefix=None if prefixes is None else self._prefix(prefixes).to(self._device),
            states=states,
        )
        return [self._text(row) for row in ids.tolist()]

    @cached_property
    def _grammar(self) -> Grammar:
        return Grammar(self._tokenizer.tokens, end=self._tokenizer.eos_id)

    def _text(self, ids: list[int]) -> str:
        whole = self._tokenizer.eos_id in ids
        return self._tokenizer.decode(ids) if whole else self._tokenizer.decode(ids[:-1]) + CUT_OFF

    def _batches(self, corpus: TokenizedCorpus, batch_size: int) -> Iterator[tuple[Rows, Batch]]:
        """Positions in a corpus, and the molecules there."""
        check_batch_size(batch_size)
        for at in bucketed(np.arange(len(corpus)), corpus.lengths, batch_size):
            yield at, corpus.batch(at).to(self._device)

    def _prefix(self, prefixes: Sequence[Sequence[str]]) -> torch.Tensor:
        """(B, P) ids, filled up with the end token."""
        ids = torch.full((len(prefixes), max(map(len, prefixes), default=0)), self._tokenizer.eos_id)
        for row, tokens in enumerate(prefixes):
            ids[row, : len(tokens)] = torch.tensor([self._tokenizer.ids[token] for token in tokens], dtype=torch.int64)
        return ids

    def _knows(self, text: str) -> bool:
        try:
            self._tokenizer.encode(text)
        except TokenError:
            return False
        return True


def _renewed(rows: Array, size: int, attempt: int) -> Array:
    """(B, size) random numbers, each row made of one row and a count."""
    digests = [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows]
    sources = [np.random.default_rng((attempt, int.from_bytes(digest))) for digest in digests]
    return np.stack([source.random(size, dtype=np.float32) for source in sources])


def _noise(texts: Sequence[str], latent_dim: int, draws: int, seed: int) -> Iterator[Array]:
    """(N, D) standard normal numbers for each draw."""
    digests = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
    sources = [np.random.default_rng((seed, int.from_bytes(digest))) for digest in digests]
    for first in range(0, draws, _DRAWS):
        size = (min(_DRAWS, draws - first), latent_dim)
        yield from np.stack([source.standard_normal(size, dtype=np.float32) for source in sources], axis=1)
