"""Laws of the bounds on log p(x), and of the figures of a latent space."""

import math

import numpy as np
import pytest
import torch

from molvae import ConfigError
from molvae.metrics.latent import aggregate_mismatch, local_variance, mutual_information
from molvae.metrics.likelihood import importance_weighted
from molvae.model import DiagonalGaussian
from molvae.model.latent_codec import ElboTerms

SOME = ["CCO", "c1ccccc1", "CC(=O)Nc1ccccc1", "Cc1ccccc1"]


@pytest.fixture(scope="module")
def terms(vae):
    return vae.codec.elbo_terms(SOME, draws=2_000, seed=0)


def test_one_weight_is_the_elbo_in_expectation(terms):
    single = terms.log_ratio - terms.nll
    elbo = -(terms.nll.mean(0) + terms.kl)  # of the same draws, so that only the KL is estimated
    error = terms.log_ratio.std(0) / math.sqrt(len(single))
    assert (np.abs(single.mean(0) - elbo) < 5 * error).all()
    np.testing.assert_allclose(importance_weighted(terms, 1), single[0])


def test_the_bound_never_falls_with_the_draws_in_expectation(terms):
    def mean_bound(draws):
        groups = [
            importance_weighted(terms._replace(nll=terms.nll[at:], log_ratio=terms.log_ratio[at:]), draws)
            for at in range(0, 2_000, draws)
        ]
        return np.mean(groups, axis=0)

    bounds = np.array([mean_bound(draws) for draws in (1, 2, 4, 10, 50)])
    assert (np.diff(bounds, axis=0) > 0).all()


def test_the_bound_is_exact_where_the_posterior_is_and_does_not_overflow():
    # p(z) = N(0, 1), p(x|z) = N(x; z, 1), so q = N(x/2, 1/2) is the posterior, and each weight is p(x).
    x, rng = 1.3, np.random.default_rng(0)
    z = x / 2 + math.sqrt(0.5) * rng.standard_normal((7, 1))
    normal = lambda at, mean, var: -0.5 * ((at - mean) ** 2 / var + math.log(2 * math.pi * var))  # noqa: E731
    terms = ElboTerms(-normal(x, z, 1), normal(z, 0, 1) - normal(z, x / 2, 0.5), np.zeros(1), np.ones(1))
    for draws in (1, 3, 7):
        assert importance_weighted(terms, draws) == pytest.approx(normal(x, 0, 2))
    large = ElboTerms(np.array([[1e4], [1e4 + 1]]), np.zeros((2, 1)), np.zeros(1), np.ones(1))
    assert importance_weighted(large, 2) == pytest.approx(-1e4 + math.log((1 + math.exp(-1)) / 2))


def test_a_score_depends_on_the_molecule_and_the_seed_alone(vae):
    whole = vae.score(SOME, importance=3, seed=5)
    for row, one in enumerate(SOME):
        alone = vae.score([one], importance=3, seed=5)
        np.testing.assert_allclose(alone, whole.iloc[[row]], rtol=1e-5)
    turned = vae.score(SOME[::-1], importance=3, seed=5, batch_size=2)
    np.testing.assert_allclose(turned.iloc[::-1], whole, rtol=1e-5)
    assert not np.allclose(vae.score(SOME, seed=6)["elbo"], whole["elbo"])


def test_more_draws_begin_with_the_same(vae):
    few, many = (vae.codec.elbo_terms(SOME, draws=draws, seed=1) for draws in (2, 40))
    np.testing.assert_array_equal(few.log_ratio, many.log_ratio[:2])


def test_columns_and_what_they_mean(vae):
    table = vae.score([*SOME, "C1", "[Pt]", ""], importance=4, draws=2)
    assert list(table.columns) == ["reconstruction", "kl", "elbo", "tokens", "per_token", "bound"]
    assert table.iloc[4:].isna().all(axis=None) and table.iloc[:4].notna().all(axis=None)
    good = table.iloc[:4]
    assert list(good["tokens"]) == [4, 9, 16, 10]
    np.testing.assert_allclose(good["per_token"] * good["tokens"], good["reconstruction"])
    np.testing.assert_allclose(good["elbo"], -(good["reconstruction"] + good["kl"]))
    assert vae.score([]).empty and vae.elbo(SOME, seed=3).equals(
        vae.score(SOME, seed=3)[["reconstruction", "kl", "elbo"]]
    )
    assert "bound" not in vae.score(SOME)
    for wrong in ({"draws": 0}, {"importance": -1}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            vae.score(SOME, **wrong)


def test_terms_are_those_of_the_densities(vae):
    mean, std = (torch.from_numpy(each[0]) for each in vae.posterior(["CCO"]))
    terms = vae.codec.elbo_terms(["CCO"], draws=1_000, seed=0)
    posterior, prior = torch.distributions.Normal(mean, std), torch.distributions.Normal(0.0, 1.0)
    kl = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(torch.zeros(8), torch.ones(8))).sum()
    assert terms.kl[0] == pytest.approx(kl.item(), rel=1e-4)
    z = mean + std * torch.randn(1_000, 8, generator=torch.Generator().manual_seed(0))
    ratios = (prior.log_prob(z) - posterior.log_prob(z)).sum(1).numpy()
    assert terms.log_ratio.mean() == pytest.approx(float(ratios.mean()), abs=float(ratios.std()) * 6 / math.sqrt(500))
    assert terms.log_ratio.std() == pytest.approx(float(ratios.std()), rel=0.2)


def posterior(mean, std):
    return DiagonalGaussian(mean, torch.full_like(mean, 2 * math.log(std)))


def test_a_collapsed_posterior_knows_nothing():
    rng = torch.Generator().manual_seed(0)
    q = posterior(torch.zeros(600, 8), 1.0)
    assert mutual_information(q, torch.randn(600, 8, generator=rng)) == pytest.approx(0.0, abs=1e-6)
    assert aggregate_mismatch(q) == pytest.approx(0.0, abs=1e-6)


def test_posteriors_far_apart_know_which_molecule_it_is():
    rng = torch.Generator().manual_seed(0)
    mean = 100 * torch.randn(600, 8, generator=rng)
    q = posterior(mean, 0.1)
    z = mean + 0.1 * torch.randn(mean.shape, generator=rng)
    assert mutual_information(q, z) == pytest.approx(math.log(600), abs=1e-6)


def test_information_is_that_of_a_gaussian_channel():
    # mean ~ N(0, 1 - s^2), noise s: I = log 1/s a dimension, and q(z) is N(0, I)
    rng = torch.Generator().manual_seed(0)
    n, s = 4000, 0.6
    mean = math.sqrt(1 - s * s) * torch.randn(n, 2, generator=rng)
    q = posterior(mean, s)
    z = mean + s * torch.randn(mean.shape, generator=rng)
    assert mutual_information(q, z) == pytest.approx(2 * math.log(1 / s), abs=0.03)
    assert aggregate_mismatch(q) == pytest.approx(0.0, abs=0.005)


def test_mismatch_is_the_kl_of_a_shifted_and_scaled_gaussian():
    rng = torch.Generator().manual_seed(0)
    q = posterior(2.0 * torch.randn(20_000, 3, generator=rng) + 0.5, 0.01)
    exact = 3 * 0.5 * (4.0 + 0.25 - 1.0 - math.log(4.0))
    assert aggregate_mismatch(q) == pytest.approx(exact, rel=0.03)


def test_a_property_that_space_orders_varies_little_among_neighbours_and_another_as_anywhere():
    z = torch.randn(2000, 2, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(2000, generator=torch.Generator().manual_seed(1))
    assert local_variance(z, 3 * z[:, 0] + 7) < 0.02
    assert local_variance(z, noise) == pytest.approx(1.0, abs=0.05)
    mixed = z[:, 0] + noise
    assert local_variance(z, mixed) == pytest.approx(float(noise.var() / mixed.var()), abs=0.03)
    assert math.isnan(local_variance(z, torch.ones(2000)))


def test_neighbours_are_the_nearest_without_the_point_itself():
    z = torch.randn(300, 3, generator=torch.Generator().manual_seed(0))  # more than one block of rows
    values = z[:, 1].exp()
    distance = (z[:, None] - z).norm(dim=-1)
    nearest = distance.argsort(1)[:, 1:6]
    expected = values[nearest].var(1).mean() / values.var()
    assert local_variance(z, values, k=5) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(("n", "dimensions"), [(300, 64), (5000, 64), (5000, 128)])
def test_nothing_is_found_where_all_posteriors_together_are_the_prior(n, dimensions):
    """However many dimensions for however few molecules."""
    rng, s = torch.Generator().manual_seed(0), 0.5
    q = posterior(math.sqrt(1 - s * s) * torch.randn(n, dimensions, generator=rng), s)
    assert aggregate_mismatch(q) < 1e-3


def test_a_large_mismatch_in_many_dimensions_is_found_and_not_exceeded():
    rng, s = torch.Generator().manual_seed(0), 0.5
    spread = torch.linspace(0.6, 2.0, 64)  # standard deviation of q(z) by dimension
    exact = 0.5 * float((spread**2 + 0.01 - 1 - 2 * spread.log()).sum())
    found = []
    for n in (500, 5000):
        mean = (spread**2 - s * s).sqrt() * torch.randn(n, 64, generator=rng) + 0.1
        found.append(aggregate_mismatch(posterior(mean, s)))
    assert 0.7 * exact < found[0] < found[1] < 1.01 * exact and found[1] > 0.97 * exact
