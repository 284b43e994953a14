"""Molecules around a lead in latent space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from rdkit import Chem

from molvae.chem import canonical, parse, quiet_rdkit, scaffold, tanimoto
from molvae.chem.known_molecules import Novel
from molvae.config import check_seed
from molvae.errors import ConfigError, InputError, pluralize
from molvae.generator.exploration.fidelity import lost_notes
from molvae.generator.exploration.radius import RADII, check_radius, suitable_radius
from molvae.generator.exploration.space import Points, Space, around, known_to, only_plausible, relative_distance
from molvae.generator.exploration.walk import Collected, Walk, check_properties, collect, make_walk

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["neighbors"]

_TRIAL = 64  # draws at each radius in the search for a better one
_ENOUGH = 0.8  # the smallest radius that gives this share of the molecules of the best radius is suggested


class CalibratedSpace(Space, Protocol):
    """A latent space that measures similarity by radius."""

    def calibrate_radius(self, smiles: Sequence[str] | None = None, *, batch_size: int = 512) -> pd.DataFrame:
        """As `molvae.MolVAE.calibrate_radius`."""
        ...


def neighbors(
    space: CalibratedSpace,
    smiles: str,
    *,
    n: int = 50,
    radius: float | None = None,
    keep: str | None = None,
    novel: Novel = False,
    stereo: bool = True,
    properties: Sequence[str] = (),
    constrained: bool = True,
    seed: int = 0,
    batch_size: int = 512,
) -> Walk:
    """Distinct molecules around a lead.

    Points are drawn on the sphere of the norm of the lead's posterior mean, at a straight-line distance of `radius`
    times that norm, uniform over all directions, and decoded greedily.

    Args:
        space: the model.
        smiles: the lead, as any SMILES.
        n: number of molecules.
        radius: above 0, at most 1, where point and lead are 60 degrees apart; None takes the radius at which the
            similarity of `calibrate_radius` is half way between its values at radius 0 and 1.
        keep: a SMARTS that each molecule must match, or ``scaffold`` for the Murcko scaffold of the lead.
        novel: leave out the molecules of the training file and their stereoisomers; ``"tautomers"`` also leaves out
            their tautomers.
        stereo: keep stereo; without it, the lead and all molecules have none.
        properties: names of `molvae.chem.PROPERTIES`, added as columns.
        constrained: whether the decoder writes only valid molecules.
        seed: of the draws.
        batch_size: points decoded at a time; does not change the result.

    Returns:
        A walk without the lead, the nearest molecule first: ``smiles``; ``distance`` between the posterior means of
        molecule and lead, in units of the norm of the latter, NaN for a token that the model does not know;
        ``similarity``, Tanimoto to the lead (Morgan, radius 2); and
        ``known``, 1 for a molecule of the training file or its stereoisomer, else 0. A model that does not keep its
        molecules gives no such column. Its ``shortfall`` explains fewer than n, and names a
        radius that gives more.

    Raises:
        InputError: the lead cannot be encoded, or `keep` cannot be read or is not in the lead.
        ConfigError: `n`, `radius` or `seed` is out of range, a property is unknown, or the model does not keep the
            molecules that `novel` leaves out.
        SamplingError: the radius is None, and the model cannot sample the molecules to calibrate it with.
    """
    check_seed(seed)
    if radius is None:
        radius = suitable_radius(space.calibrate_radius(batch_size=batch_size))
    if n < 1:
        raise ConfigError(f"n must be at least 1, not {n}")
    check_radius(radius)
    check_properties(properties)
    if not stereo:
        smiles = canonical(smiles, stereo=False) or smiles
    point = space.encode([smiles], strict=True, batch_size=batch_size)
    lead = str(canonical(smiles))
    accept = _filter(keep, lead)
    rng = np.random.default_rng(seed)

    def decode(points: Points) -> list[str | None]:
        found = space.decode(points, constrained=constrained, batch_size=batch_size)
        return only_plausible(space, found, [lead], stereo=stereo)

    def make(k: int) -> list[str | None]:
        return decode(around(np.repeat(point, k, axis=0), radius, rng))

    found = collect(make, n, exclude={lead}, accept=accept, known=known_to(space, novel), novel=novel)
    distance = relative_distance(space.encode(found.smiles, batch_size=batch_size), point[0])
    order = np.argsort(distance, kind="stable")  # NaN, for an unknown token, comes last
    near = [found.smiles[row] for row in order]
    distance, similarity = distance[order], tanimoto(near, [lead])[:, 0]
    numbers = {"distance": distance, "similarity": similarity}
    if space.known is not None:
        numbers["known"] = space.known.holds(near).astype(np.float64)
    shortfall = None
    if len(near) < n:
        other = _better_radius(decode, point, lead, accept, seed)
        shortfall = _shortfall(found, n, radius, keep, other)
    return make_walk(
        near,
        numbers,
        properties=properties,
        notes=[
            _account(found, radius, keep, similarity),
            *lost_notes(space, {"the lead": lead}, point, constrained=constrained, batch_size=batch_size),
        ],
        shortfall=shortfall,
        drawn=[
            (lead, "lead"),
            *(
                (one, f"similarity {close:.2f}   distance {far:.2f}")
                for one, close, far in zip(near, similarity.tolist(), distance.tolist(), strict=True)
            ),
        ],
    )


def _filter(keep: str | None, lead: str) -> Callable[[str], bool]:
    """A function that tests whether a molecule contains what `keep` asks for.

    Raises:
        InputError: `keep` cannot be read, or the lead does not match it.
    """
    if keep is None:
        return lambda _: True
    with quiet_rdkit():
        # Parsed as a molecule: as SMARTS, [nH] would not match a substituted nitrogen.
        pattern = parse(scaffold(lead)) if keep == "scaffold" else Chem.MolFromSmarts(keep)
    for atom in pattern.GetAtoms() if pattern is not None else ():
        atom.SetNumRadicalElectrons(0)  # left where a charged atom lost its substituent
    if keep == "scaffold" and pattern is None:
        raise InputError(f"the lead has no rings, and so no scaffold to keep: {lead}")
    if pattern is None or not pattern.GetNumAtoms():
        raise InputError(f"keep must be a SMARTS or the word scaffold, not {keep!r}")

    def has(smiles: str) -> bool:
        mol = parse(smiles)
        return mol is not None and bool(mol.HasSubstructMatch(pattern))

    if not has(lead):
        raise InputError(f"the lead {lead} has no {keep}, so there is none to keep")
    return has


def _better_radius(
    decode: Callable[[Points], list[str | None]], point: Points, lead: str, accept: Callable[[str], bool], seed: int
) -> float | None:
    """The smallest radius that gives nearly as many molecules as the best one; None if no radius gives any."""
    found = {}
    for radius in RADII[1:]:
        draws = around(np.repeat(point, _TRIAL, axis=0), radius, np.random.default_rng(seed))
        molecules = set(decode(draws)) - {None, lead}
        found[radius] = sum(one is not None and accept(one) for one in molecules)
    most = max(found.values())
    return next(radius for radius, some in found.items() if some >= _ENOUGH * most) if most else None


def _account(found: Collected, radius: float, keep: str | None, similarity: np.ndarray) -> str:
    mean = f", mean Tanimoto similarity {similarity.mean():.2f}" if len(similarity) else ""
    known = f", {pluralize(found.known, 'known molecule')} left out" if found.known else ""
    refused = f", {pluralize(found.refused, 'molecule')} without {keep}" if keep else ""
    return (
        f"{pluralize(len(similarity), 'neighbor')} from {pluralize(found.drawn, 'draw')} at radius {radius:g}: "
        f"{found.validity:.0%} valid, {found.excluded / max(1, found.valid):.0%} of them the lead itself"
        f"{known}{refused}{mean}"
    )


def _shortfall(found: Collected, n: int, radius: float, keep: str | None, other: float | None) -> str:
    if not found.valid:
        why = "none of which was valid"
    elif found.excluded == found.valid:
        why = "all valid ones being the lead itself"
    else:
        why = f"which gave {pluralize(len(found.smiles) + found.known + found.refused, 'other molecule')}"
        why += f", {found.known} of them known" if found.known else ""
        why += f", {found.refused} of them without {keep}" if keep else ""
    if other is None:
        remedy = "no radius gives more" + ("; keep less" if keep else "")
    elif other == radius:
        remedy = "no other radius gives more at once; ask for fewer" + (", or keep less" if keep else "")
    else:
        remedy = f"radius {other:g} gives more"
    asked, draws = pluralize(n, "neighbor"), pluralize(found.drawn, "draw")
    return f"only {len(found.smiles)} of {asked} at radius {radius:g} in {draws}, {why}; {remedy}"
