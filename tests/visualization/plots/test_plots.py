"""Colours that say what the values are, pictures of any points, and the curves of a search."""

import math

import numpy as np
import pytest

from molvae.errors import InputError
from molvae.visualization.plots.coloring import coloring
from molvae.visualization.plots.curves import front_figure, search_curve
from molvae.visualization.plots.scatter import scatter_figure
from molvae.visualization.plots.style import CATEGORIES, save_figure

NAN = math.nan
AXES = ("PC 1", "PC 2")


def test_numbers_are_a_scale_without_the_tails():
    found = coloring("v", [float(one) for one in range(101)] + [1e9, NAN, math.inf])
    assert found.categories == () and found.clipped == (True, True)
    assert 0 < found.low < 5 and 95 < found.high < 105
    assert found.missing.tolist() == [False] * 102 + [True, True]


def test_the_scale_of_few_and_constant_numbers():
    for values, low, high in (([], 0, 0), ([NAN], 0, 0), ([3.0, 3.0], 3, 3), ([0.0] * 200 + [1.0, 2.0], 0, 2)):
        found = coloring("v", values)
        assert (found.categories, found.low, found.high) == ((), low, high)


def test_two_numbers_and_texts_are_categories():
    found = coloring("v", [0.0, 1.0, 1.0, NAN])
    assert found.categories == ("1", "0")
    np.testing.assert_array_equal(found.values, [1.0, 0.0, 0.0, NAN])
    texts = coloring("v", ["b", "a", "", "a", "c", "c"])
    assert texts.categories == ("a", "c", "b")  # the most frequent first, then by the alphabet
    assert texts.missing.tolist() == [False, False, True, False, False, False]


def test_only_the_most_frequent_categories_have_a_colour():
    found = coloring("v", [f"c{place}" for place in range(20) for _ in range(20 - place)])
    assert found.shown == tuple(f"c{place}" for place in range(len(CATEGORIES)))


def labels(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_a_legend_counts_every_point():
    colors = coloring("class $x^2$", ["a"] * 5 + ["b"] * 3 + ["", ""])
    figure = scatter_figure(np.zeros((10, 2)), colors, axes=AXES)
    assert labels(figure) == ["a (5)", "b (3)", "no value (2)"]
    many = coloring("v", [f"c{place}" for place in range(12)])
    assert labels(scatter_figure(np.zeros((12, 2)), many, axes=AXES))[-1] == "4 others (4)"


def test_numbers_have_a_color_bar_and_missing_ones_a_legend():
    figure = scatter_figure(np.eye(4)[:, :2], coloring("logp", [1.0, 2.0, NAN, 3.0]), axes=AXES, title="t")
    assert len(figure.axes) == 2 and figure.axes[1].get_ylabel() == "logp" and labels(figure) == ["no value (1)"]
    drawn = sum(len(dots.get_offsets()) for dots in figure.axes[0].collections)
    assert drawn == 4


@pytest.mark.parametrize(
    ("values", "kind"),
    [(None, "svg"), ([], "png"), ([NAN], "svg"), ([""], "png"), (["$", "_u"], "svg"), (["日"], "png")],
)
def test_any_points_make_a_picture(tmp_path, values, kind):
    plane = np.zeros((len(values or []), 2))
    colors = None if values is None else coloring("a $ in a name", values)
    for name in ("one", "two"):
        save_figure(scatter_figure(plane, colors, axes=AXES, title="$"), tmp_path / f"{name}.{kind}")
    first = (tmp_path / f"one.{kind}").read_bytes()
    assert first == (tmp_path / f"two.{kind}").read_bytes() and len(first) > 1000


def test_a_picture_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        save_figure(scatter_figure(np.zeros((1, 2)), None, axes=AXES), tmp_path / "no" / "a.png")


@pytest.mark.parametrize("n", [0, 1, 30, 3_000])
def test_a_curve_shows_scores_best_and_mean(tmp_path, n):
    scores = np.random.default_rng(0).random(n)
    scores[::5] = NAN
    best = np.fmax.accumulate(scores) if n else scores
    figure = search_curve(scores, best, best, name="a very long name " * 20)
    axes = figure.axes[0]
    assert len(axes.get_lines()) == 3 and axes.get_xlabel() == "calls of the objective"
    assert len(axes.get_ylabel()) <= 60
    save_figure(figure, tmp_path / "curve.svg")
    assert (tmp_path / "curve.svg").stat().st_size < 500_000


def test_a_front_marks_its_molecules(tmp_path):
    parts = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [0.1, 0.1], [NAN, 1.0]])
    figure = front_figure(parts, np.array([0, 1, 2]), names=("qed", "similarity:$x$"))
    assert figure.axes[0].get_lines()[1].get_xdata().tolist() == [0.0, 0.5, 1.0]
    save_figure(figure, tmp_path / "front.png")
