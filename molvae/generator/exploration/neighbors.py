"""The molecules around a lead."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from rdkit import Chem

from molvae.chem import canonical, parse, quiet_rdkit, scaffold, tanimoto
from molvae.errors import ConfigError, InputError, pluralize
from molvae.generator.exploration.fidelity import lost_notes
from molvae.generator.exploration.radius import RADII, check_radius
from molvae.generator.exploration.rejection_sampling import Gathered, gather
from molvae.generator.exploration.space import Points, Space
from molvae.generator.exploration.sphere import around, relative_distance
from molvae.generator.exploration.walk import Walk, check_properties, walk_of

__all__ = ["neighbors"]

_TRIAL = 64  # draws at each radius, when another one is looked for
_ENOUGH = 0.8  # of the molecules that the best radius gives; the smallest radius that gives so many is named


def neighbors(
    space: Space,
    smiles: str,
    *,
    radius: float,
    n: int = 50,
    keep: str | None = None,
    properties: Sequence[str] = (),
    seed: int = 0,
    batch_size: int = 512,
) -> Walk:
    """n molecules at a latent distance from a lead; see `molvae.MolVAE.neighbors`."""
    if n < 1:
        raise ConfigError(f"n must be at least 1, not {n}")
    check_radius(radius)
    check_properties(properties)
    point = space.encode([smiles], strict=True, batch_size=batch_size)
    lead = str(canonical(smiles))
    accept = _filter(keep, lead)
    rng = np.random.default_rng(seed)

    def draw(k: int) -> Points:
        return around(np.repeat(point, k, axis=0), radius, rng)

    found = gather(space, n, draw, exclude={lead}, accept=accept, batch_size=batch_size)
    distance = relative_distance(space.encode(found.smiles, batch_size=batch_size), point[0])
    order = np.argsort(distance, kind="stable")  # NaN, for what the encoder cannot read, comes last
    near = [found.smiles[row] for row in order]
    distance, similarity = distance[order], tanimoto(near, [lead])[:, 0]
    shortfall = None
    if len(near) < n:
        other = _better_radius(space, point, lead, accept, seed, batch_size)
        shortfall = _shortfall(found, n, radius, keep, other)
    return walk_of(
        near,
        {"distance": distance, "similarity": similarity},
        properties=properties,
        notes=[
            _account(found, radius, keep, similarity),
            *lost_notes(space, {"the lead": lead}, point, batch_size=batch_size),
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
    """Whether a molecule has what is to be kept of the lead.

    Raises:
        InputError: that cannot be read, or the lead does not have it.
    """
    if keep is None:
        return lambda _: True
    with quiet_rdkit():
        # Read as a molecule, not as SMARTS: there [nH] would not match the substituted nitrogen that it stands for.
        pattern = parse(scaffold(lead)) if keep == "scaffold" else Chem.MolFromSmarts(keep)
    for atom in pattern.GetAtoms() if pattern is not None else ():
        atom.SetNumRadicalElectrons(0)  # where the scaffold lost a substituent of a charged atom
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
    space: Space, point: Points, lead: str, accept: Callable[[str], bool], seed: int, batch_size: int
) -> float | None:
    """The smallest radius that gives nearly as many molecules as any; None where none gives one."""
    found = {}
    for radius in RADII[1:]:
        draws = around(np.repeat(point, _TRIAL, axis=0), radius, np.random.default_rng(seed))
        molecules = set(space.decode(draws, batch_size=batch_size)) - {None, lead}
        found[radius] = sum(one is not None and accept(one) for one in molecules)
    most = max(found.values())
    return next(radius for radius, some in found.items() if some >= _ENOUGH * most) if most else None


def _account(found: Gathered, radius: float, keep: str | None, similarity: np.ndarray) -> str:
    mean = f", mean Tanimoto similarity {similarity.mean():.2f}" if len(similarity) else ""
    refused = f", {pluralize(found.refused, 'molecule')} without {keep}" if keep else ""
    return (
        f"{pluralize(len(similarity), 'neighbor')} from {pluralize(found.drawn, 'draw')} at radius {radius:g}: "
        f"{found.validity:.0%} valid, {found.excluded / max(1, found.valid):.0%} of them the lead itself{refused}{mean}"
    )


def _shortfall(found: Gathered, n: int, radius: float, keep: str | None, other: float | None) -> str:
    if not found.valid:
        why = "none of which was valid"
    elif found.excluded == found.valid:
        why = "all valid ones being the lead itself"
    else:
        why = f"which gave {pluralize(len(found.smiles) + found.refused, 'other molecule')}"
        why += f", {found.refused} of them without {keep}" if keep else ""
    if other is None:
        remedy = "no radius gives more" + ("; keep less" if keep else "")
    elif other == radius:
        remedy = "no other radius gives more at once; ask for fewer" + (", or keep less" if keep else "")
    else:
        remedy = f"radius {other:g} gives more"
    asked, draws = pluralize(n, "neighbor"), pluralize(found.drawn, "draw")
    return f"only {len(found.smiles)} of {asked} at radius {radius:g} in {draws}, {why}; {remedy}"
