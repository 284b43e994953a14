"""Which of many candidates are worth a call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from molvae.errors import ConfigError

__all__ = ["choose_batch", "shortlist"]

Matrix = NDArray[np.float64]

_LOWEST_POWER = -2.0
_SUM_SHARE = 0.05


def shortlist(mean: Matrix, std: Matrix, size: int) -> NDArray[np.int64]:
    """Candidates that a batch may be chosen from, where there are too many for all their covariances.

    Args:
        mean: (M, K)
        std: (M,)
        size: how many.

    Returns:
        (at most `size`,) distinct rows, ascending: those highest at one of the K outputs by their mean, or by mean +
        std; all of them where there are no more.
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
    boldness: float = 1.0,
    weights: Matrix | None = None,
    keys: Sequence[Hashable] | None = None,
    cap: int = 1,
) -> NDArray[np.int64]:
    """Choose a batch, one candidate after the other, by an upper confidence bound.

    Each place has its own beta = boldness 10^u, u uniform in [-2, 0], and takes the highest mean + beta * std (Tripp &
    Hernandez-Lobato, 2024, https://arxiv.org/abs/2406.07709). Then it is taken as if the expected score of the chosen
    one had been seen: means stay, and what is like it is less uncertain (the kriging believer; Ginsbourger et al.,
    2010, https://doi.org/10.1007/978-3-642-10701-6_6).

    Several outputs are made one by weights w, which each place may have of its own: min w (y - 1) + 0.05 sum w y,
    where 1 is the best known of each output (ParEGO; Knowles, 2006, https://doi.org/10.1109/TEVC.2005.851274). So
    every balance of the outputs has its turn, also on a front that is not convex.

    Args:
        mean: (M, K) posterior means; a candidate with NaN is never chosen.
        covariance: (M, M) posterior covariances, which all outputs share.
        n: candidates to choose.
        rng: of beta and of the weights.
        noise: variance of the noise of a score, in units of the covariance.
        scale: (K,) what the standard deviations of each output are times; None for 1.
        boldness: standard deviations that are added to a mean, at most.
        weights: (K,) or (n, K), at least 0; None draws them, each balance of the K outputs with the same chance.
        keys: M; no more than `cap` of the chosen have the same key. None lets all be chosen.
        cap: at least 1.

    Returns:
        (at most n,) distinct rows, in the order of choice; fewer where no more may be chosen.

    Raises:
        ConfigError: the weights have another shape or are below 0, or the cap is below 1.
    """
    if cap < 1:
        raise ConfigError(f"the cap on candidates with the same key must be at least 1, not {cap}")
    # Drawn at once and in full: what is chosen at one place does not change the draws for the next.
    betas = boldness * 10.0 ** rng.uniform(_LOWEST_POWER, 0.0, n)
    balances = _balances(weights, n, mean.shape[1], rng)
    by_output = np.ones(mean.shape[1]) if scale is None else scale
    allowed = np.isfinite(mean.sum(axis=1))
    covariance = np.array(covariance)
    taken: Counter[Hashable] = Counter()
    rows: list[int] = []
    for beta, balance in zip(betas, balances, strict=True):
        if not allowed.any():
            break
        std = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        merit = np.where(allowed, _joined(mean + beta * std[:, None] * by_output, balance), -np.inf)
        row = int(merit.argmax())
        rows.append(row)
        allowed[row] = False
        if keys is not None:
            taken[keys[row]] += 1
            if taken[keys[row]] == cap:
                allowed &= np.array([key != keys[row] for key in keys])
        covariance -= np.outer(covariance[row], covariance[row] / (max(covariance[row, row], 0.0) + noise))
    return np.array(rows, dtype=np.int64)


def _balances(weights: Matrix | None, n: int, outputs: int, rng: np.random.Generator) -> Matrix:
    """(n, K), of which each row has the sum 1."""
    if weights is None:
        return rng.dirichlet(np.ones(outputs), n)
    given = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    if given.shape not in ((1, outputs), (n, outputs)) or not (given >= 0).all() or not (given.sum(1) > 0).all():
        raise ConfigError(
            f"the weights of {outputs} outputs must be {outputs} numbers from 0 on, not all 0, or a row of these for "
            f"each of {n} places; there are {np.shape(weights)}"
        )
    return np.broadcast_to(given / given.sum(1, keepdims=True), (n, outputs))


def _joined(values: Matrix, balance: Matrix) -> Matrix:
    """(M,) of (M, K)"""
    if len(balance) == 1:
        return values[:, 0]
    joined: Matrix = (balance * (values - 1.0)).min(axis=1) + _SUM_SHARE * values @ balance
    return joined
