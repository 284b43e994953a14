"""A latent space made of real molecules at known points."""

from __future__ import annotations

import numpy as np

from molvae import InputError, MolVAE
from molvae.chem import canonical
from molvae.generator.exploration.radius import calibrate

__all__ = ["Atlas"]


class Atlas:
    """A latent space in which each molecule owns the points that are nearest to its own; every fifth owner is none."""

    known = None
    atoms: frozenset[str] = frozenset()

    def __init__(self, smiles, *, dimensions=3, scale=5.0, holes=True):
        points = np.random.default_rng(0).standard_normal((len(smiles), dimensions))
        self.points = (scale * points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
        self.smiles = smiles
        self.owners = [None if holes and row % 5 == 4 else one for row, one in enumerate(smiles)]

    def encode(self, smiles, *, strict=False, batch_size=512):
        rows = np.full((len(smiles), self.points.shape[1]), np.nan, dtype=np.float32)
        for row, one in enumerate(smiles):
            if canonical(one) in self.smiles:
                rows[row] = self.points[self.smiles.index(canonical(one))]
            elif strict:
                raise InputError(f"molecule {row + 1} of {len(smiles)}: unknown")
        return rows

    def decode(self, z, *, temperature=0.0, seed=None, constrained=True, batch_size=512):
        distances = np.linalg.norm(np.asarray(z)[:, None] - self.points, axis=2)
        return [self.owners[row] for row in distances.argmin(1)]

    # The methods of a model need no more than these two.
    interpolate, mix, neighbors = MolVAE.interpolate, MolVAE.mix, MolVAE.neighbors

    def calibrate_radius(self, smiles=None, *, batch_size=512):
        return calibrate(self, smiles or self.smiles[:3], batch_size=batch_size)
