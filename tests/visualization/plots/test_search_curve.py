"""The curve of a search and the front of two objectives, as figures that can be written."""

import numpy as np
import pytest

from molvae.visualization.plots.curves import front_figure, search_curve
from molvae.visualization.plots.style import save_figure

NAN = float("nan")


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
