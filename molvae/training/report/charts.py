"""The charts of a report, as SVG with the colors of the page: light, dark or print."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from molvae.chem import PROPERTIES as ALL
from molvae.training.report.report_data import PROPERTIES, Facts
from molvae.visualization.plots.style import CATEGORIES, INK, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["curves", "latent_map", "nearness", "predictions", "properties"]

_TRAINING, _SAMPLES = "#8b929b", CATEGORIES[0]
_FAINT = "#5a616b"  # the color of ticks and their labels
_BINS = 30
_NATS = {"reconstruction": "reconstruction", "prior": "at matched prior draws", "kl": "KL to the prior"}
_SHARES = {"exact": "exact reconstruction", "prior_valid": "valid samples", "midpoint_valid": "valid midpoints"}


def curves(facts: Facts) -> Markup:
    """The figures on held-out molecules by epoch."""
    history = facts.history

    def draw(axes: Sequence[Axes]) -> None:
        for plot, names, label in ((axes[0], _NATS, "nats per molecule"), (axes[1], _SHARES, "share")):
            for color, column in zip(CATEGORIES, (one for one in names if one in history), strict=False):
                style: dict[str, Any] = {"color": color, "marker": "o", "ms": 3, "lw": 1.6}
                plot.plot(history["epoch"], history[column], label=names[column], **style)
            plot.set(xlabel="epoch", ylabel=label)
            plot.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=7, columnspacing=1, handlelength=1.2)
        axes[0].set_ylim(bottom=0)
        axes[1].set_ylim(0, 1)

    return _inline(draw, columns=2, title="Figures on held-out molecules by epoch")


def properties(facts: Facts) -> list[Markup]:
    """The distribution of each property: training molecules filled, samples as a line."""
    return [
        _distribution(name, *(facts.properties[part][name] for part in ("training", "samples"))) for name in PROPERTIES
    ]


def _distribution(name: str, real: Any, new: Any) -> Markup:
    values = np.concatenate([real, new])
    values = values[np.isfinite(values)]
    low, high = np.percentile(values, [0.5, 99.5]) if len(values) else (0.0, 1.0)
    whole = bool((values == values.round()).all())
    ends = np.arange(low - 0.5, high + 1.5) if whole else np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    bins = ends.tolist()

    def draw(axes: Sequence[Axes]) -> None:
        (plot,) = axes
        inside = [np.clip(each[np.isfinite(each)], bins[0], bins[-1]) for each in (real, new)]
        plot.hist(inside[0], bins, density=True, color=_TRAINING, alpha=0.45)
        plot.hist(inside[1], bins, density=True, histtype="step", color=_SAMPLES, lw=1.6)
        unit = ALL[name].unit
        plot.set(yticks=[], xlabel=f"{name} ({unit})" if unit else name)
        plot.spines["left"].set_visible(False)

    return _inline(draw, width=2.9, height=1.8, title=f"Distribution of {name}")


def nearness(facts: Facts) -> Markup:
    """The similarity of samples to the nearest training molecule."""

    def draw(axes: Sequence[Axes]) -> None:
        axes[0].hist(facts.similarity, np.linspace(0, 1, _BINS + 1).tolist(), color=_SAMPLES, alpha=0.85)
        axes[0].set(xlabel="Tanimoto similarity to the nearest training molecule", ylabel="samples", xlim=(0, 1))

    return _inline(draw, width=4.6, title="Similarity of samples to the nearest training molecule")


def latent_map(facts: Facts) -> Markup:
    """The first two principal components of the latent means of training molecules and samples."""
    n = len(facts.compared)

    def draw(axes: Sequence[Axes]) -> None:
        style: dict[str, Any] = {"s": 7, "alpha": 0.6, "linewidths": 0, "rasterized": True}
        axes[0].scatter(*facts.plane[:n].T, color=_TRAINING, label="training", **style)
        axes[0].scatter(*facts.plane[n:].T, color=_SAMPLES, label="samples, encoded", **style)
        axes[0].set(xlabel="principal component 1", ylabel="principal component 2")
        axes[0].set_aspect("equal", adjustable="datalim")
        axes[0].legend(loc="best", fontsize=8, markerscale=2)

    return _inline(draw, width=4.6, height=3.6, title="Latent means in the plane")


def predictions(facts: Facts) -> list[Markup]:
    """Predicted against measured values of held-out molecules, for each property."""
    return [_scatter(name, *pair) for name, pair in facts.predicted.items()]


def _scatter(name: str, measured: Any, predicted: Any) -> Markup:
    def draw(axes: Sequence[Axes]) -> None:
        (plot,) = axes
        if len(measured):
            ends = [min(measured.min(), predicted.min()), max(measured.max(), predicted.max())]
            plot.plot(ends, ends, color=_TRAINING, lw=1)
        plot.scatter(measured, predicted, s=12, alpha=0.7, linewidths=0, color=_SAMPLES)
        plot.set(xlabel=f"{name}, label", ylabel="predicted")

    return _inline(draw, width=3.4, height=2.8, title=f"Predictions of {name}")


def _inline(draw: Any, *, columns: int = 1, width: float = 7.6, height: float = 2.5, title: str) -> Markup:
    """A figure as SVG for a page. Text and lines have the color of the page, and it is as wide as possible."""
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.patch.set_alpha(0.0)
        axes = np.atleast_1d(figure.subplots(1, columns)).ravel()
        for plot in axes:
            plot.patch.set_alpha(0.0)
        draw(axes)
        text = io.StringIO()
        figure.savefig(text, format="svg", dpi=200, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace(INK, "currentColor")
    svg = svg.replace(_FAINT, "var(--faint)")
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert size is not None
    svg = re.sub(r"<svg [^>]*>", f'<svg viewBox="{size.group(0)[9:-1]}" role="img" aria-label="{title}">', svg, count=1)
    # Two charts in one page must not share identifiers.
    prefix = title.lower().replace(" ", "-")
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    return Markup(svg)
