r"""The training objective, in nats per molecule.

    loss = E_q[-log p(x|z)]  +  beta * KL(q(z|x) || N(0, I))  +  w * E_c[-log p(x|z)]

The first two terms are the negative ELBO (beta = 1), the third trains the decoder on prior points: c couples draws of
the prior with molecules by optimal transport (`molvae.training.coupling`), so its z-marginal is exactly N(0, I).
A model with property heads adds their loss (`molvae.training.labels`).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from molvae.config import TrainConfig
from molvae.model import VAEOutput
from molvae.runtime.distributed import total
from molvae.training.labels import LabelBatch

__all__ = ["Terms", "beta_at", "loss_terms", "mask_tokens"]


class Terms(NamedTuple):
    """The terms of the objective, means over the molecules of a batch."""

    reconstruction: Tensor
    """() nats per molecule, -log p(x|z) at a draw of the posterior"""
    kl: Tensor
    """() nats per molecule, KL(q(z|x) || p(z))"""
    charged_kl: Tensor
    """() nats per molecule, the KL above the free bits"""
    prior: Tensor
    """() nats per molecule, -log p(x|z) at the coupled prior draw; 0 without one"""
    properties: Tensor
    """() nats per molecule, the loss of the heads, summed over the properties; 0 without labels"""

    def loss(self, beta: float, coupling_weight: float, property_weight: float = 0.0) -> Tensor:
        """() nats per molecule, the objective."""
        likelihood = self.reconstruction + beta * self.charged_kl + coupling_weight * self.prior
        return likelihood + property_weight * self.properties


def loss_terms(output: VAEOutput, free_bits: float, *, share: float = 1.0, labels: LabelBatch | None = None) -> Terms:
    """The terms of a forward pass.

    Free bits: the KL of a dimension, averaged over the batch, counts as at least `free_bits` nats, so there is no gain
    in collapsing the dimension further. Source: Improved Variational Inference with Inverse Autoregressive Flow (Kingma
    et al., 2016), https://arxiv.org/abs/1606.04934, eq. 15.

    Args:
        output: for the molecules of this process.
        free_bits: nats.
        share: share of the batch that this process has; the free bits take all processes into account.
        labels: for the molecules of this process.
    """
    each = output.posterior.kl().mean(0)  # (D,)
    charged = each
    if free_bits:
        charged = each.where(total(each.detach() * share) > free_bits, free_bits)
    zero = torch.zeros((), device=each.device)
    return Terms(
        reconstruction=output.nll.mean(),
        kl=each.sum(),
        charged_kl=charged.sum(),
        prior=zero if output.prior_nll is None else output.prior_nll.mean(),
        properties=zero if output.predicted is None or labels is None else labels.loss(output.predicted),
    )


def beta_at(progress: float, config: TrainConfig) -> float:
    """The weight of the KL after a share of the training.

    Linear: 0 to beta over the first `beta_warmup` of the training (Bowman et al., 2016,
    https://arxiv.org/abs/1511.06349). Cyclical: the same within each of `beta_cycles` cycles (Fu et al., 2019,
    https://arxiv.org/abs/1903.10145).

    Args:
        progress: share of the steps done, in [0, 1].
        config: beta, beta_schedule, beta_warmup, beta_cycles.
    """
    if config.beta_schedule == "constant" or config.beta_warmup == 0.0 or progress >= 1.0:
        return config.beta
    within = progress * config.beta_cycles % 1.0 if config.beta_schedule == "cyclical" else progress
    return config.beta * min(1.0, within / config.beta_warmup)


def mask_tokens(tokens: Tensor, share: float, *, bos_id: int, mask_id: int, generator: torch.Generator) -> Tensor:
    """Token dropout: mask a share of the decoder's input tokens, never the start token.

    A decoder that does not see the last token must use z. Source: Generating Sentences from a Continuous Space (Bowman
    et al., 2016), https://arxiv.org/abs/1511.06349, section 3.1.

    Returns:
        (B, T); `tokens` itself if share is 0
    """
    if share == 0.0:
        return tokens
    drop = torch.rand(tokens.shape, generator=generator, device=tokens.device) < share
    return tokens.masked_fill(drop & (tokens != bos_id), mask_id)
