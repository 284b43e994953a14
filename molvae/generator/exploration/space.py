"""The latent space: what exploration needs of a model, and geometry on spheres around the origin.

Draws of N(0, I) in D dimensions lie near a sphere, and posterior means near a smaller one. Paths and draws that keep
the norm stay where the decoder was trained; straight lines pass nearer to the origin.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from molvae.chem import canonical
from molvae.chem.known_molecules import KnownMolecules, Novel
from molvae.chem.plausibility import is_plausible, unusual_atoms
from molvae.errors import ConfigError, InputError
from molvae.model import slerp

__all__ = [
    "Numbers",
    "Points",
    "Space",
    "around",
    "known_to",
    "only_plausible",
    "path_points",
    "relative_distance",
    "spherical_mean",
]

Points = NDArray[np.float32]
"""(N, D) latent points"""
Numbers = NDArray[np.float64]

_ROUNDS = 100  # of the spherical mean, at most; it converges in about ten


class Space(Protocol):
    """A latent space; `molvae.MolVAE` is one."""

    known: KnownMolecules | None
    """the molecules of the training file"""
    atoms: frozenset[str]
    """unusual atoms that its molecules may have, as in `molvae.chem.is_plausible`"""

    def encode(self, smiles: Sequence[str], *, strict: bool = False, batch_size: int = 512) -> Points:
        """Posterior means (N, D); NaN, or `InputError` if strict, for a molecule that cannot be encoded."""
        ...

    def decode(
        self,
        z: NDArray[np.floating[Any]],
        *,
        temperature: float = 0.0,
        seed: int | None = None,
        constrained: bool = True,
        batch_size: int = 512,
    ) -> list[str | None]:
        """Canonical SMILES at points (N, D); None for an invalid one."""
        ...


def only_plausible(
    space: Space, found: Sequence[str | None], origins: Collection[str], *, stereo: bool = True
) -> list[str | None]:
    """Decoded molecules, but None for a radical, and for a valence or charge that no training molecule has.

    Args:
        space: the model.
        found: N canonical SMILES; None for an invalid one.
        origins: canonical SMILES of the molecules that the user walks from; what is unusual in them is allowed.
        stereo: keep stereo centres and double-bond geometry.
    """
    allowed = space.atoms.union(*map(unusual_atoms, origins))
    kept = [one if one is not None and is_plausible(one, allowed) else None for one in found]
    return kept if stereo else [canonical(one, stereo=False) for one in kept]


def known_to(space: Space, novel: Novel) -> KnownMolecules | None:
    """The molecules that are to be left out; None for none.

    Raises:
        ConfigError: the model does not keep what it needs to leave them out.
    """
    if not novel:
        return None
    if space.known is None:
        raise ConfigError("this model does not know its training molecules, so it cannot leave them out")
    space.known.check(novel)
    return space.known


def path_points(a: Points, b: Points, t: Numbers, *, linear: bool = False) -> Points:
    """Points on the path from a to b.

    Args:
        a: (D,)
        b: (D,)
        t: (T,) positions on the path, from 0 to 1.
        linear: the straight line, instead of the great circle with interpolated norm (`molvae.model.slerp`).

    Returns:
        (T, D) float32
    """
    first, last = (torch.tensor(one, dtype=torch.float64)[None] for one in (a, b))
    share = torch.tensor(t, dtype=torch.float64)[:, None]
    points = torch.lerp(first, last, share) if linear else slerp(first, last, share)
    return points.numpy().astype(np.float32)


def around(centers: Points, radius: float | Numbers, rng: np.random.Generator) -> Points:
    """A random point at a given distance from each center, with its center's norm.

    Args:
        centers: (N, D)
        radius: the straight-line distance in units of the center's norm, from 0 to 2; a number or (N,). At 1 center
            and point are 60 degrees apart.
        rng: random directions, uniform on the sphere.

    Returns:
        (N, D) float32
    """
    center = np.asarray(centers, dtype=np.float64)
    norm = np.linalg.norm(center, axis=1, keepdims=True)
    unit = center / np.maximum(norm, np.finfo(np.float64).tiny)
    noise = rng.standard_normal(center.shape)
    tangent = noise - (noise * unit).sum(1, keepdims=True) * unit
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    angle = 2.0 * np.arcsin(np.broadcast_to(radius, len(center))[:, None] / 2.0)
    points: Points = (norm * (np.cos(angle) * unit + np.sin(angle) * tangent)).astype(np.float32)
    return points


def relative_distance(points: Points, center: Points) -> Numbers:
    """(N,) distances of points (N, D) to a center (D,), in units of the center's norm."""
    away = np.linalg.norm(np.asarray(points, dtype=np.float64) - center, axis=1)
    result: Numbers = away / max(float(np.linalg.norm(center)), np.finfo(np.float64).tiny)
    return result


def spherical_mean(points: Points, weights: Sequence[float] | Numbers) -> Points:
    """The weighted mean of directions, at the weighted mean of the norms.

    The direction has the least weighted sum of squared angles to the points; of two points it is that of `slerp` at
    the position of the second weight. Source: Spherical averages and applications to spherical splines and
    interpolation (Buss and Fillmore, 2001), https://doi.org/10.1145/502122.502124, algorithm A1

    Args:
        points: (K, D)
        weights: K, not negative, not all zero; only their ratios matter.

    Returns:
        (D,) float32

    Raises:
        InputError: the points are opposite to each other, so no direction is between them.
    """
    share = np.asarray(weights, dtype=np.float64)[:, None] / np.sum(weights)
    each = np.asarray(points, dtype=np.float64)
    norms = np.linalg.norm(each, axis=1, keepdims=True)
    units = each / np.maximum(norms, np.finfo(np.float64).tiny)
    mean = (share * units).sum(0)
    length = float(np.linalg.norm(mean))
    if length < 1e-6:
        raise InputError("the molecules lie opposite to each other in latent space; choose other weights")
    mean /= length
    for _ in range(_ROUNDS):
        cosine = np.clip(units @ mean, -1.0, 1.0)[:, None]
        angle = np.arccos(cosine)
        step = (share * (units - cosine * mean) / np.sinc(angle / np.pi)).sum(0)
        size = float(np.linalg.norm(step))
        if size < 1e-12:
            break
        mean = np.cos(size) * mean + np.sin(size) * step / size
        mean /= np.linalg.norm(mean)
    result: Points = (mean * float((share * norms).sum())).astype(np.float32)
    return result
