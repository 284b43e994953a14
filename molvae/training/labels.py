"""Labels of molecules for the property heads: the loss, and the accuracy of predictions.

The loss of a label is half its squared error in standard deviations: -log N(label; prediction, 1) in nats, without the
constant. A molecule may have labels of all properties, of some, or of none.
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

__all__ = ["HeadCheck", "HeadFigures", "HeadFit", "LabelBatch", "Labels", "label_losses", "label_scale"]

_LARGEST_WEIGHT = 10.0  # of a label; without a limit, few labels would dominate
_ROWS = 512  # molecules encoded at a time


def label_scale(name: str, labels: NDArray[np.float64]) -> LabelScale:
    """Mean and standard deviation of the labels of a property, without NaN.

    Raises:
        ConfigError: there is no label, all labels are equal, or they are too large for float32.
    """
    known = labels[np.isfinite(labels)]
    if not len(known):
        raise ConfigError(f"no training molecule has a number for the property {name!r}")
    if known.min() == known.max():
        raise ConfigError(
            f"the property {name!r} is {known[0]:g} for all {len(known):,} training molecules with a label: "
            "there is nothing to learn; leave it out"
        )
    with np.errstate(over="ignore", under="ignore"):
        scale = np.array([known.mean(), known.std()]).astype(np.float32)
    if not np.isfinite(scale).all() or scale[1] < np.finfo(np.float32).tiny:
        raise ConfigError(
            f"the labels of the property {name!r} range from {known.min():g} to {known.max():g}, "
            "outside the range of float32: give their logarithms"
        )
    return LabelScale(*scale.tolist())


def label_losses(predicted: Tensor, values: Tensor) -> Tensor:
    """The loss of each label; 0 for a missing one.

    Args:
        predicted: (B, P), from `SmilesVAE.predict`.
        values: (B, P) labels in standard deviations from the mean; NaN if missing.

    Returns:
        (B, P) nats
    """
    # NaN is replaced before the difference: masked only afterwards, its gradient would be NaN.
    error = predicted - values.where(values.isfinite(), predicted.detach())
    return 0.5 * error.square()


class LabelBatch(NamedTuple):
    """The labels of B molecules."""

    values: Tensor
    """(B, P), in standard deviations from the mean of each property; NaN if missing"""
    weights: Tensor
    """(P,), weight of a label of each property"""

    def to(self, device: torch.device) -> LabelBatch:
        """The same on `device`."""
        return LabelBatch(self.values.to(device), self.weights.to(device))

    def loss(self, predicted: Tensor) -> Tensor:
        """The weighted loss, a mean over molecules.

        Args:
            predicted: (B, P), from `SmilesVAE.predict`.

        Returns:
            () nats per molecule, summed over the properties
        """
        return (label_losses(predicted, self.values) * self.weights).sum(1).mean()


class Labels:
    """The labels of a corpus, of P properties.

    If n of the N training molecules have a label, it has the weight N / n. So the losses of the batches of an epoch
    average to the mean over the labels, whatever the batches. The weight is at most 10, so a property with few labels
    counts less as a whole.

    Args:
        values: (M, P) labels of all molecules of the corpus, in the units of the properties; not finite if missing.
        scales: P label scales.
        rows: the N training molecules.
    """

    def __init__(self, values: NDArray[np.float64], scales: Sequence[LabelScale], rows: NDArray[np.int64]) -> None:
        means, stds = np.array(scales, dtype=np.float64).reshape(-1, 2).T
        known = np.isfinite(values[rows]).sum(0)
        self.values, self._means, self._stds = values, means, stds
        self._scaled = ((values - means) / stds).astype(np.float32)
        self._weights = np.minimum(len(rows) / np.maximum(known, 1), _LARGEST_WEIGHT).astype(np.float32)
        self._shares = self._weights * known / len(rows)

    def batch(self, rows: NDArray[np.int64]) -> LabelBatch:
        """The labels of the molecules at `rows`, in that order."""
        return LabelBatch(torch.from_numpy(self._scaled[rows]), torch.from_numpy(self._weights))

    def in_units(self, predicted: NDArray[np.float32]) -> NDArray[np.float64]:
        """Predictions (B, P) of `SmilesVAE.predict` in the units of the properties."""
        return predicted * self._stds + self._means

    def weighted_loss(self, losses: Sequence[float]) -> float:
        """From losses (P,), nats per label, to their weighted sum, nats per molecule."""
        return float(self._shares @ np.array(losses))


class HeadFit(NamedTuple):
    """The accuracy of a property head."""

    r2: float
    """1 - squared error / squared distance from the mean label; NaN if all labels are equal"""
    mae: float
    """mean absolute error, in the unit of the property; NaN without labels"""
    loss: float
    """nats per label; 0 without labels"""
    labels: int
    """number of labels"""


class HeadFigures(NamedTuple):
    """The accuracy of the heads of a model on held-out molecules."""

    fits: dict[str, HeadFit]
    """by quantity, as in `ModelConfig.quantities`"""
    loss: float
    """nats per molecule, the property term of the objective before its weight"""


@dataclass(frozen=True)
class HeadCheck:
    """Measures `HeadFigures` at posterior means.

    Args:
        corpus: the molecules.
        rows: the held-out ones.
        labels: the labels of the corpus.
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
        losses = label_losses(torch.from_numpy(predicted), self.labels.batch(self.rows).values).numpy()
        fits = {}
        for place, name in enumerate(model.config.quantities):
            known = np.isfinite(values[:, place])
            y, p = values[known, place], ours[known, place]
            loss = float(losses[known, place].mean()) if len(y) else 0.0
            fits[name] = HeadFit(r_squared(y, p), mean_absolute_error(y, p), loss, len(y))
        return HeadFigures(fits, self.labels.weighted_loss([fit.loss for fit in fits.values()]))
