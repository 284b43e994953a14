"""Interpolation: molecules on the path between two latent points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from molvae.chem import canonical, tanimoto
from molvae.config import check_seed
from molvae.errors import ConfigError, InputError, pluralize
from molvae.generator.exploration.fidelity import reconstruction_note
from molvae.generator.exploration.space import Numbers, Points, Space, around, only_plausible, path_points
from molvae.generator.exploration.walk import Walk, check_properties, make_walk

__all__ = ["interpolate"]

_MOST_STEPS = 1_000
_FINENESS = 128  # the least number of decoded points; most molecules cover more than one
_BESIDE = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)  # distances from the path, in units of the norm
_TRIES = 16  # points decoded at each distance


@dataclass(frozen=True)
class _Stop:
    """A molecule, its position on the path, and its distance from the path."""

    smiles: str
    t: float
    off_path: float = 0.0


def interpolate(
    space: Space,
    a: str,
    b: str,
    *,
    steps: int = 10,
    linear: bool = False,
    properties: Sequence[str] = (),
    constrained: bool = True,
    seed: int = 0,
    batch_size: int = 512,
) -> Walk:
    """Distinct molecules on the path from a to b through latent space.

    The path is decoded at 128 points or more. Among its distinct molecules, those nearest to equal steps are taken. If
    there are too few, points beside the path are decoded, the nearest first, up to 0.3 of the norm away. The path from
    b to a is the reverse of the path from a to b.

    Args:
        space: the model.
        a: a molecule, as any SMILES.
        b: another molecule.
        steps: number of molecules, both ends included; from 2 to 1,000. The result has fewer if no more are found.
        linear: use the straight line, instead of the great circle with interpolated norm.
        properties: names of `molvae.chem.PROPERTIES`, added as columns.
        constrained: whether the decoder writes only valid molecules.
        seed: of the points beside the path.
        batch_size: points decoded at a time; does not change the result.

    Returns:
        A walk whose table begins with a and ends with b: ``smiles``; ``t``, the position from 0 to 1; ``similarity_a``
        and ``similarity_b``, Tanimoto similarities (Morgan, radius 2) to the ends; ``off_path``, the distance from the
        path in units of the norm. Its notes say whether the model reconstructs the ends.

    Raises:
        InputError: an end cannot be encoded, or both are the same molecule.
        ConfigError: `steps` or `seed` is out of range, or a property is unknown.
    """
    check_seed(seed)
    if not 2 <= steps <= _MOST_STEPS:
        raise ConfigError(f"steps must be from 2, the ends alone, to {_MOST_STEPS:,}, not {steps}")
    check_properties(properties)
    points = space.encode([a, b], strict=True, batch_size=batch_size)
    ends = [str(canonical(one)) for one in (a, b)]
    if ends[0] == ends[1]:
        raise InputError(f"both ends are the same molecule, {ends[0]}; give two")
    # Always computed in the same direction, so that the reverse path has the same molecules.
    backward = ends[0] > ends[1]
    path = _Path(space, points[::-1] if backward else points, linear, constrained, batch_size)
    stops, notes = path.stops(steps, set(ends), np.random.default_rng(seed))
    if backward:
        stops = [_Stop(stop.smiles, 1.0 - stop.t, stop.off_path) for stop in reversed(stops)]
    stops = [_Stop(ends[0], 0.0), *stops, _Stop(ends[1], 1.0)]
    smiles = [stop.smiles for stop in stops]
    similarity = tanimoto(smiles, ends)
    origins = path.reconstructions[::-1] if backward else path.reconstructions
    notes = [
        *(reconstruction_note(name, end, origin) for name, end, origin in zip("ab", ends, origins, strict=True)),
        *notes,
    ]
    return make_walk(
        smiles,
        {
            "t": [stop.t for stop in stops],
            "similarity_a": similarity[:, 0],
            "similarity_b": similarity[:, 1],
            "off_path": [stop.off_path for stop in stops],
        },
        properties=properties,
        notes=notes,
        drawn=list(zip(smiles, _legends(stops, similarity), strict=True)),
    )


class _Path:
    """A path, decoded on a fine grid of positions.

    Args:
        space: the model.
        ends: (2, D)
        linear: the straight line.
        constrained: whether the decoder writes only valid molecules.
        batch_size: points decoded at a time.
    """

    def __init__(self, space: Space, ends: Points, linear: bool, constrained: bool, batch_size: int) -> None:
        self._space, self._ends, self._linear = space, ends, linear
        self._constrained, self._batch_size = constrained, batch_size
        self.reconstructions = self._raw(self._at([0.0, 1.0]))

    def stops(self, steps: int, ends: set[str], rng: np.random.Generator) -> tuple[list[_Stop], list[str]]:
        """Up to `steps` - 2 distinct molecules between the ends, by position; and notes on them."""
        wanted = np.linspace(0.0, 1.0, steps)[1:-1]
        grid = np.linspace(0.0, 1.0, (steps - 1) * max(2, -(-_FINENESS // (steps - 1))) + 1)
        if not len(wanted):
            return [], []
        molecules = self._decode(self._at(grid), ends)
        places: dict[str, list[float]] = {}
        for t, molecule in zip(grid, molecules, strict=True):
            if molecule is not None and molecule not in ends:
                places.setdefault(molecule, []).append(float(t))
        stops, free = _spread(places, wanted)
        beside = self._beside(free, ends, set(places), rng)
        stops = sorted([*stops, *beside], key=lambda stop: stop.t)
        return stops, _account(stops, len(wanted), len(places), molecules)

    def _beside(self, positions: Numbers, ends: set[str], known: set[str], rng: np.random.Generator) -> list[_Stop]:
        """For each position a new molecule from points beside it, the nearest first."""
        found: list[_Stop] = []
        for distance in _BESIDE:
            left = np.setdiff1d(positions, [stop.t for stop in found])
            if not len(left):
                break
            molecules = self._decode(around(np.repeat(self._at(left), _TRIES, axis=0), distance, rng), ends)
            for row, t in enumerate(left.tolist()):
                tried = molecules[row * _TRIES : (row + 1) * _TRIES]
                new = next((one for one in tried if one is not None and one not in ends | known), None)
                if new is not None:
                    known = known | {new}
                    found.append(_Stop(new, t, distance))
        return found

    def _at(self, t: Numbers | Sequence[float]) -> Points:
        return path_points(self._ends[0], self._ends[1], np.asarray(t), linear=self._linear)

    def _decode(self, points: Points, ends: set[str]) -> list[str | None]:
        return only_plausible(self._space, self._raw(points), ends)

    def _raw(self, points: Points) -> list[str | None]:
        return self._space.decode(points, constrained=self._constrained, batch_size=self._batch_size)


def _spread(places: dict[str, list[float]], wanted: Numbers) -> tuple[list[_Stop], Numbers]:
    """Assign molecules to positions with the least total distance; also return the positions without a molecule.

    Args:
        places: molecules on the path, with all positions that decode to them.
        wanted: positions.
    """
    if not places:
        return [], wanted
    nearest = {
        molecule: np.asarray(at)[np.abs(np.asarray(at)[:, None] - wanted).argmin(0)] for molecule, at in places.items()
    }
    cost = np.stack([np.abs(at - wanted) for at in nearest.values()])
    rows, columns = linear_sum_assignment(cost)
    molecules = list(nearest)
    stops = [
        _Stop(molecules[row], float(nearest[molecules[row]][column]))
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    return stops, np.delete(wanted, columns)


def _account(stops: list[_Stop], wanted: int, there: int, molecules: Sequence[str | None]) -> list[str]:
    """Notes: how many distinct molecules there are, where they come from, and what is missing."""
    on_path = sum(not stop.off_path for stop in stops)
    distinct = pluralize(there, "distinct molecule")
    notes = [
        f"{len(stops)} of {wanted} between the ends: the path has {distinct} at {len(molecules)} points, {on_path} of "
        "them taken"
    ]
    spacing = (len(molecules) - 1) // (wanted + 1)
    empty = sum(one is None for one in molecules[spacing:-1:spacing])
    if empty:
        notes.append(
            f"at {empty} of the {wanted} even steps nothing valid is decoded: "
            "molecules of the nearest points that give one stand for them"
        )
    if on_path < len(stops):
        farthest = max(stop.off_path for stop in stops)
        notes.append(
            f"{len(stops) - on_path} are from points beside the path, up to {farthest:g} of the norm away "
            "(column off_path)"
        )
    if len(stops) < wanted:
        notes.append(
            f"no more distinct molecules were found on the path or up to {_BESIDE[-1]:g} of the norm beside it"
        )
    return notes


def _legends(stops: Sequence[_Stop], similarity: Numbers) -> list[str]:
    """Captions of the molecules; a star marks those beside the path."""
    each = [
        f"t {stop.t:.2f}{'*' if stop.off_path else ''}   a {to_a:.2f}   b {to_b:.2f}"
        for stop, (to_a, to_b) in zip(stops, similarity.tolist(), strict=True)
    ]
    return [f"start   b {similarity[0, 1]:.2f}", *each[1:-1], f"end   a {similarity[-1, 0]:.2f}"]
