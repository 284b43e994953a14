"""Acquisition: which of many candidates are worth a call, by an upper confidence bound mean + beta * std."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from molvae.errors import ConfigError
from molvae.optimization.pareto import chebyshev, random_weights

if TYPE_CHECKING:
    from molvae.optimization.archive import Archive
    from molvae.optimization.surrogate.surrogate import Choice, Surrogate

__all__ = ["Acquisition", "calls_without_improvement", "choose_batch", "max_beta_after", "shortlist", "utilities_of"]

Matrix = NDArray[np.float64]

_POWERS = (-2.0, 0.0)  # range of log10(beta / the largest beta)
_STAGNATION = 200  # calls without improvement after which the largest beta has doubled
_LARGEST_BETA = 10.0
_ROUNDING = 1e-9
_TOP = 10
_CROWD, _LEAST_CROWD = 0.1, 2  # share of a batch, and number, that may be alike


def utilities_of(archive: Archive, weights: Matrix | None) -> Matrix:
    """How good the molecules of an archive are: (N,), NaN where that is not known.

    Args:
        archive: N molecules.
        weights: (K,) of several objectives in a scalarization; None takes the scores.
    """
    return archive.scores if weights is None else _scalarized(archive.parts, archive.parts, weights)


def calls_without_improvement(utilities: Matrix, asked: NDArray[np.bool_] | None = None) -> int:
    """Calls since a molecule was last among the ten best so far; those without a utility count as calls.

    Args:
        utilities: (N,) in the order of the calls.
        asked: (N,) which molecules the search asked for; None for all. The others are not counted: they were measured
            before, in any order.

    >>> calls_without_improvement(np.array([*range(10), 20.0, 0.5, 1.0]))
    2
    """
    best: list[float] = []
    last = 0
    for call, utility in enumerate(utilities.tolist()):
        if utility == utility and (len(best) < _TOP or utility > best[0]):
            last = call
            heapq.heappush(best, utility)
            if len(best) > _TOP:
                heapq.heappop(best)
    return max(0, len(utilities) - 1 - last) if asked is None else int(asked[last + 1 :].sum())


def max_beta_after(stagnation: int) -> float:
    """The largest beta after some calls without improvement: 1, and more the longer the stagnation."""
    return min(_LARGEST_BETA, 1.0 + stagnation / _STAGNATION)


def _draw_beta(max_beta: float, rng: np.random.Generator, n: int | None = None) -> Any:
    """max_beta 10^u, u uniform in [-2, 0]: a number, or an array (n,)."""
    return max_beta * 10.0 ** rng.uniform(*_POWERS, n)


class Acquisition:
    """The acquisition function of a search, with a new beta for each round.

    Args:
        surrogate: predicts scores.
        front: search for the front of several objectives, with other weights each round, rather than for high scores.
    """

    def __init__(self, surrogate: Surrogate, *, front: bool) -> None:
        self._front, self._surrogate = front, surrogate

    def draw_weights(self, archive: Archive, rng: np.random.Generator) -> Matrix | None:
        """The weights of the objectives in this round; None for a search for high scores."""
        return random_weights(archive.parts.shape[1], rng) if self._front and len(archive) else None

    def fit(self, archive: Archive, weights: Matrix | None, stagnation: int, rng: np.random.Generator) -> None:
        """Fit the surrogate to an archive, and draw beta after so many calls without improvement."""
        values = archive.scores if weights is None else archive.parts
        self._surrogate.fit(archive.smiles, values, scores=archive.scores)
        self._parts, self._weights = archive.parts, weights
        self._max_beta = max_beta_after(stagnation)
        self._beta = _draw_beta(self._max_beta, rng)

    def __call__(self, smiles: Sequence[str]) -> Matrix:
        """Upper confidence bounds (M,), in the unit of the utilities of the archive."""
        predicted = self._surrogate.predict(smiles)
        if self._weights is None:
            bound: Matrix = predicted.mean[:, 0] + self._beta * predicted.std
            return bound
        return _scalarized(predicted.mean + self._beta * predicted.std, self._parts, self._weights)

    def choose(
        self, smiles: Sequence[str], n: int, rng: np.random.Generator, *, keys: Sequence[Hashable] | None, cap: int
    ) -> Choice:
        """The n candidates that are worth a call, as `Surrogate.choose`; at most a tenth of them are alike, or two."""
        crowd = max(_LEAST_CROWD, round(n * _CROWD))
        return self._surrogate.choose(smiles, n, rng, max_beta=self._max_beta, keys=keys, cap=cap, crowd=crowd)


def _scalarized(values: Matrix, known: Matrix, weights: Matrix) -> Matrix:
    """(M,) of (M, K): the scalarization, with each objective scaled from the worst known value, 0, to the best, 1.

    An objective that is the same for all molecules, or has no number yet, has no influence.
    """
    there = np.isfinite(known)
    low = np.where(there, known, np.inf).min(axis=0, initial=np.inf)
    high = np.where(there, known, -np.inf).max(axis=0, initial=-np.inf)
    varies = high - low > _ROUNDING * np.maximum(np.abs(low), np.abs(high))  # NaN for one without numbers
    low, unit = np.where(varies, low, 0.0), np.where(varies, high - low, 1.0)
    same = np.where(np.isnan(values) & there.any(axis=0), np.nan, 1.0)
    return chebyshev(np.where(varies, (values - low) / unit, same), weights)


def shortlist(mean: Matrix, std: Matrix, size: int) -> NDArray[np.int64]:
    """Candidates from which a batch may be chosen, if there are too many for all their covariances.

    Args:
        mean: (M, K)
        std: (M,)
        size: at most so many.

    Returns:
        (at most `size`,) distinct rows, ascending: those highest in one of the K outputs by mean or by mean + std; all
        if there are no more.
    """
    if len(mean) <= size:
        return np.arange(len(mean))
    bounds = np.concatenate([mean, mean + std[:, None]], axis=1)
    each = max(1, size // bounds.shape[1])
    return np.unique(np.argsort(-bounds, axis=0, kind="stable")[:each])[:size]


def choose_batch(
    mean: Matrix,
    covariance: Matrix,
    n: int,
    rng: np.random.Generator,
    *,
    noise: float,
    scale: Matrix | None = None,
    max_beta: float = 1.0,
    keys: Sequence[Hashable] | None = None,
    cap: int = 1,
    alike: Callable[[int], NDArray[np.bool_]] | None = None,
    crowd: int = 1,
) -> NDArray[np.int64]:
    """Choose a batch, one candidate after the other, by an upper confidence bound.

    Each place has its own beta = max_beta 10^u, u uniform in [-2, 0], and takes the highest mean + beta * std (Tripp &
    Hernandez-Lobato, 2024, https://arxiv.org/abs/2406.07709). Then the chosen one counts as seen with its expected
    score: means stay, and similar candidates become less uncertain (the kriging believer; Ginsbourger et al., 2010,
    https://doi.org/10.1007/978-3-642-10701-6_6).

    Several outputs y become one by their Chebyshev scalarization from 1, the best known of each output, with random
    weights for each place. So every balance of the outputs has its turn, also on a front that is not convex.

    Args:
        mean: (M, K) posterior means; a candidate with NaN is never chosen.
        covariance: (M, M) posterior covariances, which all outputs share.
        n: candidates to choose.
        rng: of beta and of the weights.
        noise: variance of the noise of a score, in units of the covariance.
        scale: (K,) factors of the standard deviations of each output; None for 1.
        max_beta: the largest beta.
        keys: M; at most `cap` of the chosen have the same key. None for no such limit.
        cap: at least 1.
        alike: from a row to (M,), the candidates that are like it. While there are others, no candidate is chosen that
            is like `crowd` of the chosen. None for no such preference.
        crowd: at least 1.

    Returns:
        (at most n,) distinct rows, in the order of choice; fewer if no more may be chosen.

    Raises:
        ConfigError: the cap is below 1.
    """
    if cap < 1:
        raise ConfigError(f"the cap on candidates with the same key must be at least 1, not {cap}")
    # All draws come first: the choice at one place does not change the draws for the next.
    betas = _draw_beta(max_beta, rng, n)
    weights = rng.dirichlet(np.ones(mean.shape[1]), n)
    by_output = np.ones(mean.shape[1]) if scale is None else scale
    allowed = np.isfinite(mean.sum(axis=1))
    covariance = np.array(covariance)
    taken: Counter[Hashable] = Counter()
    neighbors = np.zeros(len(mean), dtype=np.int64)  # chosen candidates that are like each
    rows: list[int] = []
    for beta, balance in zip(betas, weights, strict=True):
        if not allowed.any():
            break
        std = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        bounds = mean + beta * std[:, None] * by_output
        utility = bounds[:, 0] if len(balance) == 1 else chebyshev(bounds - 1.0, balance)
        uncrowded = allowed & (neighbors < crowd)
        row = int(np.where(uncrowded if uncrowded.any() else allowed, utility, -np.inf).argmax())
        rows.append(row)
        allowed[row] = False
        if keys is not None:
            taken[keys[row]] += 1
            if taken[keys[row]] == cap:
                allowed &= np.array([key != keys[row] for key in keys])
        if alike is not None:
            neighbors += alike(row)
        covariance -= np.outer(covariance[row], covariance[row] / (max(covariance[row, row], 0.0) + noise))
    return np.array(rows, dtype=np.int64)
