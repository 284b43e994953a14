"""Laws of the flow that is compared with the prior: it is invertible, a density, and finds what N(0, I) is not."""

import math
from types import SimpleNamespace

import pytest
import torch

from molvae.benchmarks.flow_prior import RealNVP, fit_flow, mismatch
from molvae.benchmarks.moses import moses_rows
from molvae.errors import ConfigError
from molvae.model import DiagonalGaussian


def bent(dim=4, seed=0):
    """A flow that is no identity."""
    generator = torch.Generator().manual_seed(seed)
    flow = RealNVP(dim, generator)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    return flow.double()


def test_untrained_it_is_the_prior():
    flow, z = RealNVP(6, torch.Generator().manual_seed(0)), torch.randn(50, 6)
    assert torch.equal(flow(z), z)
    assert mismatch(flow, z) == 0.0


def test_its_density_is_that_of_its_draws():
    """By the change of variables: log f(z) = log p(noise) - log |dz/dnoise|."""
    flow = bent()
    for noise in torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)):
        jacobian = torch.autograd.functional.jacobian(lambda one: flow(one[None])[0], noise)
        log_p = -0.5 * (noise.square() + math.log(2 * math.pi)).sum()
        expected = log_p - torch.linalg.slogdet(jacobian).logabsdet
        assert flow.log_prob(flow(noise[None])).item() == pytest.approx(expected.item(), abs=1e-9)


def test_it_learns_where_the_posteriors_are():
    generator = torch.Generator().manual_seed(2)
    sign = torch.randint(0, 2, (4_000, 1), generator=generator) * 2.0 - 1.0
    mean = torch.cat([0.98 * sign, torch.zeros(4_000, 1)], dim=1)  # two places instead of one
    posterior = DiagonalGaussian(mean, torch.tensor([math.log(0.04), 0.0]).expand(4_000, 2))
    flow = fit_flow(posterior, epochs=30, seed=0)
    z = posterior.rsample(torch.randn(4_000, 2, generator=generator))
    # KL of the mixture: two Gaussians so narrow that they hardly meet, each with the weight 1/2.
    true = -0.5 * math.log(2 * math.pi * math.e * 0.04) - math.log(2) + 0.5 * (math.log(2 * math.pi) + 1.0004)
    found = mismatch(flow, z)
    assert 0.8 * true < found < 1.05 * true
    drawn = flow(torch.randn(4_000, 2, generator=generator))
    assert (drawn[:, 0].abs() < 0.3).float().mean() < 0.08
    assert 0.4 < (drawn[:, 0] > 0).float().mean() < 0.6


def test_the_same_seed_is_the_same_flow():
    posterior = DiagonalGaussian(torch.randn(600, 3), torch.zeros(600, 3))
    one, other, third = (fit_flow(posterior, epochs=1, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any(not torch.equal(one[name], third[name]) for name in one)


def test_one_dimension_is_refused_before_anything_is_computed():
    vae = SimpleNamespace(config=SimpleNamespace(latent_dim=1))
    with pytest.raises(ConfigError, match="latent space of two dimensions or more"):
        moses_rows(vae, flow=True)
