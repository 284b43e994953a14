"""Laws of the figures of a latent space."""

import math

import pytest
import torch

from molvae.metrics.latent import aggregate_mismatch, local_variance, mutual_information
from molvae.model import DiagonalGaussian


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
