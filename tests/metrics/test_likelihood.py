"""Laws of the bounds on log p(x)."""

import math

import numpy as np
import pytest
import torch

from molvae import ConfigError, MolVAE
from molvae.metrics.likelihood import importance_weighted
from molvae.model.latent_codec import ElboTerms

SOME = ["CCO", "c1ccccc1", "CC(=O)Nc1ccccc1", "Cc1ccccc1"]


@pytest.fixture(scope="module")
def vae(tiny_run):
    return MolVAE.from_pretrained(tiny_run)


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


def test_the_bound_is_exact_where_the_posterior_is():
    # p(z) = N(0, 1), p(x|z) = N(x; z, 1), so q = N(x/2, 1/2) is the posterior, and each weight is p(x).
    x, rng = 1.3, np.random.default_rng(0)
    z = x / 2 + math.sqrt(0.5) * rng.standard_normal((7, 1))
    normal = lambda at, mean, var: -0.5 * ((at - mean) ** 2 / var + math.log(2 * math.pi * var))  # noqa: E731
    terms = ElboTerms(-normal(x, z, 1), normal(z, 0, 1) - normal(z, x / 2, 0.5), np.zeros(1), np.ones(1))
    for draws in (1, 3, 7):
        assert importance_weighted(terms, draws) == pytest.approx(normal(x, 0, 2))


def test_large_numbers_do_not_overflow():
    terms = ElboTerms(np.array([[1e4], [1e4 + 1]]), np.zeros((2, 1)), np.zeros(1), np.ones(1))
    assert importance_weighted(terms, 2) == pytest.approx(-1e4 + math.log((1 + math.exp(-1)) / 2))


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


@pytest.mark.parametrize("wrong", [{"draws": 0}, {"importance": -1}])
def test_settings_out_of_range(vae, wrong):
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))} must be at least"):
        vae.score(SOME, **wrong)
