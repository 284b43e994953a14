"""Shapes are what their formulas say, lie between 0 and 1, and refuse numbers without sense."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molvae.errors import ConfigError
from molvae.optimization.objectives.composing import arithmetic_mean, geometric_mean
from molvae.optimization.objectives.desirability import (
    Above,
    Below,
    DoubleSigmoid,
    Gaussian,
    Piecewise,
    Ramp,
    Sigmoid,
    Window,
)

SHAPES = [
    Gaussian(3, 0.5),
    Above(90, 10),
    Below(4, 1),
    Window(250, 500),
    Window(1, 4, 0.5),
    Ramp(10, 1),
    Ramp(0, 0.75),
    Sigmoid(2, 5),
    Sigmoid(2, 5, -0.3),
    DoubleSigmoid(250, 500, 2, 1, 50),
    Piecewise(((0, 0.2), (1, 1), (4, 0))),
]


@pytest.mark.parametrize("shape", SHAPES, ids=repr)
@given(x=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9))
def test_numbers_and_arrays_agree_and_stay_between_0_and_1(shape, x):
    value = shape(x)
    assert 0 <= value <= 1
    assert shape(np.array([x, x, math.nan]))[:2].tolist() == [value, value]
    assert math.isnan(shape(np.array([x, math.nan]))[1]) and math.isnan(shape(math.nan))


def test_values_of_the_formulas():
    half = math.exp(-0.5)
    assert Gaussian(3, 0.5)([2.5, 3, 3.5] @ np.eye(3)).tolist() == pytest.approx([half, 1, half])
    assert Above(90, 10)(np.array([80, 90, 200])).tolist() == pytest.approx([half, 1, 1])
    assert Below(4, 1)(np.array([-9, 4, 5])).tolist() == pytest.approx([1, 1, half])
    assert Window(1, 4, 0.5)(np.array([0.5, 1, 2, 4, 4.5])).tolist() == pytest.approx([half, 1, 1, 1, half])


def test_sigmoids_are_those_of_pumas():
    """Values of pumas 1.3.0, the library behind the transformations of REINVENT."""
    rising = [0.000316128, 0.03065343, 0.240253073, 0.5, 0.996847691, 1.0]
    assert Sigmoid(2, 5, 0.3)(np.array([0, 2, 3, 3.5, 6, 2000])).tolist() == pytest.approx(rising, abs=1e-8)
    falling = [1.0, 0.996847691, 0.872006892, 0.127993108]
    assert Sigmoid(2, 5, -0.5)(np.array([-900, 2, 3, 4])).tolist() == pytest.approx(falling, abs=1e-8)
    double = [0.0, 0.284747249, 0.5, 0.999989035, 0.996699617, 0.5, 0.284747249, 0.0]
    at = np.array([0, 240, 250, 374, 376, 500, 520, 9e9])
    assert DoubleSigmoid(250, 500, 2, 1, 50)(at).tolist() == pytest.approx(double, abs=1e-8)


SENSELESS = [
    (Gaussian, 3, 0),
    (Above, math.nan, 1),
    (Below, 1, math.inf),
    (Window, 1, 5, -1),
    (Sigmoid, 5, 2),
    (Sigmoid, 2, 5, 0),
    (DoubleSigmoid, 1, 2, 1, 0, 1),
    (Piecewise, ((0, 0),)),
    (Piecewise, ((0, 0), (1, 1.5))),
]


def test_numbers_without_sense_are_refused():
    for shape, *numbers in SENSELESS:
        with pytest.raises(ConfigError):
            shape(*numbers)


@given(st.lists(st.floats(1e-200, 1), min_size=1, max_size=6), st.floats(0.1, 10))
def test_means_lie_between_the_scores_and_know_weights(scores, weight):
    geometric, arithmetic = float(geometric_mean(scores)), float(arithmetic_mean(scores))
    assert min(scores) * (1 - 1e-12) <= geometric <= arithmetic * (1 + 1e-9) + 1e-12 <= max(scores) * (1 + 1e-8) + 2e-12
    same = [weight] * len(scores)
    assert float(geometric_mean(scores, same)) == pytest.approx(geometric)
    twice = geometric_mean([*scores, scores[0]])
    assert float(twice) == pytest.approx(float(geometric_mean(scores, [2.0] + [1.0] * (len(scores) - 1))))


def test_means_at_the_edge():
    assert float(geometric_mean([0.0, 1.0])) == 0.0
    assert float(geometric_mean([1e-300, 1e-300, 1e-300])) == pytest.approx(1e-300)  # their product is 0
    assert math.isnan(geometric_mean([-0.1, 1.0])) and math.isnan(geometric_mean([math.nan, 0.0]))
    assert geometric_mean(np.array([[0.25, 1.0], [1.0, 1.0]])).tolist() == pytest.approx([0.5, 1.0])
