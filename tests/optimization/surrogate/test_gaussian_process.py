"""The posterior is that of scikit-learn; leave-one-out is a fit without one value."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF

from molvae.optimization.surrogate.gaussian_process import GaussianProcess

NOISE = 1e-3


@pytest.fixture
def case():
    """A kernel matrix of 40 points, of which 30 are known, and two outputs."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(40, 3))
    kernel = RBF(1.5)(points)
    return points, kernel, rng.normal(size=(30, 2))


def process_of(kernel, values, noise=NOISE):
    process = GaussianProcess(kernel[:30, :30], values, noise)
    return process, process.whitened(kernel[30:, :30])


def test_the_posterior_is_that_of_scikit_learn(case):
    points, kernel, values = case
    process, white = process_of(kernel, values)
    other = GaussianProcessRegressor(RBF(1.5), alpha=NOISE, optimizer=None).fit(points[:30], values)
    mean, covariance = other.predict(points[30:], return_cov=True)
    assert process.mean(white) == pytest.approx(mean, abs=1e-8)
    assert process.covariance(white, kernel[30:, 30:]) == pytest.approx(covariance[:, :, 0], abs=1e-8)
    assert process.variance(white) == pytest.approx(np.diag(covariance[:, :, 0]), abs=1e-8)


def test_what_is_left_out_is_expected_as_by_a_fit_to_the_others(case):
    _, kernel, values = case
    left_out = process_of(kernel, values)[0].leave_one_out()
    errors, variances = [], []
    for row in range(30):
        others = np.delete(np.arange(30), row)
        process = GaussianProcess(kernel[np.ix_(others, others)], values[others], NOISE)
        white = process.whitened(kernel[row : row + 1, others])
        assert left_out.mean[row] == pytest.approx(process.mean(white)[0], abs=1e-7)
        variances.append(process.variance(white)[0] + NOISE)
        errors.append(values[row] - process.mean(white)[0])
    assert left_out.variance == pytest.approx(np.array(variances), rel=1e-6)
    stds = np.sqrt(np.array(variances))[:, None]

    def likelihood(amplitude):
        return norm.logpdf(errors, scale=stds * amplitude**0.5).mean()

    assert left_out.log_likelihood == pytest.approx(likelihood(left_out.amplitude), abs=1e-6)
    assert likelihood(left_out.amplitude) >= max(likelihood(left_out.amplitude * step) for step in (0.9, 1.1))


def test_points_that_are_equal_do_not_break_it():
    gram = np.ones((50, 50))
    gram[:, 25:] = gram[25:, :] = 0.3
    gram[25:, 25:] = 1.0
    process = GaussianProcess(gram, np.arange(50.0)[:, None], 1e-17)
    white = process.whitened(gram)
    assert process.noise > 1e-17
    assert process.mean(white)[:25] == pytest.approx(12.0, abs=1e-3)
    assert process.mean(white)[25:] == pytest.approx(37.0, abs=1e-3)


def test_nothing_known_is_the_prior():
    process = GaussianProcess(np.zeros((0, 0)), np.zeros((0, 1)), NOISE)
    white = process.whitened(np.zeros((4, 0)))
    assert np.array_equal(process.mean(white), np.zeros((4, 1))) and np.array_equal(process.variance(white), np.ones(4))
