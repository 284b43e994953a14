"""Labels of molecules, for the heads: what a molecule is charged for them, and how near predictions come.

A label is charged half its squared error in standard deviations: -log N(label; prediction, 1) in nats, but for the
constant. A molecule may have labels of all properties, of some, or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from molvae.corpus.batching import TokenizedCorpus, bucketed
from molvae.errors import ConfigError
from molvae.metrics.regression import mean_absolute_error, r_squared
from molvae.model import LabelScale, SmilesVAE

__all__ = ["Fit", "HeadCheck", "HeadFigures", "LabelBatch", "Labels", "label_scale"]

_HEAVIEST = 10.0  # molecules that one label counts for, at most: of a property with few labels each would shout
_ROWS = 512


def label_scale(name: str, labels: NDArray[np.float64]) -> LabelScale:
    """Mean and standard deviation of the labels of a property, NaN left out.

    Raises:
        ConfigError: there is no label, all are equal, or they are too large to be computed with.
    """
    known = labels[np.isfinite(labels)]
    if not len(known):
        raise ConfigError(f"no training molecule has a number for the property {name!r}")
    if known.min() == known.max():
        raise ConfigError(
            f"the property {name!r} is {known[0]:g} for every training molecule that has it ({len(known):,} do): "
            "there is nothing to learn; leave it out"
        )
    with np.errstate(over="ignore", under="ignore"):
        scale = np.array([known.mean(), known.std()]).astype(np.float32)
    if not np.isfinite(scale).all() or scale[1] < np.finfo(np.float32).tiny:
        raise ConfigError(
            f"the labels of the property {name!r} go from {known.min():g} to {known.max():g}, "
            "which is beyond what can be computed with: give their logarithms"
        )
    return LabelScale(*scale.tolist())


class LabelBatch(NamedTuple):
    """The labels of B molecules."""

    values: Tensor
    """(B, P), in standard deviations from the mean of each property; NaN where there is none"""
    weights: Tensor
    """(P,), molecules that a label counts for"""

    def to(self, device: torch.device) -> LabelBatch:
        """The same on `device`."""
        return LabelBatch(self.values.to(device), self.weights.to(device))

    def loss(self, predicted: Tensor) -> Tensor:
        """The mean over molecules of what each is charged, which depends on no other.

        Args:
            predicted: (B, P), from `SmilesVAE.predict`.

        Returns:
            () nats per molecule, summed over the properties
        """
        # Replaced before the difference is taken: where NaN is masked only after it, its gradient is NaN.
        error = predicted - self.values.where(self.values.isfinite(), predicted.detach())
        return (0.5 * error.square() * self.weights).sum(1).mean()


class Labels:
    """The labels of a corpus, of P properties.

    A label counts for N / n molecules where n of the N training molecules have one, so that over an epoch the losses
    of its batches average to the mean over the labels there are, however these fall into batches. Where fewer than a
    tenth have one it counts for 10, and the property as a whole for less.

    Args:
        values: (M, P) of all molecules of the corpus, in the units of the properties; not finite where there is none.
        scales: of each property.
        rows: the N training molecules.
    """

    def __init__(self, values: NDArray[np.float64], scales: Sequence[LabelScale], rows: NDArray[np.int64]) -> None:
        means, stds = np.array(scales, dtype=np.float64).reshape(-1, 2).T
        known = np.isfinite(values[rows]).sum(0)
        self.values, self._means, self._stds = values, means, stds
        self._scaled = ((values - means) / stds).astype(np.float32)
        self._weights = np.minimum(len(rows) / np.maximum(known, 1), _HEAVIEST).astype(np.float32)
        self._shares = self._weights * known / len(rows)

    def batch(self, rows: NDArray[np.int64]) -> LabelBatch:
        """The labels of the molecules at `rows`, in that order."""
        return LabelBatch(torch.from_numpy(self._scaled[rows]), torch.from_numpy(self._weights))

    def in_units(self, predicted: NDArray[np.float32]) -> NDArray[np.float64]:
        """Predictions (B, P) of `SmilesVAE.predict` in the units of the properties."""
        return predicted * self._stds + self._means

    def charge(self, losses: Sequence[float]) -> float:
        """What properties with these losses (P,), nats per label, are charged together, nats per molecule."""
        return float(self._shares @ np.array(losses))


class Fit(NamedTuple):
    """How near the predictions of a head come."""

    r2: float
    """1 - squared error / squared distance from the mean label; NaN where the labels do not differ"""
    mae: float
    """mean absolute error, in the unit of the property; NaN without labels"""
    loss: float
    """nats per label; 0 without labels"""
    labels: int
    """on how many it was measured"""


class HeadFigures(NamedTuple):
    """How near the heads of a model come, on held-out molecules."""

    fits: dict[str, Fit]
    """by property"""
    charge: float
    """nats per molecule, their part of the objective before it is weighted"""


@dataclass(frozen=True)
class HeadCheck:
    """Measures `HeadFigures` at posterior means.

    Args:
        corpus: the molecules.
        rows: the held-out ones.
        labels: of the corpus.
    """

    corpus: TokenizedCorpus
    rows: NDArray[np.int64]
    labels: Labels

    @torch.inference_mode()
    def __call__(self, model: SmilesVAE) -> HeadFigures:
        device = next(model.parameters()).device
        predicted = np.empty((len(self.rows), len(model.heads)), dtype=np.float32)
        for at in bucketed(np.arange(len(self.rows)), self.corpus.lengths[self.rows], _ROWS):
            batch = self.corpus.batch(self.rows[at]).to(device)
            predicted[at] = model.predict(model.encoder(batch.tokens, batch.lengths).mean).cpu().numpy()
        values, ours = self.labels.values[self.rows], self.labels.in_units(predicted)
        scaled = self.labels.batch(self.rows).values.numpy()
        fits = {}
        for place, name in enumerate(model.config.heads):
            known = np.isfinite(values[:, place])
            y, p = values[known, place], ours[known, place]
            error = scaled[known, place] - predicted[known, place]
            loss = float(0.5 * np.square(error).mean()) if len(y) else 0.0
            fits[name] = Fit(r_squared(y, p), mean_absolute_error(y, p), loss, len(y))
        return HeadFigures(fits, self.labels.charge([fit.loss for fit in fits.values()]))
