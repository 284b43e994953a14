"""Health of the latent space, on the same held-out molecules and draws of the prior every epoch."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from molvae.chem import canonical, quiet_rdkit
from molvae.config import Decoding, TrainConfig
from molvae.corpus.batching import Batch, TokenizedCorpus, bucketed
from molvae.model import DiagonalGaussian, SmilesVAE, slerp
from molvae.model.latent_codec import Codec
from molvae.training.coupling import couple

__all__ = ["Health", "HealthCheck"]

_ACTIVE = 0.01  # variance of the posterior mean above which a dimension is active (Burda et al., 2016)
_ROWS = 512  # rows decoded at a time


class Health(NamedTuple):
    """Figures on held-out molecules and on draws from N(0, I), decoded once."""

    reconstruction: float
    """nats per molecule, -log p(x|z) at a draw of the posterior"""
    bits_per_char: float
    """the same in bits per character of the SMILES, the end counted as one"""
    kl: float
    """nats per molecule, KL(q(z|x) || N(0, I))"""
    elbo: float
    """nats per molecule, -(reconstruction + kl): a lower bound on log p(x)"""
    prior: float
    """nats per molecule, -log p(x|z) at coupled prior draws"""
    prior_bound: float
    """nats per molecule, prior + log(block): an upper bound on -log p(x) of what ancestral sampling gives"""
    active_units: int
    """latent dimensions whose posterior mean has a variance above 0.01 over molecules (Burda et al., 2016)"""
    exact: float
    """share of molecules that their posterior mean, decoded greedily, reconstructs"""
    prior_valid: float
    """share of valid strings among draws from N(0, I) decoded at temperature 1"""
    prior_unique: float
    """share of distinct molecules among the valid ones; NaN if none is valid"""
    prior_novel: float
    """share of the distinct ones that are not training molecules; NaN if none is valid"""
    midpoint_valid: float
    """share of valid strings among greedily decoded midpoints (slerp) of random held-out pairs"""

    def objective(self, config: TrainConfig) -> float:
        """Nats per molecule: the training objective with its final weights, which early stopping watches."""
        return self.reconstruction + config.beta * self.kl + config.coupling_weight * self.prior

    def warning(self, config: TrainConfig, latent_dim: int) -> str | None:
        """A warning about posterior collapse, and what to change; None if there is no collapse."""
        if self.kl >= 3.0 and self.active_units >= max(1, latent_dim // 20):
            return None
        return (
            f"POSTERIOR COLLAPSE: the latent space carries {self.kl:.1f} nats in {self.active_units} of {latent_dim} "
            f"dimensions, too little to distinguish molecules. Lower beta (now {config.beta:g}), warm it up for "
            "longer (beta_warmup), or set free_bits to about 0.2."
        )


@dataclass(frozen=True)
class HealthCheck:
    """Measures `Health`, on the same molecules, draws and random numbers each time.

    Args:
        corpus: the molecules.
        rows: the held-out ones; the first `config.health_samples` are used.
        smiles: canonical SMILES of those rows.
        is_training: gives those of some canonical SMILES that are training molecules.
        config: sizes and seed.
        max_length: a decoded string with more tokens is cut off, and so invalid.
    """

    corpus: TokenizedCorpus
    rows: NDArray[np.int64]
    smiles: Sequence[str]
    is_training: Callable[[Collection[str]], set[str]]
    config: TrainConfig
    max_length: int = Decoding().max_length

    def __post_init__(self) -> None:
        for name in ("rows", "smiles"):
            object.__setattr__(self, name, getattr(self, name)[: self.config.health_samples])

    @torch.inference_mode()
    def __call__(self, model: SmilesVAE) -> Health:
        device = next(model.parameters()).device
        n, D = len(self.rows), model.config.latent_dim
        rng = torch.Generator().manual_seed(self.config.seed)
        training, _ = model.training, model.eval()
        posterior = self._encode(model, device)
        noise = torch.randn(n, D, generator=rng).to(device)
        nll = self._nll(model, posterior.rsample(noise))
        prior_nll = self._nll(model, self._coupled(posterior.mean, rng).to(device))
        kl = posterior.kl().sum(1)
        characters = sum(len(one) + 1 for one in self.smiles)

        exact = sum(map(operator.eq, self._decode(model, posterior.mean), self.smiles)) / n
        k = self.config.health_samples
        draws = torch.randn(k, D, generator=rng).to(device)
        uniforms = torch.rand(k, self.max_length, generator=rng).numpy()
        molecules = [one for one in self._decode(model, draws, uniforms) if one]
        distinct = set(molecules)
        half = n // 2
        middle = slerp(posterior.mean[:half], posterior.mean[half : 2 * half])
        midpoints = self._decode(model, middle)
        model.train(training)
        return Health(
            reconstruction=nll.mean().item(),
            bits_per_char=nll.sum().item() / math.log(2.0) / characters,
            kl=kl.mean().item(),
            elbo=-(nll + kl).mean().item(),
            prior=prior_nll.mean().item(),
            prior_bound=prior_nll.mean().item() + math.log(n),
            active_units=int((posterior.mean.var(0) > _ACTIVE).sum()) if n > 1 else 0,
            exact=exact,
            prior_valid=len(molecules) / k,
            prior_unique=len(distinct) / len(molecules) if molecules else math.nan,
            prior_novel=1.0 - len(self.is_training(distinct)) / len(distinct) if distinct else math.nan,
            midpoint_valid=sum(map(bool, midpoints)) / max(1, half),
        )

    def _batches(self, device: torch.device) -> list[tuple[NDArray[np.int64], Batch]]:
        """Positions in `rows` and the batch of the molecules there."""
        lengths = self.corpus.lengths[self.rows]
        positions = bucketed(np.arange(len(self.rows)), lengths, _ROWS)
        return [(at, self.corpus.batch(self.rows[at]).to(device)) for at in positions]

    def _encode(self, model: SmilesVAE, device: torch.device) -> DiagonalGaussian:
        D = model.config.latent_dim
        result = DiagonalGaussian(*torch.empty(2, len(self.rows), D, device=device))
        for at, batch in self._batches(device):
            posterior = model.encoder(batch.tokens, batch.lengths)
            result.mean[at], result.log_var[at] = posterior.mean, posterior.log_var
        return result

    def _nll(self, model: SmilesVAE, z: Tensor) -> Tensor:
        nll = torch.empty(len(z), device=z.device)
        for at, batch in self._batches(z.device):
            nll[at] = model.nll(batch.tokens, batch.lengths, z[at])
        return nll

    def _coupled(self, means: Tensor, rng: torch.Generator) -> Tensor:
        draws = torch.randn(means.shape, generator=rng).numpy()
        block = np.random.default_rng(self.config.seed)
        return torch.from_numpy(couple(means.cpu().numpy(), draws, len(draws), block))

    def _decode(self, model: SmilesVAE, z: Tensor, uniforms: NDArray[np.float32] | None = None) -> list[str | None]:
        """Canonical SMILES of each point, None for an invalid string; greedy without uniforms."""
        codec = Codec(model, self.corpus.tokenizer, max_length=self.max_length)
        decoding = Decoding(temperature=0.0 if uniforms is None else 1.0)
        with quiet_rdkit():
            return [canonical(text) for text in codec.decode(z.cpu().numpy(), decoding, uniforms)]
