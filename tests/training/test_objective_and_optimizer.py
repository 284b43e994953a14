"""Laws of the objective, its schedules, the coupling, the plan, the optimizer, and of steps that fit into a time."""

import copy
import itertools
import math
from contextlib import ExitStack
from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from molvae import ConfigError, ModelConfig, TrainConfig
from molvae.model import DiagonalGaussian, SmilesVAE, VAEOutput
from molvae.training.coupling import PriorMatching, couple
from molvae.training.objective import beta_at, loss_terms, mask_tokens
from molvae.training.optimizer import (
    Muon,
    WeightAverage,
    learning_rate_at,
    make_optimizer,
    orthogonalized,
    skip_nonfinite,
)
from molvae.training.plan import Plan
from molvae.training.progress import Pace


def output(prior=None):
    generator = torch.Generator().manual_seed(0)
    posterior = DiagonalGaussian(*torch.randn(2, 5, 3, generator=generator))
    return VAEOutput(posterior, torch.arange(5.0), prior)


def test_loss_is_the_sum_of_its_terms_in_nats_per_molecule():
    out = output(prior=torch.full((5,), 7.0))
    terms = loss_terms(out, free_bits=0.0)
    kl = out.posterior.kl().sum(1).mean()
    torch.testing.assert_close(terms.loss(beta=0.5, coupling_weight=2.0), 2.0 + 0.5 * kl + 14.0)
    assert terms.kl == terms.charged_kl
    assert loss_terms(output(), 0.0).prior == 0.0


def test_free_bits_charge_each_dimension_at_least_that_much():
    out = output()
    each = out.posterior.kl().mean(0)
    between = float(each.sort().values[1])
    terms = loss_terms(out, free_bits=between)
    torch.testing.assert_close(terms.charged_kl, each.clamp(min=between).sum())
    assert terms.charged_kl > terms.kl == each.sum()


def test_beta_schedules():
    for schedule, course in (
        ("constant", {0.0: 0.4}),
        ("linear", {0.0: 0.0, 0.1: 0.2, 0.2: 0.4, 0.9: 0.4}),
        ("cyclical", {0.0: 0.0, 0.05: 0.2, 0.2: 0.4, 0.5: 0.0, 0.55: 0.2, 1.0: 0.4}),
    ):
        config = TrainConfig(beta=0.4, beta_schedule=schedule, beta_warmup=0.2, beta_cycles=2)
        assert {at: beta_at(at, config) for at in course} == pytest.approx(course)


def test_learning_rates_rise_may_stay_and_fall_to_zero():
    config = TrainConfig(learning_rate=1.0, warmup=0.1)
    rates = [learning_rate_at(progress, config) for progress in np.linspace(0, 1, 101)]
    top = int(np.argmax(rates))
    assert rates[0] == 0.0 and rates[-1] == pytest.approx(0.0) and 8 <= top <= 11
    assert all(np.diff(rates[: top + 1]) > 0) and all(np.diff(rates[top:]) < 0)
    stable = TrainConfig(learning_rate=2.0, schedule="stable", warmup=0.1, decay=0.4)
    course = {0.0: 0.0, 0.05: 1.0, 0.1: 2.0, 0.35: 2.0, 0.6: 2.0, 0.8: 1.0, 1.0: 0.0}
    assert {at: learning_rate_at(at, stable) for at in course} == pytest.approx(course)
    assert learning_rate_at(1.0, stable.replace(decay=0.0)) == 2.0


def test_masking_spares_the_start_and_is_of_the_share_asked_for():
    tokens = torch.full((400, 51), 7)
    tokens[:, 0] = 1
    masked = mask_tokens(tokens, 0.3, bos_id=1, mask_id=3, generator=torch.Generator().manual_seed(0))
    assert bool((masked[:, 0] == 1).all())
    assert (masked[:, 1:] == 3).float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert mask_tokens(tokens, 0.0, bos_id=1, mask_id=3, generator=torch.Generator()) is tokens


def test_coupling_uses_every_draw_once_and_shortens_the_way_the_more_the_larger_its_blocks():
    rng = np.random.default_rng(0)
    means, draws = rng.standard_normal((2, 400, 4), dtype=np.float32)
    ways = [((draws - means) ** 2).sum()]
    for size in (20, 100, 400):
        matched = couple(means, draws, size, np.random.default_rng(1))
        assert sorted(map(tuple, matched)) == sorted(map(tuple, draws))
        ways.append(((matched - means) ** 2).sum())
    assert ways == sorted(ways, reverse=True) and ways[2] < 0.6 * ways[0]


def coupled_pools(it, threads=2):
    """Of a plan, with means far from the prior: the coupling must not care."""
    far = partial(np.full, fill_value=3.0, dtype=np.float32)
    return PriorMatching(it, lambda rows: far((len(rows), 2)), threads, torch.device("cpu"))


def test_coupled_draws_are_exactly_the_prior():
    it = plan(4000, pool_size=4000, coupling_start=0.0)
    with coupled_pools(it) as pools:
        pools.enter(0)
        draws = pools.draws(np.arange(4000))
    assert all(kstest(draws[:, d].numpy(), "norm").pvalue > 0.01 for d in range(2))


def test_coupled_draws_do_not_depend_on_threads_or_a_break():
    it = plan(coupling_start=0.4)  # of 9 pools the first 4 are plain
    given = []
    for threads, breaks in ((1, ()), (3, (2, 4, 5))):
        state, seen = {}, []
        with ExitStack() as stack:
            pools = stack.enter_context(coupled_pools(it, threads=threads))
            for pool in range(9):
                pools.enter(pool)
                if pool in breaks:
                    state = pools.state()
                    pools = stack.enter_context(coupled_pools(it))
                    pools.restore(state)
                    pools.enter(pool)
                seen.append(pools.draws(np.arange(5)))
                pools.leave()
        given.append(seen)
    for one, other in zip(*given, strict=True):
        assert (one is None and other is None) or torch.equal(one, other)
    assert [draws is None for draws in given[0]] == [True] * 4 + [False] * 5


def test_weight_average_follows_the_formula():
    model = torch.nn.Linear(1, 1, bias=False)
    average = WeightAverage(model, decay=0.5)
    start = model.weight.item()
    with torch.no_grad():
        model.weight.fill_(start + 1.0)
    average.update(model, step=1000)
    assert average.model.weight.item() == pytest.approx(start + 0.5)
    average.update(model, step=0)  # a young average keeps a tenth
    assert average.model.weight.item() == pytest.approx(start + 0.95)


def plan(n=1000, **settings):
    config = TrainConfig(**{"epochs": 3, "pool_size": 300, "batch_size": 32, "block_size": 100, **settings})
    lengths = np.random.default_rng(0).integers(3, 60, 2 * n)
    return Plan(np.arange(0, 2 * n, 2), lengths, config)


def test_every_epoch_visits_every_molecule_once_in_batches_of_similar_length_that_the_seed_decides():
    it = plan()
    for epoch in range(3):
        pools = range(epoch * it.pools_per_epoch, (epoch + 1) * it.pools_per_epoch)
        batches = [it.pool(pool)[batch] for pool in pools for batch in it.batches(pool)]
        assert sorted(np.concatenate(batches)) == list(range(0, 2000, 2))
        assert len(batches) == it.steps_per_epoch
    assert it.steps == 3 * it.steps_per_epoch
    spans = [np.ptp(it.lengths[it.pool(0)[batch]]) for batch in it.batches(0)]
    assert max(spans) <= 15  # of 57, for ten batches of a pool
    same, other = plan(), plan(seed=1)
    assert all(map(np.array_equal, it.batches(5), same.batches(5)))
    assert not np.array_equal(it.pool(0), other.pool(0)) and not np.array_equal(it.pool(0), it.pool(3))


@pytest.mark.parametrize("steps", [1, 10, 11, 33, 70])
def test_a_number_of_steps_may_end_within_an_epoch(steps):
    """The same batches as of a plan by epochs, and no more pools than these steps reach."""
    whole, it = plan(epochs=9), plan(steps=steps)
    assert it.steps == steps and it.steps_per_epoch == whole.steps_per_epoch
    sizes = [len(list(it.batches(pool))) for pool in range(it.pools)]
    assert sum(sizes[:-1]) < steps <= sum(sizes)
    assert it.epochs == -(-steps // it.steps_per_epoch)
    assert all(np.array_equal(it.pool(pool), whole.pool(pool)) for pool in range(it.pools))
    assert plan(steps=steps, coupling_start=0.0).coupled(it.pools - 1) and not it.coupled(it.pools)


def test_coupling_begins_where_it_is_told_and_ends_with_the_training():
    it = plan(coupling_start=0.5)
    per = it.pools_per_epoch
    assert [it.coupled(pool) for pool in (0, per, 2 * per, 3 * per - 1, 3 * per)] == [False, False, True, True, False]
    assert not plan(coupling_weight=0.0).coupled(per)


def test_a_bad_setting_is_named():
    for name, wrong in (("epochs", 0), ("beta", -1), ("beta", math.nan), ("valid", 0.0), ("split", "time")):
        with pytest.raises(ConfigError, match=name):
            TrainConfig(**{name: wrong})
    for name, wrong in (("epoch", 3), ("batch_size", "many"), ("seed", 2**64)):
        with pytest.raises(ConfigError, match=name):
            TrainConfig(**{name: wrong})


SMALL = ModelConfig(latent_dim=6, embedding_dim=4, encoder_hidden=8, decoder_hidden=12, decoder_layers=2)


def model():
    torch.manual_seed(0)
    return SmilesVAE(SMALL, 9)


def test_singular_values_become_nearly_one():
    for shape, scale in (((3, 8, 8), 1e-6), ((2, 5, 12), 1.0), ((2, 12, 5), 1e6)):
        matrices = scale * torch.randn(shape, generator=torch.Generator().manual_seed(0))
        singular = torch.linalg.svdvals(orthogonalized(matrices))
        assert singular.min() > 0.5 and singular.max() < 1.3
        # The singular vectors are those of the matrix: U S V' becomes nearly U V'.
        U, _, V = torch.linalg.svd(matrices, full_matrices=False)
        assert (orthogonalized(matrices) - U @ V).abs().mean() < 0.15
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


def test_every_parameter_is_in_one_group_and_vectors_are_not_decayed():
    it = model()
    for name in ("muon", "adamw"):
        groups = make_optimizer(it, TrainConfig(optimizer=name, weight_decay=0.3)).param_groups
        grouped = [p for group in groups for p in group["params"]]
        assert len(grouped) == len({id(p) for p in grouped}) == len(list(it.parameters()))
        assert all(group["weight_decay"] == 0.3 * (p.ndim > 1) for group in groups for p in group["params"])


def test_muon_takes_the_gates_of_every_gru_and_no_table():
    it = model()
    gates, others, tables, _ = make_optimizer(it, TrainConfig(optimizer="muon")).param_groups
    names = {id(p): name for name, p in it.named_parameters()}
    assert {names[id(p)].split(".")[-1][:9] for p in gates["params"]} == {"weight_ih", "weight_hh"}
    assert {names[id(p)] for p in others["params"]} == {"encoder.to_posterior.weight", "decoder.to_state.weight"}
    assert {names[id(p)] for p in tables["params"]} == {
        "encoder.embedding.weight", "decoder.embedding.weight", "decoder.to_logits.weight",
    }  # fmt: skip


def test_a_gradient_that_is_not_finite_is_left_out():
    it = model()
    for norm, stays in ((math.nan, 0.0), (math.inf, 0.0), (3.0, 1.0)):
        for p in it.parameters():
            p.grad = torch.ones_like(p)
        skip_nonfinite(torch.tensor(norm), it)
        assert all(torch.equal(p.grad, torch.full_like(p, stays)) for p in it.parameters())


def test_what_fits_into_a_time_fills_it():
    for seconds, check, per_epoch in itertools.product((1.0, 30.0, 600.0, 36_000.0), (0.0, 0.5, 20.0), (3, 1000)):
        steps, between = Pace(step=0.1, check=check).fit(seconds, per_epoch)
        checks = max(1, -(-steps // (per_epoch * between)))
        taken = 0.1 * steps + check * checks
        assert steps >= 1 and between >= 1
        assert steps == 1 or taken <= seconds + 0.1 + check
        if seconds > 10 * check + 10:
            assert taken > 0.85 * seconds  # it is not left idle
            assert (checks - 1) * check <= 0.05 * seconds  # nor spent on measuring
