"""Another prior: a normalizing flow fitted to the posteriors, to sample from instead of N(0, I).

The aggregate posterior differs from the prior, so draws of N(0, I) include points where training has no molecules.
Sampling from the flow instead shows how much that costs.

Sources: Density estimation using Real NVP (Dinh et al., 2017), https://arxiv.org/abs/1605.08803; a density fitted when
the autoencoder is trained: From variational to deterministic autoencoders (Ghosh et al., 2020),
https://arxiv.org/abs/1903.12436
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from molvae.model import DiagonalGaussian

__all__ = ["RealNVP", "fit_flow", "mismatch"]

_COUPLINGS = 8
_HIDDEN = 256
_LARGEST = 2.0  # the largest log scale of a coupling
_BATCH = 512
_LEARNING_RATE = 2e-3
_CLIP = 1.0


class RealNVP(nn.Module):
    """An invertible map from N(0, I) to a density, in D dimensions.

    Each coupling scales and shifts half of the dimensions as a function of the other half. Before training it is the
    identity.

    Args:
        dim: D, at least 2.
        generator: random generator of the weights and of the halves.
    """

    def __init__(self, dim: int, generator: torch.Generator) -> None:
        super().__init__()
        self._halves = [
            (order[: dim // 2], order[dim // 2 :])
            for order in (torch.randperm(dim, generator=generator) for _ in range(_COUPLINGS))
        ]
        self._nets = nn.ModuleList(
            nn.Sequential(
                nn.Linear(len(given), _HIDDEN),
                nn.SiLU(),
                nn.Linear(_HIDDEN, _HIDDEN),
                nn.SiLU(),
                nn.Linear(_HIDDEN, 2 * len(changed)),
            )
            for given, changed in self._halves
        )
        for parameter in self.parameters():
            scale = 1.0 / math.sqrt(parameter.shape[-1]) if parameter.ndim > 1 else 0.0
            with torch.no_grad():
                parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
        for net in self._nets:
            nn.init.zeros_(net[-1].weight)  # type: ignore[index]

    def forward(self, noise: Tensor) -> Tensor:
        """From draws of N(0, I), (B, D), to draws of the density, (B, D)."""
        z = noise
        for (given, changed), net in zip(self._halves, self._nets, strict=True):
            log_scale, shift = _bounded(net(z[:, given]))
            z = _with(z, changed, z[:, changed] * log_scale.exp() + shift)
        return z

    def log_prob(self, z: Tensor) -> Tensor:
        """The log density at points (B, D), nats: (B,)."""
        total = z.new_zeros(len(z))
        for (given, changed), net in zip(reversed(self._halves), reversed(self._nets), strict=True):
            log_scale, shift = _bounded(net(z[:, given]))
            z = _with(z, changed, (z[:, changed] - shift) * (-log_scale).exp())
            total = total - log_scale.sum(1)
        return total + _log_normal(z)


def fit_flow(
    posterior: DiagonalGaussian, *, epochs: int, seed: int, watch: Callable[[int, int], None] = lambda *_: None
) -> RealNVP:
    """Fit a flow to the aggregate posterior by maximum likelihood.

    Args:
        posterior: q(z|x) of N molecules, (N, D).
        epochs: passes over the molecules, each with new draws.
        seed: of weights, order and draws.
        watch: receives the steps done and the number of steps.
    """
    generator = torch.Generator().manual_seed(seed)
    n, dim = posterior.mean.shape
    flow = RealNVP(dim, generator)
    steps = epochs * -(-n // _BATCH)
    optimizer = torch.optim.AdamW(flow.parameters(), lr=_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    step = 0
    for _ in range(epochs):
        order = torch.randperm(n, generator=generator)
        for rows in (order[start : start + _BATCH] for start in range(0, n, _BATCH)):
            batch = DiagonalGaussian(posterior.mean[rows], posterior.log_var[rows])
            z = batch.rsample(torch.randn(len(rows), dim, generator=generator))
            optimizer.zero_grad(set_to_none=True)
            (-flow.log_prob(z).mean()).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(flow.parameters(), _CLIP)
            optimizer.step()
            schedule.step()
            step += 1
            watch(step, steps)
    return flow.eval()


@torch.inference_mode()
def mismatch(flow: RealNVP, z: Tensor) -> float:
    """A lower bound on KL(q(z) || N(0, I)), nats, by draws of q(z) that were not used to fit the flow.

    E_q[log f - log p] = KL(q || p) - KL(q || f) for any density f.

    Args:
        flow: f.
        z: (N, D), a draw of each of N posteriors.
    """
    return float((flow.log_prob(z) - _log_normal(z)).mean())


def _bounded(output: Tensor) -> tuple[Tensor, Tensor]:
    log_scale, shift = output.chunk(2, dim=1)
    return _LARGEST * torch.tanh(log_scale / _LARGEST), shift


def _with(z: Tensor, columns: Tensor, values: Tensor) -> Tensor:
    return z.index_copy(1, columns, values)


def _log_normal(z: Tensor) -> Tensor:
    return -0.5 * (z.square() + math.log(2.0 * math.pi)).sum(1)
