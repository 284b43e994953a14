"""A GRU over tokens: `torch.nn.GRU` on an accelerator, and a faster implementation of the same function on a CPU.

It is faster on a CPU because the gradient of the recurrent weights is one matrix product over all steps, because
element-wise operations work in place on a buffer that stays in the cache, and because the gate inputs of tokens and of
a constant context are computed once, not at every step.

Source: Learning Phrase Representations using RNN Encoder-Decoder (Cho et al., 2014), https://arxiv.org/abs/1406.1078,
in the form of cuDNN, which applies the reset gate after the matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["GRU", "TokenReader"]


class GRU(nn.GRU):
    """L layers of a GRU in one direction; parameters, their names and initial values are those of `torch.nn.GRU`.

    All sequences are time-major, (T, B, ...).

    Args:
        input_size: I, size of the input of a step.
        hidden_size: H, units of a layer.
        num_layers: L.
        dropout: dropout between layers in training.
    """

    weight_ih_l0: Tensor
    bias_ih_l0: Tensor

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, *, dropout: float = 0.0) -> None:
        super().__init__(input_size, hidden_size, num_layers, dropout=dropout if num_layers > 1 else 0.0)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Read vectors.

        Args:
            x: (T, B, I)
            state: (L, B, H), before the first step; zeros by default.

        Returns:
            the last layer's states (T, B, H), and the state after the last step (L, B, H)
        """
        if x.device.type != "cpu":
            outputs, state = super().forward(x, state)
            return outputs, state
        return self._recur(F.linear(x, self.weight_ih_l0, self.bias_ih_l0), state)

    def over_tokens(
        self, tokens: Tensor, embedding: Tensor, context: Tensor | None = None, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Read the embedding of each token, joined with a context that is the same at every step.

        Args:
            tokens: (T, B)
            embedding: (V, E)
            context: (B, D) with E + D = I; None where E = I.
            state: as in `forward`.

        Returns:
            as in `forward`
        """
        if tokens.device.type != "cpu":
            x = F.embedding(tokens, embedding)
            if context is not None:
                x = torch.cat([x, context.to(x.dtype).expand(len(tokens), -1, -1)], dim=-1)
            return self.forward(x, state)
        gates = F.embedding(tokens, self._token_gates(embedding))
        if context is not None:
            gates = gates + self._context_gates(context)
        return self._recur(gates, state)

    def _token_gates(self, embedding: Tensor) -> Tensor:
        """The gate inputs of each token in the first layer, (V, 3H)."""
        return F.linear(embedding, self.weight_ih_l0[:, : embedding.shape[1]], self.bias_ih_l0)

    def _context_gates(self, context: Tensor) -> Tensor:
        """The gate inputs of a context (B, D) in the first layer, (B, 3H)."""
        return F.linear(context, self.weight_ih_l0[:, -context.shape[1] :])

    def _recur(
        self, gates: Tensor, state: Tensor | None, weights: Sequence[Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run all layers on the gate inputs of the first one (T, B, 3H), by default with the own recurrent weights."""
        if state is None:
            state = gates.new_zeros(self.num_layers, gates.shape[1], self.hidden_size)
        last: list[Tensor] = []
        outputs = gates
        for layer in range(self.num_layers):
            if layer:
                x = F.dropout(outputs, self.dropout, self.training)
                gates = F.linear(x, getattr(self, f"weight_ih_l{layer}"), getattr(self, f"bias_ih_l{layer}"))
            weight = getattr(self, f"weight_hh_l{layer}") if weights is None else weights[layer]
            bias = getattr(self, f"bias_hh_l{layer}")
            # One dtype throughout, that of the matrix products under autocast; autograd casts back.
            state_and_weights = (one.to(gates.dtype) for one in (state[layer], weight, bias))
            outputs = _Recurrence.apply(gates, *state_and_weights)  # type: ignore[no-untyped-call]
            last.append(outputs[-1])
        return outputs, torch.stack(last)


class TokenReader:
    """Reads one token at a time with a GRU, and computes what is constant only once.

    It has no gradient, and its states may differ in the last bits from those of a whole sequence. The arguments are
    those of `GRU.over_tokens`.
    """

    def __init__(self, gru: GRU, embedding: Tensor, context: Tensor, state: Tensor) -> None:
        self._gru, self._state = gru, state
        self._on_cpu = context.device.type == "cpu"
        self._table, self._context = embedding, context
        if self._on_cpu:
            self._table, self._context = gru._token_gates(embedding), gru._context_gates(context)
        # Transposed storage makes products of small batches a fifth faster.
        weights = (getattr(gru, f"weight_hh_l{layer}") for layer in range(gru.num_layers))
        self._weights = [weight.t().contiguous().t() for weight in weights] if self._on_cpu else None

    def read(self, tokens: Tensor) -> Tensor:
        """The last layer's states (B, H) after tokens (B,)."""
        gates = F.embedding(tokens, self._table)
        if self._on_cpu:
            outputs, self._state = self._gru._recur((gates + self._context)[None], self._state, self._weights)
        else:
            x = torch.cat([gates, self._context.to(gates.dtype)], dim=-1)
            outputs, self._state = self._gru(x[None], self._state)
        return outputs[0]

    def keep(self, rows: Tensor) -> None:
        """Continue with some rows of the batch only: a mask (B,), or indices."""
        self._context, self._state = self._context[rows], self._state[:, rows]


class _Recurrence(torch.autograd.Function):
    """One layer: gates of the input (T, B, 3H), state (B, H), weight (3H, H), bias (3H,) -> states (T, B, H).

    The gates are r, z, n, in this order:
    r, z = sigmoid(input + recurrent); n = tanh(input + r * recurrent); h' = n + z * (h - n)
    """

    @staticmethod
    def forward(ctx: Any, gates: Tensor, state: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        T, B, _ = gates.shape
        H = state.shape[1]
        states = gates.new_empty(T + 1, B, H)
        states[0] = state
        recurrent = gates.new_empty(T, B, 3 * H)  # r and z, and the recurrent share of n
        candidate = gates.new_empty(T, B, H)  # n
        back = weight.t()
        steps = zip(
            recurrent.unbind(),
            *(part.unbind() for part in torch.split(recurrent, [2 * H, H], -1)),
            *(part.unbind() for part in torch.split(recurrent, H, -1)[:2]),
            *(part.unbind() for part in torch.split(gates, [2 * H, H], -1)),
            candidate.unbind(),
            states[:-1].unbind(),
            states[1:].unbind(),
            strict=True,
        )
        for all_three, rz, share, r, z, in_rz, in_n, n, before, after in steps:
            torch.addmm(bias, before, back, out=all_three)
            rz.add_(in_rz).sigmoid_()
            torch.addcmul(in_n, r, share, out=n)
            n.mul_(2.0).sigmoid_().mul_(2.0).sub_(1.0)  # tanh, twice as fast as that of torch
            torch.lerp(n, before, z, out=after)
        ctx.save_for_backward(states, recurrent, candidate, weight)
        return states[1:]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        states, recurrent, candidate, weight = ctx.saved_tensors
        T, B, H = candidate.shape
        # Gradients before the nonlinearities: recurrent n, r, z and input n; two overlapping triples.
        inner = grad.new_empty(T, B, 4 * H)
        turned = torch.cat([weight[2 * H :], weight[: 2 * H]])  # rows n, r, z
        flow, kept, rest = (torch.zeros(B, H, dtype=grad.dtype), *grad.new_empty(2, B, H))
        steps = zip(
            grad.unbind(),
            *(part.unbind() for part in torch.split(inner, [H, 2 * H, H], -1)),
            *(part.unbind() for part in torch.split(inner, H, -1)[1:3]),
            inner[..., : 3 * H].unbind(),
            *(part.unbind() for part in torch.split(recurrent, [2 * H, H], -1)),
            *(part.unbind() for part in torch.split(recurrent, H, -1)[:2]),
            candidate.unbind(),
            states[:-1].unbind(),
            strict=True,
        )
        for here, d_share, d_rz, d_n, d_r, d_z, d_recurrent, rz, share, r, z, n, before in reversed(list(steps)):
            flow.add_(here)
            torch.mul(flow, z, out=kept)
            torch.sub(flow, kept, out=rest)
            torch.ops.aten.tanh_backward.grad_input(rest, n, grad_input=d_n)
            torch.mul(d_n, r, out=d_share)
            torch.mul(d_n, share, out=d_r)
            torch.sub(before, n, out=rest)
            torch.mul(rest, flow, out=d_z)
            torch.ops.aten.sigmoid_backward.grad_input(d_rz, rz, grad_input=d_rz)
            torch.addmm(kept, d_recurrent, turned, out=flow)
        flat = inner.view(T * B, 4 * H)
        d_turned = flat[:, : 3 * H].t() @ states[:-1].reshape(T * B, H)
        d_bias = flat[:, : 3 * H].sum(0)
        return (
            inner[..., H:],
            flow,
            torch.cat([d_turned[H:], d_turned[:H]]),
            torch.cat([d_bias[H:], d_bias[:H]]),
        )
