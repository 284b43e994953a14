"""Laws of agreement between measured and predicted numbers."""

import math

import numpy as np
import pytest

from molvae.metrics.regression import mean_absolute_error, r_squared, spearman

Y = np.array([1.0, 4.0, 2.0, 8.0, 5.0])


def test_perfect_the_mean_and_worse():
    assert (r_squared(Y, Y), mean_absolute_error(Y, Y), spearman(Y, Y)) == (1.0, 0.0, pytest.approx(1.0))
    assert r_squared(Y, np.full(5, Y.mean())) == pytest.approx(0.0)
    assert r_squared(Y, -Y) < 0.0


def test_units_change_the_error_and_nothing_else():
    p = Y + np.array([0.5, -1.0, 0.0, 2.0, 0.5])
    assert r_squared(1000 * Y + 7, 1000 * p + 7) == pytest.approx(r_squared(Y, p))
    assert mean_absolute_error(1000 * Y + 7, 1000 * p + 7) == pytest.approx(1000 * mean_absolute_error(Y, p))


def test_ranks_know_the_order_only():
    assert spearman(Y, np.exp(Y)) == pytest.approx(1.0)
    assert spearman(Y, -(Y**3)) == pytest.approx(-1.0)
    assert spearman(np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(math.sqrt(3) / 2)


@pytest.mark.parametrize("y", [np.array([]), np.array([3.0]), np.array([3.0, 3.0])])
def test_where_nothing_differs_there_is_no_figure(y):
    assert math.isnan(r_squared(y, y)) and math.isnan(spearman(y, y))
    assert math.isnan(mean_absolute_error(y, y)) == (len(y) == 0)
