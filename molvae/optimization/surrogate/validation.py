"""Cross-validation: how well a surrogate predicts a measured column, before a search relies on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from molvae.errors import ConfigError, InputError, pluralize
from molvae.metrics.regression import r_squared, spearman
from molvae.optimization.surrogate.surrogate import Surrogate

__all__ = ["Quality", "cross_validate"]

Numbers = NDArray[np.float64]


class Quality(NamedTuple):
    """How well a surrogate predicts molecules that it was not trained on."""

    r2: float
    """coefficient of determination, see `molvae.metrics.regression`; over the predictions of all folds"""
    spearman: float
    """rank correlation"""
    rmse: float
    """root mean square error, in the unit of the values"""
    within_1_std: float
    """share of the values within one standard deviation of the prediction; 0.68 is ideal"""
    within_2_std: float
    """share within two; 0.95 is ideal"""
    mean: Numbers
    """(N,) predictions; NaN where there is no value"""
    std: Numbers
    """(N,) their standard deviations; NaN where there is no value"""


def cross_validate(
    smiles: Sequence[str], values: ArrayLike, *, folds: int = 5, seed: int = 0, kernel: str = "auto"
) -> Quality:
    """Predict each measured value from those of the other folds. Equal molecules are in the same fold.

    Args:
        smiles: N canonical SMILES.
        values: (N,) measured; NaN is left out.
        folds: number of random parts, and of fits.
        seed: of the parts.
        kernel: as in `Surrogate`; noise and amplitude are chosen in each fit.

    Raises:
        ConfigError: fewer than two folds.
        InputError: there are fewer molecules with values than folds, or a text with a value is not a molecule.
    """
    known = np.asarray(values, dtype=np.float64)
    rows = np.flatnonzero(~np.isnan(known))
    numbers: dict[str, int] = {}
    molecules = np.array([numbers.setdefault(smiles[row], len(numbers)) for row in rows.tolist()], dtype=np.int64)
    if folds < 2:
        raise ConfigError(f"cross-validation needs at least 2 folds, not {folds}")
    if len(numbers) < folds:
        raise InputError(f"there are {pluralize(len(numbers), 'molecule')} with a value, too few for {folds} folds")
    fold = (np.random.default_rng(seed).permutation(len(numbers)) % folds)[molecules]
    mean, std = np.full((2, len(known)), np.nan)
    surrogate = Surrogate(kernel=kernel, noise="auto")
    for part in range(folds):
        train, test = rows[fold != part], rows[fold == part]
        surrogate.fit([smiles[row] for row in train], known[train])
        predicted = surrogate.predict([smiles[row] for row in test])
        mean[test], std[test] = predicted.mean[:, 0], predicted.std
    return _quality(known, rows, mean, std)


def _quality(known: Numbers, rows: NDArray[np.int64], mean: Numbers, std: Numbers) -> Quality:
    if (unread := rows[np.isnan(mean[rows])]).size:
        raise InputError(f"row {unread[0]} is not a molecule; correct it or leave it out")
    error = np.abs(known - mean)[rows]
    return Quality(
        r_squared(known[rows], mean[rows]),
        spearman(known[rows], mean[rows]),
        float(np.sqrt(np.square(error).mean())),
        float(np.mean(error <= std[rows])),
        float(np.mean(error <= 2.0 * std[rows])),
        mean,
        std,
    )
