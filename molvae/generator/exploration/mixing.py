"""Molecules that combine several parents, from around the mean of their latent points."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from molvae.chem import canonical, tanimoto
from molvae.config import check_seed
from molvae.errors import ConfigError, InputError, pluralize
from molvae.generator.exploration.fidelity import lost_notes
from molvae.generator.exploration.radius import check_radius
from molvae.generator.exploration.space import Numbers, Space, around, only_plausible, spherical_mean
from molvae.generator.exploration.walk import Collected, Walk, check_properties, collect, make_walk

__all__ = ["mix"]

_COLUMNS = 5  # of a picture
_CHOICE = 4  # candidates for each molecule


def mix(
    space: Space,
    smiles: Sequence[str],
    *,
    weights: Sequence[float] | None = None,
    n: int = 10,
    radius: float = 0.4,
    properties: Sequence[str] = (),
    constrained: bool = True,
    seed: int = 0,
    batch_size: int = 512,
) -> Walk:
    """Molecules that combine parents, from around the weighted mean of their posterior means on the sphere.

    Points are drawn around that mean, at distances uniform from 0 to `radius`, until they give four times n distinct
    molecules other than the parents. The n most balanced of these are taken.

    Args:
        space: the model.
        smiles: two or more parents.
        weights: one for each parent, from 0; only their ratios matter. All equal by default.
        n: number of molecules.
        radius: the largest distance from the mean, in units of its norm; above 0, at most 1.
        properties: names of `molvae.chem.PROPERTIES`, added as columns.
        constrained: whether the decoder writes only valid molecules.
        seed: of the draws.
        batch_size: points decoded at a time; does not change the result.

    Returns:
        A walk, the most balanced molecule first: ``smiles``; ``balance``, the weighted geometric mean of the Tanimoto
        similarities to the parents, high only for a molecule similar to all of them; ``similarity_1``,
        ``similarity_2``, ..., these similarities (Morgan, radius 2). Its ``shortfall`` explains fewer than n.

    Raises:
        InputError: a molecule cannot be encoded, there are fewer than two, or one is repeated.
        ConfigError: weights of the wrong number, negative or all 0; `n`, `radius` or `seed` is out of range, or a
            property is unknown.
    """
    check_seed(seed)
    shares = _shares(smiles, weights)
    if n < 1:
        raise ConfigError(f"n must be at least 1, not {n}")
    check_radius(radius)
    check_properties(properties)
    points = space.encode(smiles, strict=True, batch_size=batch_size)
    parents = [str(canonical(one)) for one in smiles]
    for row, parent in enumerate(parents):
        if parent in parents[:row]:
            raise InputError(
                f"molecule {row + 1} is molecule {parents.index(parent) + 1} again, {parent}; give it once"
            )
    rng = np.random.default_rng(seed)
    center = spherical_mean(points, shares)[None]

    def make(k: int) -> list[str | None]:
        draws = around(np.repeat(center, k, axis=0), radius * rng.random(k), rng)
        return only_plausible(space, space.decode(draws, constrained=constrained, batch_size=batch_size), parents)

    found = collect(make, _CHOICE * n, exclude=parents)
    similarity = tanimoto(found.smiles, parents)
    balance = _balance(similarity, shares)
    best = np.argsort(-balance, kind="stable")[:n]
    chosen, similarity, balance = [found.smiles[row] for row in best], similarity[best], balance[best]
    named = {f"parent {row + 1}": parent for row, parent in enumerate(parents)}
    figures = zip(chosen, balance.tolist(), similarity.tolist(), strict=True)
    return make_walk(
        chosen,
        {"balance": balance, **{f"similarity_{row + 1}": column for row, column in enumerate(similarity.T)}},
        properties=properties,
        notes=[
            _account(found, len(chosen), radius),
            *lost_notes(space, named, points, constrained=constrained, batch_size=batch_size),
        ],
        shortfall=_shortfall(found, len(chosen), n, radius),
        drawn=[
            *(
                (parent, f"parent {row + 1}, {share:.0%}")
                for row, (parent, share) in enumerate(zip(parents, shares, strict=True))
            ),
            *[(None, "")] * (-len(parents) % _COLUMNS),  # the rest of their row
            *((one, _legend(even, to_each)) for one, even, to_each in figures),
        ],
    )


def _shares(smiles: Sequence[str], weights: Sequence[float] | None) -> Numbers:
    """The weights, scaled to the sum 1."""
    if isinstance(smiles, str) or len(smiles) < 2:
        raise InputError("give at least two molecules to mix; around a single one there are its neighbors")
    given = np.ones(len(smiles)) if weights is None else np.asarray(list(weights), dtype=np.float64)
    if len(given) != len(smiles):
        raise ConfigError(
            f"{pluralize(len(given), 'weight')} for {pluralize(len(smiles), 'molecule')}; give one for each"
        )
    if not (np.isfinite(given).all() and (given >= 0.0).all() and given.any()):
        raise ConfigError(
            f"weights must be numbers from 0, and not all 0, not {', '.join(f'{one:g}' for one in given)}"
        )
    below_one = given / given.max()  # their sum does not overflow
    shares: Numbers = below_one / below_one.sum()
    return shares


def _balance(similarity: Numbers, shares: Numbers) -> Numbers:
    """(N,) the weighted geometric mean of similarities (N, K); 0 if the similarity to one parent is 0."""
    result: Numbers = np.prod(similarity**shares, axis=1)
    return result


def _account(found: Collected, chosen: int, radius: float) -> str:
    pool, draws = pluralize(len(found.smiles), "distinct molecule"), pluralize(found.drawn, "draw")
    parents = f", {found.excluded / found.valid:.0%} of them parents" if found.excluded else ""
    return (
        f"{chosen} most balanced of {pool} from {draws} up to {radius:g} of the norm from the mean: "
        f"{found.validity:.0%} valid{parents}"
    )


def _shortfall(found: Collected, chosen: int, n: int, radius: float) -> str | None:
    if chosen == n:
        return None
    wider = min(1.0, math.ceil(20 * radius + 4) / 20)
    remedy = f"try radius {wider:g}" if radius < 1.0 else "this model gives no more around these molecules"
    parents = found.excluded / max(1, found.valid)
    return (
        f"only {chosen} of {pluralize(n, 'molecule')}: {pluralize(found.drawn, 'draw')} up to {radius:g} of the norm "
        f"from the mean gave no more ({found.validity:.0%} valid, {parents:.0%} of them parents); {remedy}"
    )


def _legend(balance: float, similarity: Sequence[float]) -> str:
    return f"balance {balance:.2f}   " + "  ".join(f"{one:.2f}" for one in similarity)
