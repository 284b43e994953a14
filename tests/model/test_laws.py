"""Laws of the model: padding never leaks, the KL is right, gradients reach everything, both decoders agree."""

import math

import pytest
import torch

from molvae import ModelConfig
from molvae.config import Decoding
from molvae.model import DiagonalGaussian, SmilesVAE, generate, slerp

CONFIGS = [
    ModelConfig(latent_dim=6, embedding_dim=5, encoder_hidden=7, decoder_hidden=9),
    ModelConfig(latent_dim=6, embedding_dim=5, encoder_hidden=7, decoder_hidden=9, encoder_layers=2, decoder_layers=3),
]


@pytest.fixture(params=CONFIGS, ids=["one layer", "several layers"])
def model(request, corpus):
    torch.manual_seed(0)
    model = SmilesVAE(request.param, len(corpus.tokenizer)).eval()
    with torch.no_grad():  # weights of order one: a young model hardly tells one molecule from another
        for parameter in model.parameters():
            parameter.mul_(3.0)
    return model


def decoded(model, corpus, z, uniforms=None, max_length=40, prefix=None, **how):
    decoding = Decoding(**{"temperature": 0.0 if uniforms is None else 1.0, "max_length": max_length, **how})
    ends = {"bos_id": corpus.tokenizer.bos_id, "eos_id": corpus.tokenizer.eos_id}
    return generate(model.decoder, z, decoding, **ends, uniforms=uniforms, prefix=prefix)


def test_nothing_depends_on_batch_mates(model, corpus):
    whole = corpus.batch(range(len(corpus)))
    together = model.encoder(whole.tokens, whole.lengths)
    z = torch.randn(len(corpus), 6, generator=torch.Generator().manual_seed(1))
    nll = model.nll(whole.tokens, whole.lengths, z)
    uniforms = torch.rand(len(corpus), 40, generator=torch.Generator().manual_seed(2))
    samples = decoded(model, corpus, z, uniforms)
    for row in range(len(corpus)):
        alone = corpus.batch([row])
        assert alone.tokens.shape[1] <= whole.tokens.shape[1]
        posterior = model.encoder(alone.tokens, alone.lengths)
        torch.testing.assert_close(posterior.mean[0], together.mean[row])
        torch.testing.assert_close(posterior.log_var[0], together.log_var[row])
        torch.testing.assert_close(model.nll(alone.tokens, alone.lengths, z[row : row + 1])[0], nll[row])
        assert torch.equal(decoded(model, corpus, z[row : row + 1], uniforms[row : row + 1])[0], samples[row])


def test_encoder_reads_both_ends(model, corpus):
    batch = corpus.batch([0])
    first, last = batch.tokens.clone(), batch.tokens.clone()
    first[0, 1], last[0, -2] = corpus.tokenizer.mask_id, corpus.tokenizer.mask_id
    means = [model.encoder(tokens, batch.lengths).mean for tokens in (batch.tokens, first, last)]
    assert not torch.allclose(means[0], means[1]) and not torch.allclose(means[0], means[2])


def test_analytic_kl_is_that_of_torch_and_of_monte_carlo():
    generator = torch.Generator().manual_seed(0)
    gaussian = DiagonalGaussian(*torch.randn(2, 3, 4, generator=generator))
    normal = torch.distributions.Normal(gaussian.mean, gaussian.std)
    exact = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(gaussian.kl(), exact)
    z = torch.randn(3, 4, generator=generator)
    torch.testing.assert_close(gaussian.log_prob(z), normal.log_prob(z).sum(1))
    prior, total, n = DiagonalGaussian(torch.zeros(3, 4), torch.zeros(3, 4)), torch.zeros(3), 20_000
    for _ in range(n):
        z = gaussian.rsample(torch.randn(3, 4, generator=generator))
        total += gaussian.log_prob(z) - prior.log_prob(z)
    torch.testing.assert_close(total / n, gaussian.kl().sum(1), rtol=0.03, atol=0.05)


def test_rsample_has_the_moments_and_the_gradient():
    mean = torch.full((50_000, 1), 2.0, requires_grad=True)
    gaussian = DiagonalGaussian(mean, torch.full((50_000, 1), math.log(9.0)))
    z = gaussian.rsample(torch.randn(50_000, 1, generator=torch.Generator().manual_seed(0)))
    assert z.mean().item() == pytest.approx(2.0, abs=0.05) and z.std().item() == pytest.approx(3.0, abs=0.05)
    z.sum().backward()
    assert mean.grad is not None and bool((mean.grad == 1).all())


@pytest.mark.parametrize("coupled", [False, True])
def test_gradient_reaches_every_parameter(model, corpus, coupled):
    batch = corpus.batch(range(len(corpus)))
    draws = torch.randn(len(corpus), 6, generator=torch.Generator().manual_seed(0)) if coupled else None
    noise = torch.randn(len(corpus), 6, generator=torch.Generator().manual_seed(1))
    output = model.train()(*batch, noise, coupled=draws)
    (output.nll.sum() + output.posterior.kl().sum()).backward()
    assert (output.prior_nll is not None) == coupled
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_coupled_term_does_not_reach_the_encoder(model, corpus):
    batch = corpus.batch(range(4))
    output = model.train()(*batch, torch.randn(4, 6), coupled=torch.zeros(4, 6))
    output.prior_nll.sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in model.encoder.parameters())
    assert any(p.grad is not None and p.grad.any() for p in model.decoder.parameters())


def test_coupled_pass_equals_two_passes(model, corpus):
    batch, draws = corpus.batch(range(6)), torch.randn(6, 6, generator=torch.Generator().manual_seed(3))
    noise = torch.randn(len(draws), 6, generator=torch.Generator().manual_seed(1))
    output = model(*batch, noise, coupled=draws)
    alone = model(*batch, noise)
    torch.testing.assert_close(output.nll, alone.nll)
    torch.testing.assert_close(output.prior_nll, model.nll(*batch, draws))


def test_nll_is_that_of_the_logits(model, corpus):
    batch, z = corpus.batch([3]), torch.zeros(1, 6)
    logits = torch.log_softmax(model.decoder(batch.tokens[:, :-1], z), -1)[0]
    expected = -sum(logits[t, batch.tokens[0, t + 1]] for t in range(int(batch.lengths[0]) - 1))
    torch.testing.assert_close(model.nll(*batch, z)[0], expected)


def test_teacher_forced_greedy_is_step_wise_greedy(model, corpus):
    z = 2.0 * torch.randn(16, 6, generator=torch.Generator().manual_seed(0))
    ids = decoded(model, corpus, z)
    inputs = torch.nn.functional.pad(ids, (1, 0), value=corpus.tokenizer.bos_id)[:, :-1]
    forced = model.decoder(inputs, z).argmax(-1)
    for row, greedy in zip(ids, forced, strict=True):
        ended = (row == corpus.tokenizer.eos_id).nonzero()
        upto = int(ended[0]) + 1 if len(ended) else len(row)
        assert torch.equal(row[:upto], greedy[:upto])


def test_draws_follow_the_distribution(model, corpus):
    n = 20_000
    z = torch.ones(1, 6)
    uniforms = torch.rand(n, 1, generator=torch.Generator().manual_seed(0))
    first = decoded(model, corpus, z.expand(n, -1), uniforms, max_length=1)[:, 0]
    bos = torch.full((1, 1), corpus.tokenizer.bos_id)
    expected = torch.softmax(model.decoder(bos, z)[0, 0], -1)
    seen = torch.bincount(first, minlength=len(expected)) / n
    torch.testing.assert_close(seen, expected, atol=0.015, rtol=0.0)


@pytest.mark.parametrize("top_p", [0.1, 0.5, 0.9])
def test_nucleus_is_the_smallest_set_that_is_likely_enough(model, corpus, top_p):
    n, z, ids = 5_000, torch.ones(1, 6), corpus.tokenizer
    uniforms = torch.rand(n, 1, generator=torch.Generator().manual_seed(0))
    drawn = decoded(model, corpus, z.expand(n, -1), uniforms, max_length=1, top_p=top_p)
    expected = torch.softmax(model.decoder(torch.full((1, 1), ids.bos_id), z)[0, 0], -1)
    order = expected.argsort(descending=True)
    size = int((expected[order].cumsum(0) < top_p).sum()) + 1
    assert set(drawn[:, 0].tolist()) <= set(order[:size].tolist())
    assert size == 1 or len(set(drawn[:, 0].tolist())) > 1


def test_low_temperature_is_greedy(model, corpus):
    z = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
    uniforms = torch.rand(8, 30, generator=torch.Generator().manual_seed(0))
    cold = decoded(model, corpus, z, uniforms, max_length=30, temperature=1e-4)
    assert torch.equal(cold, decoded(model, corpus, z, max_length=30))


def test_slerp_starts_and_ends_at_its_ends_and_keeps_the_norm():
    a, b = torch.randn(2, 10, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(slerp(a, b, 0.0), a)
    torch.testing.assert_close(slerp(a, b, 1.0), b)
    norms = slerp(a, b, torch.linspace(0, 1, 10)[:, None]).norm(dim=1)
    assert bool((norms <= torch.maximum(a.norm(dim=1), b.norm(dim=1)) * 1.0001).all())
    assert bool((norms >= torch.minimum(a.norm(dim=1), b.norm(dim=1)) * 0.9999).all())


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_slerp_of_parallel_points_is_between_them(factor):
    a = torch.ones(1, 4)
    torch.testing.assert_close(slerp(a, factor * a, 0.5), a * (1 + factor) / 2)
    assert bool(slerp(a, -a, 0.5).isfinite().all()) and bool(slerp(0 * a, a, 0.5).isfinite().all())


def test_a_prefix_stands_and_what_follows_is_as_if_it_had_been_drawn(model, corpus):
    z = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
    uniforms = torch.rand(8, 40, generator=torch.Generator().manual_seed(2))
    ids = corpus.tokenizer
    free = decoded(model, corpus, z, uniforms)
    own = free[:, :5]
    foreign = torch.full((8, 3), ids.ids["C"])
    foreign[0, 1:] = ids.eos_id  # a shorter one
    for prefix, expected in ((own, free), (foreign, None)):
        given = decoded(model, corpus, z, uniforms, prefix=prefix)
        inside = prefix != ids.eos_id
        assert torch.equal(given[:, : prefix.shape[1]][inside], prefix[inside])
        assert expected is None or torch.equal(given, expected)


def test_what_ends_does_so_whatever_the_longest_string_may_be(model, corpus):
    """More steps, and the random numbers for them, change nothing of what has ended before."""
    eos, n = corpus.tokenizer.eos_id, 200
    z = torch.randn(n, 6, generator=torch.Generator().manual_seed(4))
    uniforms = torch.rand(n, 40, generator=torch.Generator().manual_seed(5))
    long = decoded(model, corpus, z, uniforms)
    ended = dict.fromkeys((1, 5, 12), 0)
    for length in ended:
        short = decoded(model, corpus, z, uniforms[:, :length], max_length=length)
        assert short.shape == (n, length + 1) and torch.equal(short[:, :length], long[:, :length])
        whole = (long[:, :length] == eos).any(1)
        assert bool((short[whole, length] == eos).all())
        ended[length] = int(whole.sum())
        inputs = torch.nn.functional.pad(short, (1, 0), value=corpus.tokenizer.bos_id)[:, :-1]
        assert torch.equal(short[~whole, length], model.decoder(inputs, z).argmax(-1)[~whole, length])
    assert 0 < ended[5] < n
