"""The optimizer, its learning rate over time, and the averaged weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from molvae.config import TrainConfig
from molvae.model import GRU, SmilesVAE

__all__ = ["Muon", "WeightAverage", "learning_rate_at", "make_optimizer", "orthogonalized", "skip_nonfinite"]

_GATES = 3  # of a GRU: its weight matrix stacks three
_RMS = 0.2  # of an orthogonalized update, in learning rates; as for AdamW, so that decay and schedule transfer
_BETAS = (0.9, 0.99)
_TABLES = ("embedding", "to_logits")  # one row a token: updates of rare tokens must not be scaled up


def make_optimizer(model: SmilesVAE, config: TrainConfig, *, bf16: bool = False) -> torch.optim.Optimizer:
    """The optimizer of `config`; vectors have no weight decay.

    Args:
        model: the model to train.
        config: optimizer, learning_rate, weight_decay.
        bf16: whether Muon's matrix products are in bf16.
    """
    named = list(model.named_parameters())
    vectors = {"params": [p for _, p in named if p.ndim <= 1], "weight_decay": 0.0}
    if config.optimizer == "adamw":
        matrices = [p for _, p in named if p.ndim > 1]
        groups = [{"params": matrices, "weight_decay": config.weight_decay}, vectors]
        fused = matrices[0].device.type in ("cpu", "cuda")
        return torch.optim.AdamW(groups, lr=config.learning_rate, betas=_BETAS, fused=fused)
    apart = [p for name, p in named if p.ndim > 1 and (name.startswith("heads") or name.split(".")[-2] in _TABLES)]
    taken = {id(p) for p in apart}
    matrices = [p for _, p in named if p.ndim > 1 and id(p) not in taken]
    recurrent = {id(p) for part in model.modules() if isinstance(part, GRU) for p in part.parameters()}
    groups = [
        {"params": [p for p in matrices if id(p) in recurrent], "parts": _GATES},
        {"params": [p for p in matrices if id(p) not in recurrent], "parts": 1},
        {"params": apart},
        vectors,
    ]
    return Muon(groups, config.learning_rate, config.weight_decay, bf16=bf16)


class Muon(torch.optim.Optimizer):
    """Momentum with orthogonalized updates of matrices; AdamW for the groups without "parts".

    A step changes a matrix equally in all directions, while the gradient, and so AdamW, changes it along a few. A
    matrix that stacks several parts, such as the gates of a GRU, is orthogonalized part by part.

    Source: Muon: An optimizer for hidden layers in neural networks (Jordan et al., 2024),
    https://kellerjordan.github.io/posts/muon; the scale that makes it take AdamW's learning rate: Muon is Scalable for
    LLM Training (Liu et al., 2025), https://arxiv.org/abs/2502.16982, section 2.2.

    Args:
        groups: parameter groups; "parts" is the number of matrices stacked in each parameter of the group.
        lr: learning rate.
        weight_decay: default for groups without their own.
        bf16: orthogonalize in bf16, which is precise enough.
        momentum: of the matrices.
    """

    def __init__(
        self, groups: list[dict[str, Any]], lr: float, weight_decay: float, *, bf16: bool, momentum: float = 0.95
    ) -> None:
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay, "parts": 0})
        self._dtype, self._momentum = torch.bfloat16 if bf16 else torch.float32, momentum

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update the parameters; a closure is ignored."""
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if not parameters:
                continue
            updates = self._orthogonal(parameters, group["parts"]) if group["parts"] else self._adam(parameters)
            torch._foreach_mul_(parameters, 1.0 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(parameters, updates, alpha=-group["lr"])

    def _orthogonal(self, parameters: list[Tensor], parts: int) -> list[Tensor]:
        gradients = [p.grad for p in parameters if p.grad is not None]
        first = [self._moment(p, "first") for p in parameters]
        torch._foreach_lerp_(first, gradients, 1.0 - self._momentum)
        ahead = torch._foreach_lerp(gradients, first, self._momentum)  # Nesterov's
        # Matrices of one shape are made orthogonal together: few and large products.
        shapes: dict[tuple[int, ...], list[int]] = {}
        for place, matrix in enumerate(ahead):
            shapes.setdefault(tuple(matrix.shape), []).append(place)
        updates = list(ahead)
        for (rows, columns), places in shapes.items():
            stacked = torch.stack([ahead[place].view(parts, rows // parts, columns) for place in places])
            even = orthogonalized(stacked.flatten(0, 1).to(self._dtype)).to(parameters[0].dtype)
            even *= _RMS * math.sqrt(max(rows // parts, columns))
            for place, one in zip(places, even.reshape(len(places), rows, columns), strict=True):
                updates[place] = one
        return updates

    def _adam(self, parameters: list[Tensor]) -> list[Tensor]:
        gradients = [p.grad for p in parameters if p.grad is not None]
        first, second = ([self._moment(p, name) for p in parameters] for name in ("first", "second"))
        counts = [self.state[p].setdefault("steps", torch.zeros(())) for p in parameters]
        torch._foreach_add_(counts, 1.0)  # on the CPU: nothing waits for the device
        steps = counts[0].item()
        torch._foreach_lerp_(first, gradients, 1.0 - _BETAS[0])
        torch._foreach_mul_(second, _BETAS[1])
        torch._foreach_addcmul_(second, gradients, gradients, 1.0 - _BETAS[1])
        scale = torch._foreach_sqrt(second)
        torch._foreach_div_(scale, math.sqrt(1.0 - _BETAS[1] ** steps))
        torch._foreach_add_(scale, 1e-8)
        updates = torch._foreach_div(first, scale)
        torch._foreach_div_(updates, 1.0 - _BETAS[0] ** steps)
        return list(updates)

    def _moment(self, parameter: Tensor, name: str) -> Tensor:
        """A moment of a parameter, zero before the first step."""
        state: dict[str, Tensor] = self.state[parameter]
        if name not in state:
            state[name] = torch.zeros_like(parameter)
        return state[name]


def orthogonalized(matrices: Tensor) -> Tensor:
    """Approximate the nearest orthogonal matrices (N, R, C): all singular values end between about 0.7 and 1.2.

    Five steps of a Newton-Schulz iteration of fifth order, with the coefficients of the source of `Muon`.
    """
    tall = matrices.shape[1] > matrices.shape[2]
    X = matrices.mT if tall else matrices
    X = X / (X.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        A = X @ X.mT
        X = torch.baddbmm(X, torch.baddbmm(A, A, A, beta=-4.7750, alpha=2.0315), X, beta=3.4445)
    return X.mT if tall else X


def skip_nonfinite(norm: Tensor, model: nn.Module) -> None:
    """Skip a step whose gradient is not finite: one overflow in bf16 must not end a training.

    Args:
        norm: () norm of the gradient, on its device, so that nothing waits for it.
        model: its gradients become 0 unless the norm is finite.
    """
    finite = norm.isfinite()
    for p in model.parameters():
        if p.grad is not None:
            p.grad = p.grad.where(finite, 0.0)


def learning_rate_at(progress: float, config: TrainConfig) -> float:
    """The learning rate after a share of the training.

    It rises linearly over the first `warmup`. Then "cosine" decays by half a cosine to zero (SGDR, Loshchilov and
    Hutter, 2017, https://arxiv.org/abs/1608.03983, without restarts), "stable" is constant until the last `decay` of
    the training, where it decays linearly to zero (Scaling Laws and Compute-Optimal Training Beyond Fixed Training
    Durations, Hägele et al., 2024, https://arxiv.org/abs/2405.18392).
    """
    rise = min(1.0, progress / config.warmup) if config.warmup else 1.0
    if config.schedule == "cosine":
        return config.learning_rate * rise * 0.5 * (1.0 + math.cos(math.pi * progress))
    return config.learning_rate * min(rise, (1.0 - progress) / config.decay if config.decay else 1.0)


class WeightAverage:
    """An exponential moving average of a model's weights; a young average has a smaller decay.

    Source: Acceleration of stochastic approximation by averaging (Polyak and Juditsky, 1992).

    Args:
        model: its weights are the first average.
        decay: share of the old average kept at a step.
    """

    def __init__(self, model: SmilesVAE, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        for part in self.model.modules():
            if isinstance(part, GRU):
                part.flatten_parameters()  # cuDNN needs contiguous weights
        self._decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Add the weights after `step` steps."""
        keep = min(self._decay, (1 + step) / (10 + step))
        own: list[Tensor] = list(self.model.parameters())
        new: list[Tensor] = list(model.parameters())
        torch._foreach_lerp_(own, new, 1.0 - keep)
