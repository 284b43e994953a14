"""What a search expects of molecules that it has not tried."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from molvae.errors import ConfigError, InputError
from molvae.optimization.archive import Archive
from molvae.optimization.surrogate.acquisition import choose_batch, shortlist
from molvae.optimization.surrogate.features import FeatureCache, Features
from molvae.optimization.surrogate.gaussian_process import GaussianProcess
from molvae.optimization.surrogate.kernel import KERNELS, Kernel, kernel_named
from molvae.optimization.surrogate.scaling import Scaling
from molvae.optimization.surrogate.selection import MOST_ROWS, select
from molvae.optimization.surrogate.training_subset import choose_evidence

__all__ = ["Choice", "Prediction", "Surrogate"]

Matrix = NDArray[np.float64]

_NOISES = (0.1, 0.03, 0.01, 0.3, 1.0, 3.0)
_FIRST_REVIEW = 125
_LEAST_AMPLITUDE = 0.01  # a search never thinks that it knows all
_BLOCK = 1_000
_MOST_KEPT = 4_000
_MOST_CANDIDATES = 2_000


class Prediction(NamedTuple):
    """What is expected of M molecules, in the units of the scores; NaN for what is no molecule."""

    mean: Matrix
    """(M, K)"""
    std: Matrix
    """the standard deviation of a score from that, noise included; (M,), or (M, K) after a fit to values (N, K)"""


class Choice(NamedTuple):
    """Which of M candidates are worth a call."""

    rows: NDArray[np.int64]
    """(at most n,) distinct, in the order of choice"""
    mean: Matrix
    """(M,) the score that was expected of each candidate; NaN for what is no molecule, and after a fit to (N, K)"""
    std: Matrix
    """(M,) the standard deviation of a score from that, before any of the chosen is known; NaN as above"""


class Surrogate:
    """A Gaussian process on molecules, for K outputs.

    What it says is a function of what it was fitted to last, whatever it was fitted to before; it does not depend on
    the unit of the scores: those of a * y + b, a > 0, give the same choices. Before the first fit everything is
    expected to be the same, and as far from it as can be.

    In a search the noise is fixed and the amplitude that under which each value is the most likely, given the others:
    how sure it is depends on how well it does. Molecules without a score are taken for as good as most: around them
    little is to be found out, so that a search does not come back to where its objective fails. Measured values have
    noise, and where there is none there is nothing to learn from.

    Args:
        kernel: of `KERNELS`, or one or several of one's own; "auto" takes all of `KERNELS`. Of several it is the one
            under which known values are the most likely. In a search it is chosen anew after 125, 250, 500, ...
            molecules; until then it is the first.
        noise: variance of the noise of a score, in units of the amplitude; "auto" is for measured values: noise and
            amplitude are chosen by likelihood.
        limit: molecules to be trained on, at most (see `choose_evidence`).
        features: where kernels of one's own have theirs from; None knows those of `KERNELS`.

    Raises:
        ConfigError: a setting that is out of range.
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

    def fit(self, known: Archive | Sequence[str], values: ArrayLike | None = None, *, parts: bool = False) -> None:
        """Learn from known scores, and from nothing else.

        Args:
            known: an archive; or N SMILES in the order of the calls, of which measured ones may be there several times.
            values: (N,) or (N, K) of those SMILES; NaN where there is none.
            parts: of an archive, learn its parts, one output each, and not its scores.

        Raises:
            InputError: there is no molecule at a row, or a value is infinite.
        """
        if isinstance(known, Archive):
            values = known.parts if parts else known.scores
            self._learn(known.smiles, np.asarray(values), known.scores)
        else:
            self._learn(known, np.asarray(values, dtype=np.float64), None)

    def _learn(self, smiles: Sequence[str], values: Matrix, merit: Matrix | None) -> None:
        """Learn; `merit` (N,) tells which are the best, None that the mean of the scaled outputs does."""
        known = values[:, None] if values.ndim == 1 else values
        if len(known) != len(smiles):
            raise InputError(f"there are {len(smiles)} molecules and {len(known)} values; each must have its own")
        if np.isinf(known).any():
            row = int(np.flatnonzero(np.isinf(known).any(1))[0])
            raise InputError(f"the value of {smiles[row]!r} is infinite; leave it empty or correct it")
        order = _order(known if merit is None else merit[:, None])
        if self._measured:
            there = np.flatnonzero(~np.isnan(known).any(1)).tolist()
            smiles, known, order = [smiles[row] for row in there], known[there], order[there]
        self._kernel, noise = self._reviewed_choice(smiles, known, order)
        self._one, rows = values.ndim == 1, choose_evidence(order, self._limit)
        self._scaling, target = self._target(known, rows)
        evidence = [smiles[row] for row in rows]
        self._evidence = self._readable(evidence, self._kernel.views)
        self._process = GaussianProcess(self._updated_gram(evidence), target, noise)
        self._amplitudes = self._likely_amplitudes(*target.shape)
        self._white: dict[str, Matrix] = {}

    def _likely_amplitudes(self, n: int, outputs: int) -> Matrix:
        """How much more, or less, n known values of each output vary than the prior has it, (K,)."""
        likely = self._process.leave_one_out().amplitudes if n > 1 else np.ones(outputs)
        if self._measured:
            return likely
        return np.where(likely > 0.0, np.maximum(likely, _LEAST_AMPLITUDE), 1.0)  # values all alike tell of none

    def predict(self, smiles: Sequence[str]) -> Prediction:
        """What is expected of M texts."""
        _, mean, variance = self._moments(smiles)
        return self._in_units(mean, variance)

    def choose(
        self,
        smiles: Sequence[str],
        n: int,
        rng: np.random.Generator,
        *,
        boldness: float = 1.0,
        weights: ArrayLike | None = None,
        keys: Sequence[Hashable] | None = None,
        cap: int = 1,
    ) -> Choice:
        """Choose a batch of candidates; the same rng in the same state gives the same.

        Args:
            smiles: M; what is no molecule is not chosen, and of equal ones only the first. Of more than 2,000 those
                that are expected the most of, or may be the best, are looked at.
            n: how many.
            rng: of every random choice.
            boldness: standard deviations that are added to an expected score, at most.
            weights: of several outputs, (K,) or (n, K), one row for each place; None draws them (see `choose_batch`).
            keys: M; no more than `cap` of the chosen have the same key, such as a scaffold.
            cap: at least 1.

        Returns:
            At most n of them; fewer where no more were looked at.

        Raises:
            ConfigError: weights of another shape, or a cap below 1.
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
            boldness=boldness,
            weights=None if weights is None else np.asarray(weights, dtype=np.float64),
            keys=None if keys is None else [keys[row] for row in there],
            cap=cap,
        )
        expected = self._in_units(mean, variance)
        if not self._one:
            expected = Prediction(np.full((len(smiles), 1), np.nan), np.full(len(smiles), np.nan))
        return Choice(np.array(there, dtype=np.int64)[chosen], expected.mean[:, 0], expected.std)

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
        return Prediction(self._scaling.means(mean), std[:, 0] if self._one else std)

    def _whitened(self, smiles: Sequence[str], features: Sequence[Features]) -> Matrix:
        """(N, M) for the process; what was compared with the evidence since the last fit is not compared again."""
        if len(self._white) + len(smiles) > _MOST_KEPT:
            self._white.clear()
        new = {one: row for row, one in enumerate(smiles) if one not in self._white}
        cross = self._kernel([features[row] for row in new.values()], self._evidence)
        self._white.update(zip(new, self._process.whitened(cross).T, strict=True))
        columns = [self._white[one] for one in smiles]
        return np.stack(columns, axis=1) if columns else np.zeros((len(self._evidence), 0))

    def _target(self, values: Matrix, rows: NDArray[np.int64]) -> tuple[Scaling, Matrix]:
        scaling = Scaling(values, measured=self._measured)
        return scaling, np.nan_to_num(scaling.scaled(values[rows]), nan=0.0)

    def _readable(self, smiles: Sequence[str], views: Sequence[str]) -> list[Features]:
        readable: list[Features] = []
        for row, one in enumerate(self._features(smiles, views)):
            if one is None:
                raise InputError(f"{smiles[row]!r} is no molecule to learn from; correct it or leave it out")
            readable.append(one)
        return readable

    def _reviewed_choice(self, smiles: Sequence[str], values: Matrix, order: Matrix) -> tuple[Kernel, float]:
        """Kernel and noise; in a search of the molecules up to the last review."""
        if len(self._kernels) == len(self._noises) == 1:
            return self._kernels[0], self._noises[0]
        n = len(smiles)
        if not self._measured:
            n = 0 if n < _FIRST_REVIEW else _FIRST_REVIEW << (n // _FIRST_REVIEW).bit_length() - 1
        asked = tuple(smiles[:n]), values[:n].tobytes()
        if self._reviewed is None or self._reviewed[0] != asked:
            rows = choose_evidence(order[:n], self._limit)
            rows = rows[:: -(-len(rows) // MOST_ROWS) or 1]
            views = sorted({view for kernel in self._kernels for view in kernel.views})
            features = self._readable([smiles[row] for row in rows], views)
            target = self._target(values[:n], rows)[1]
            self._reviewed = asked, select(features, target, self._kernels, self._noises)
        return self._reviewed[1]

    def _updated_gram(self, smiles: list[str]) -> Matrix:
        """(N, N) the similarities of the evidence; those of pairs that were there at the last fit are taken from it."""
        kernel, before, gram = self._gram
        place = {one: row for row, one in enumerate(before)} if kernel == self._kernel else {}
        old = [row for row, one in enumerate(smiles) if one in place]
        new = [row for row, one in enumerate(smiles) if one not in place]
        at = [place[smiles[row]] for row in old]
        updated = np.empty((len(smiles), len(smiles)))
        updated[np.ix_(old, old)] = gram[np.ix_(at, at)]
        updated[new] = self._kernel([self._evidence[row] for row in new], self._evidence)
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


def _order(values: Matrix) -> Matrix:
    """(N,) of (N, K): the mean of the outputs in the units of a search, which tells the best; NaN where one is NaN."""
    order: Matrix = Scaling(values, measured=False).scaled(values).mean(1)
    return order
