"""The GRU is torch's: the same function, the same gradients, the same parameters."""

import pytest
import torch
from torch import nn

from molvae.model.encoder import _Reversed
from molvae.model.gru import GRU, TokenReader

T, B, E, D, H = 6, 5, 3, 4, 7


def pair(layers: int, size: int = E + D) -> tuple[GRU, nn.GRU]:
    torch.manual_seed(0)
    ours, reference = GRU(size, H, layers).double(), nn.GRU(size, H, layers).double()
    reference.load_state_dict(ours.state_dict())
    return ours, reference


def draws(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.double, requires_grad=True)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("with_state", [True, False])
def test_states_and_gradients_are_those_of_torch(layers, with_state):
    ours, reference = pair(layers)
    x, given = draws(T, B, E + D), draws(layers, B, H)
    weights = [torch.randn(T, B, H).double(), torch.randn(layers, B, H).double()]
    results = []
    for gru in (ours, reference):
        outputs, state = gru(x, given if with_state else None)
        loss = (outputs * weights[0]).sum() + (state * weights[1]).sum()
        wanted = [x, *gru.parameters(), *([given] if with_state else [])]
        results.append([outputs, state, *torch.autograd.grad(loss, wanted)])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("with_context", [True, False])
def test_tokens_are_read_as_their_embeddings_with_the_context(with_context):
    ours, reference = pair(2, E + D * with_context)
    tokens, embedding, context = torch.randint(9, (T, B)), draws(9, E), draws(B, D)
    state = draws(2, B, H)
    x = embedding[tokens]
    if with_context:
        x = torch.cat([x, context.expand(T, -1, -1)], dim=-1)
    inputs = [embedding, state, *([context] if with_context else [])]
    results = []
    for gru, (outputs, last) in (
        (ours, ours.over_tokens(tokens, embedding, context if with_context else None, state)),
        (reference, reference(x, state)),
    ):
        loss = outputs.square().sum() + last.sin().sum()
        results.append([outputs, last, *torch.autograd.grad(loss, [*inputs, *gru.parameters()])])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-12)


def test_bf16_is_the_same_function_to_its_precision():
    torch.manual_seed(0)
    gru = GRU(E + D, H, 2)
    x = torch.randn(T, B, E + D)
    exact, _ = gru(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough, _ = gru(x)
    rough.float().sum().backward()
    assert rough.dtype == torch.bfloat16
    torch.testing.assert_close(rough.float(), exact, rtol=0.05, atol=0.02)
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in gru.parameters())


def test_dropout_acts_between_layers_in_training_only():
    torch.manual_seed(0)
    gru, x = GRU(E, H, 2, dropout=0.5), torch.randn(T, B, E)
    assert not torch.equal(gru(x)[0], gru(x)[0])
    gru.eval()
    assert torch.equal(gru(x)[0], gru(x)[0])
    single = GRU(E, H, 1, dropout=0.5)
    assert torch.equal(single(x)[0], single(x)[0])


@pytest.mark.parametrize("layers", [1, 3])
def test_a_reader_is_the_whole_sequence_and_lets_rows_go(layers):
    ours, _ = pair(layers)
    tokens, embedding, context = torch.randint(9, (T, B)), draws(9, E), draws(B, D)
    state, kept = draws(layers, B, H), torch.tensor([True, False, True, True, False])
    whole, _ = ours.over_tokens(tokens, embedding, context, state)
    with torch.inference_mode():
        reader = TokenReader(ours, embedding, context, state)
        first = [reader.read(tokens[t]) for t in range(3)]
        reader.keep(kept)
        last = [reader.read(tokens[t, kept]) for t in range(3, T)]
    torch.testing.assert_close(torch.stack(first), whole[:3])
    torch.testing.assert_close(torch.stack(last), whole[3:, kept])


def test_turning_round_is_its_own_inverse_and_gradient():
    lengths = torch.tensor([6, 3, 1, 4, 2])
    position = torch.arange(T)[:, None]
    turned = torch.where(position < lengths, lengths - 1 - position, position)
    reverse = (turned * B + torch.arange(B)).flatten()
    states = draws(T, B, 2)
    once = _Reversed.apply(states, reverse)
    assert torch.equal(once[0, :, 0], states[lengths - 1, torch.arange(B), 0])
    assert torch.equal(_Reversed.apply(once, reverse), states)
    assert torch.autograd.gradcheck(lambda x: _Reversed.apply(x, reverse), states)
