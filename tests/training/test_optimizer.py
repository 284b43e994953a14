"""Laws of the optimizer, its schedules, and of how many steps fit into a time."""

import copy
import math

import pytest
import torch

from molvae import ModelConfig, TrainConfig
from molvae.model import SmilesVAE
from molvae.training.optimizer import Muon, learning_rate_at, make_optimizer, orthogonalized, skip_nonfinite
from molvae.training.progress import Pace

SMALL = ModelConfig(latent_dim=6, embedding_dim=4, encoder_hidden=8, decoder_hidden=12, decoder_layers=2)


def model():
    torch.manual_seed(0)
    return SmilesVAE(SMALL, 9)


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 5, 12), (2, 12, 5)])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_singular_values_become_nearly_one(shape, scale):
    matrices = scale * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    singular = torch.linalg.svdvals(orthogonalized(matrices))
    assert singular.min() > 0.5 and singular.max() < 1.3
    # The singular vectors are those of the matrix: U S V' becomes nearly U V'.
    U, _, V = torch.linalg.svd(matrices, full_matrices=False)
    assert (orthogonalized(matrices) - U @ V).abs().mean() < 0.15


def test_no_gradient_is_no_update():
    assert torch.equal(orthogonalized(torch.zeros(2, 3, 4)), torch.zeros(2, 3, 4))


def test_the_parts_of_a_matrix_are_taken_one_by_one():
    """A step on the three gates of a GRU is that on three matrices."""
    generator = torch.Generator().manual_seed(0)
    whole = torch.nn.Parameter(torch.randn(12, 4, generator=generator))
    parts = [torch.nn.Parameter(one.clone()) for one in whole.detach().chunk(3)]
    whole.grad = torch.randn(12, 4, generator=generator)
    for part, gradient in zip(parts, whole.grad.chunk(3), strict=True):
        part.grad = gradient.clone()
    Muon([{"params": [whole], "parts": 3}], 0.1, 0.01, bf16=False).step()
    Muon([{"params": parts, "parts": 1}], 0.1, 0.01, bf16=False).step()
    torch.testing.assert_close(whole.detach(), torch.cat([part.detach() for part in parts]))


def test_without_parts_it_is_adamw():
    ours = [torch.nn.Parameter(torch.randn(5, 3, generator=torch.Generator().manual_seed(1)))]
    theirs = copy.deepcopy(ours)
    one = Muon([{"params": ours}], 0.05, 0.1, bf16=False)
    other = torch.optim.AdamW(theirs, lr=0.05, weight_decay=0.1, betas=(0.9, 0.99))
    for step in range(5):
        gradient = torch.randn(5, 3, generator=torch.Generator().manual_seed(10 + step))
        ours[0].grad, theirs[0].grad = gradient.clone(), gradient.clone()
        one.step()
        other.step()
        torch.testing.assert_close(ours[0], theirs[0])


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_every_parameter_is_in_one_group_and_vectors_are_not_decayed(name):
    it = model()
    optimizer = make_optimizer(it, TrainConfig(optimizer=name, weight_decay=0.3))
    grouped = [p for group in optimizer.param_groups for p in group["params"]]
    assert len(grouped) == len({id(p) for p in grouped}) == len(list(it.parameters()))
    for group in optimizer.param_groups:
        for p in group["params"]:
            assert group["weight_decay"] == (0.3 if p.ndim > 1 else 0.0)


def test_muon_takes_the_gates_of_every_gru_and_no_table():
    it = model()
    gates, others, tables, _ = make_optimizer(it, TrainConfig(optimizer="muon")).param_groups
    names = {id(p): name for name, p in it.named_parameters()}
    assert {names[id(p)].split(".")[-1][:9] for p in gates["params"]} == {"weight_ih", "weight_hh"}
    assert {names[id(p)] for p in others["params"]} == {"encoder.to_posterior.weight", "decoder.to_state.weight"}
    assert {names[id(p)] for p in tables["params"]} == {
        "encoder.embedding.weight", "decoder.embedding.weight", "decoder.to_logits.weight",
    }  # fmt: skip


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_is_left_out(bad):
    it = model()
    for p in it.parameters():
        p.grad = torch.ones_like(p)
    it.decoder.to_logits.bias.grad[0] = bad
    norm = torch.nn.utils.clip_grad_norm_(it.parameters(), 1.0)
    skip_nonfinite(norm, it)
    assert all(torch.equal(p.grad, torch.zeros_like(p)) for p in it.parameters())


def test_a_finite_gradient_stays():
    it = model()
    for p in it.parameters():
        p.grad = torch.ones_like(p)
    skip_nonfinite(torch.tensor(3.0), it)
    assert all(torch.equal(p.grad, torch.ones_like(p)) for p in it.parameters())


def test_a_stable_learning_rate_rises_stays_and_falls():
    config = TrainConfig(learning_rate=2.0, schedule="stable", warmup=0.1, decay=0.4)
    rates = [learning_rate_at(progress, config) for progress in (0.0, 0.05, 0.1, 0.35, 0.6, 0.8, 1.0)]
    assert rates == pytest.approx([0.0, 1.0, 2.0, 2.0, 2.0, 1.0, 0.0])
    assert learning_rate_at(1.0, config.replace(decay=0.0)) == 2.0


@pytest.mark.parametrize("seconds", [1.0, 30.0, 600.0, 36_000.0])
@pytest.mark.parametrize("check", [0.0, 0.5, 20.0])
@pytest.mark.parametrize("per_epoch", [3, 1000])
def test_what_fits_into_a_time_fills_it(seconds, check, per_epoch):
    steps, between = Pace(step=0.1, check=check).fit(seconds, per_epoch)
    checks = max(1, -(-steps // (per_epoch * between)))
    taken = 0.1 * steps + check * checks
    assert steps >= 1 and between >= 1
    assert taken <= seconds + 0.1 + check or steps == 1
    if seconds > 10 * check + 10:
        assert taken > 0.85 * seconds  # it is not left idle
        assert (checks - 1) * check <= 0.05 * seconds  # nor spent on measuring
