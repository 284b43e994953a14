"""The surrogate: predicts the scores of molecules that were not tried."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from molvae.errors import ConfigError, InputError
from molvae.optimization.diversity import alike
from molvae.optimization.surrogate.acquisition import choose_batch, shortlist
from molvae.optimization.surrogate.features import FeatureCache, Features
from molvae.optimization.surrogate.gaussian_process import GaussianProcess
from molvae.optimization.surrogate.kernel import KERNELS, MOST_ROWS, Kernel, kernel_named, select
from molvae.optimization.surrogate.training_data import Scaling, training_rows

__all__ = ["Choice", "Prediction", "Surrogate"]

Matrix = NDArray[np.float64]

_NOISES = (0.1, 0.03, 0.01, 0.3, 1.0, 3.0)
_FIRST_REVIEW = 125
_LEAST_AMPLITUDE = 0.01  # a search is never certain of everything
_BLOCK = 1_000
_MOST_KEPT = 4_000
_MOST_CANDIDATES = 2_000


class Prediction(NamedTuple):
    """Predictions for M molecules, in the units of the scores; NaN for what is not a molecule."""

    mean: Matrix
    """(M, K)"""
    std: Matrix
    """the standard deviation of a score from the mean, noise included; (M,), or (M, K) after a fit to values (N, K)"""


class Choice(NamedTuple):
    """The candidates among M that are worth a call."""

    rows: NDArray[np.int64]
    """(at most n,) distinct, in the order of choice"""
    mean: Matrix
    """(M,) the predicted score of each candidate; NaN for what is not a molecule, and after a fit to (N, K)"""
    std: Matrix
    """(M,) its standard deviation, before any of the chosen is known; NaN as above"""


class Surrogate:
    """A Gaussian process on molecules, for K outputs.

    Predictions depend on the last fit only. They do not depend on the unit of the scores: a * y + b, a > 0, give the
    same choices. Before the first fit all predictions are the same, with the uncertainty of the prior.

    In a search the noise is fixed, and the amplitude is the most likely one by leave-one-out: the uncertainty follows
    the errors. A molecule without a score counts as one with the median score: there is little to learn near it, so a
    search does not return to where its objective fails. Measured values have noise, and gaps are left out.

    Args:
        kernel: a key of `KERNELS`, or one or several own ones; "auto" takes all of `KERNELS`. Of several, the one under
            which the known values are the most likely is taken. In a search it is chosen again after 125, 250, 500, ...
            molecules; until then it is the first.
        noise: variance of the noise of a score, in units of the amplitude; "auto" is for measured values: noise and
            amplitude are chosen by likelihood.
        limit: the largest number of molecules to train on (see `training_rows`).
        features: for own kernels with own views; None knows those of `KERNELS`.

    Raises:
        ConfigError: a setting is out of range.
    """

    def __init__(
        self,
        *,
        kernel: str | Sequence[Kernel] = "auto",
        noise: float | Literal["auto"] = 1e-4,
        limit: int = 2_000,
        features: FeatureCache | None = None,
    ) -> None:
        if limit < 1:
            raise ConfigError(f"a surrogate must be trained on at least 1 molecule, not {limit}")
        self._kernels = _kernels_of(kernel)
        self._measured = noise == "auto"
        self._noises: tuple[float, ...] = _NOISES if noise == "auto" else (float(noise),)
        self._limit = limit
        self._features = FeatureCache() if features is None else features
        self._reviewed: tuple[tuple[tuple[str, ...], bytes], tuple[Kernel, float]] | None = None
        self._gram: tuple[Kernel, list[str], Matrix] = (self._kernels[0], [], np.zeros((0, 0)))
        self.fit([], [])

    @property
    def kernel(self) -> Kernel:
        """The kernel of the last fit."""
        return self._kernel

    @property
    def noise(self) -> float:
        """The variance of the noise, in units of the amplitude, of the last fit."""
        return self._process.noise

    def fit(self, smiles: Sequence[str], values: ArrayLike, *, scores: Matrix | None = None) -> None:
        """Fit to known values, and forget all earlier ones.

        Args:
            smiles: N molecules in the order of the calls; a measured one may occur several times.
            values: (N,) or (N, K) theirs; NaN where there is none.
            scores: (N,) by which the best are known; None takes the mean of the scaled outputs.

        Raises:
            InputError: a text is not a molecule, or a value is infinite.
        """
        given = np.asarray(values, dtype=np.float64)
        known = given[:, None] if given.ndim == 1 else given
        if len(known) != len(smiles):
            raise InputError(f"there are {len(smiles)} molecules and {len(known)} values; give one for each")
        if np.isinf(known).any():
            row = int(np.flatnonzero(np.isinf(known).any(1))[0])
            raise InputError(f"the value of {smiles[row]!r} is infinite; leave it empty or correct it")
        ranking = known if scores is None else scores[:, None]
        ranking = Scaling(ranking, measured=False).scaled(ranking).mean(1)
        if self._measured:
            there = np.flatnonzero(~np.isnan(known).any(1)).tolist()
            smiles, known, ranking = [smiles[row] for row in there], known[there], ranking[there]
        self._kernel, noise = self._reviewed_choice(smiles, known, ranking)
        self._single_output, rows = given.ndim == 1, training_rows(ranking, self._limit)
        self._scaling, target = self._target(known, rows)
        training = [smiles[row] for row in rows]
        self._training = self._readable(training, self._kernel.views)
        self._process = GaussianProcess(self._updated_gram(training), target, noise)
        self._amplitudes = self._likely_amplitudes(*target.shape)
        self._whitened_columns: dict[str, Matrix] = {}

    def _likely_amplitudes(self, n: int, outputs: int) -> Matrix:
        """The factors (K,) by which n known values of each output vary more, or less, than the prior says."""
        likely = self._process.leave_one_out().amplitudes if n > 1 else np.ones(outputs)
        if self._measured:
            return likely
        return np.where(likely > 0.0, np.maximum(likely, _LEAST_AMPLITUDE), 1.0)  # equal values have no amplitude

    def predict(self, smiles: Sequence[str]) -> Prediction:
        """Predict the scores of M texts."""
        _, mean, variance = self._moments(smiles)
        return self._in_units(mean, variance)

    def choose(
        self,
        smiles: Sequence[str],
        n: int,
        rng: np.random.Generator,
        *,
        max_beta: float = 1.0,
        keys: Sequence[Hashable] | None = None,
        cap: int = 1,
        crowd: int | None = None,
    ) -> Choice:
        """Choose a batch of candidates; the same rng in the same state gives the same batch.

        Args:
            smiles: M; a text that is not a molecule is not chosen, and of equal ones only the first. Of more than 2,000
                only those with the highest means or bounds are considered.
            n: how many.
            rng: of every random choice.
            max_beta: the largest number of standard deviations that are added to a mean.
            keys: M; at most `cap` of the chosen have the same key, such as a scaffold.
            cap: at least 1.
            crowd: while there are others, no molecule is chosen that is like so many of the chosen
                (`molvae.optimization.diversity.alike`); None for no such preference.

        Returns:
            At most n of them; fewer if no more were considered.

        Raises:
            ConfigError: the cap is below 1.
        """
        features, mean, variance = self._moments(smiles)
        first = {one: row for row, one in reversed(list(enumerate(smiles))) if features[row] is not None}
        different = np.array(sorted(first.values()), dtype=np.int64)
        there = different[shortlist(mean[different], np.sqrt(variance[different]), _MOST_CANDIDATES)].tolist()
        candidates = [one for row in there if (one := features[row]) is not None]
        white = self._whitened([smiles[row] for row in there], candidates)
        chosen = choose_batch(
            mean[there],
            self._process.covariance(white, self._kernel(candidates, candidates)),
            n,
            rng,
            noise=self._process.noise,
            scale=np.sqrt(self._amplitudes),
            max_beta=max_beta,
            keys=None if keys is None else [keys[row] for row in there],
            cap=cap,
            alike=None if crowd is None else partial(alike, [smiles[row] for row in there]),
            crowd=crowd or 1,
        )
        rows = np.array(there, dtype=np.int64)[chosen]
        if not self._single_output:
            return Choice(rows, *np.full((2, len(smiles)), np.nan))
        predicted = self._in_units(mean, variance)
        return Choice(rows, predicted.mean[:, 0], predicted.std)

    def _moments(self, smiles: Sequence[str]) -> tuple[list[Features | None], Matrix, Matrix]:
        """Features, scaled means (M, K) and variances (M,) without noise and amplitude; NaN for what is no molecule."""
        means, variances = np.full((len(smiles), len(self._scaling.unit)), np.nan), np.full(len(smiles), np.nan)
        features: list[Features | None] = []
        for start in range(0, len(smiles), _BLOCK):
            block = self._features(smiles[start : start + _BLOCK], self._kernel.views)
            there = [start + row for row, one in enumerate(block) if one is not None]
            white = self._whitened([smiles[row] for row in there], [one for one in block if one is not None])
            means[there], variances[there] = self._process.mean(white), self._process.variance(white)
            features += block
        return features, means, variances

    def _in_units(self, mean: Matrix, variance: Matrix) -> Prediction:
        std = np.sqrt((variance + self._process.noise)[:, None] * self._amplitudes) * self._scaling.unit
        return Prediction(self._scaling.means(mean), std[:, 0] if self._single_output else std)

    def _whitened(self, smiles: Sequence[str], features: Sequence[Features]) -> Matrix:
        """(N, M) for the process; columns that were computed since the last fit are kept."""
        if len(self._whitened_columns) + len(smiles) > _MOST_KEPT:
            self._whitened_columns.clear()
        new = {one: row for row, one in enumerate(smiles) if one not in self._whitened_columns}
        cross = self._kernel([features[row] for row in new.values()], self._training)
        self._whitened_columns.update(zip(new, self._process.whitened(cross).T, strict=True))
        columns = [self._whitened_columns[one] for one in smiles]
        return np.stack(columns, axis=1) if columns else np.zeros((len(self._training), 0))

    def _target(self, values: Matrix, rows: NDArray[np.int64]) -> tuple[Scaling, Matrix]:
        scaling = Scaling(values, measured=self._measured)
        return scaling, np.nan_to_num(scaling.scaled(values[rows]), nan=0.0)

    def _readable(self, smiles: Sequence[str], views: Sequence[str]) -> list[Features]:
        readable: list[Features] = []
        for row, one in enumerate(self._features(smiles, views)):
            if one is None:
                raise InputError(f"{smiles[row]!r} is not a molecule; correct it or leave it out")
            readable.append(one)
        return readable

    def _reviewed_choice(self, smiles: Sequence[str], values: Matrix, ranking: Matrix) -> tuple[Kernel, float]:
        """Kernel and noise; in a search by the molecules up to the last review."""
        if len(self._kernels) == len(self._noises) == 1:
            return self._kernels[0], self._noises[0]
        n = len(smiles)
        if not self._measured:
            n = 0 if n < _FIRST_REVIEW else _FIRST_REVIEW << (n // _FIRST_REVIEW).bit_length() - 1
        key = tuple(smiles[:n]), values[:n].tobytes()
        if self._reviewed is None or self._reviewed[0] != key:
            rows = training_rows(ranking[:n], self._limit)
            rows = rows[:: -(-len(rows) // MOST_ROWS) or 1]
            views = sorted({view for kernel in self._kernels for view in kernel.views})
            features = self._readable([smiles[row] for row in rows], views)
            target = self._target(values[:n], rows)[1]
            self._reviewed = key, select(features, target, self._kernels, self._noises)
        return self._reviewed[1]

    def _updated_gram(self, smiles: list[str]) -> Matrix:
        """(N, N) the similarities of the training molecules; those of the last fit are reused."""
        kernel, before, gram = self._gram
        place = {one: row for row, one in enumerate(before)} if kernel == self._kernel else {}
        old = [row for row, one in enumerate(smiles) if one in place]
        new = [row for row, one in enumerate(smiles) if one not in place]
        at = [place[smiles[row]] for row in old]
        updated = np.empty((len(smiles), len(smiles)))
        updated[np.ix_(old, old)] = gram[np.ix_(at, at)]
        updated[new] = self._kernel([self._training[row] for row in new], self._training)
        updated[:, new] = updated[new].T
        self._gram = self._kernel, smiles, updated
        return updated


def _kernels_of(given: str | Sequence[Kernel]) -> tuple[Kernel, ...]:
    if given == "auto":
        return tuple(KERNELS.values())
    kernels = (kernel_named(given),) if isinstance(given, str) else tuple(given)
    if not kernels:
        raise ConfigError("a surrogate needs at least one kernel")
    return kernels
