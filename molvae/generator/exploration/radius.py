"""Similarity, validity and change of decoded molecules by latent distance."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from molvae.chem import canonical, paired_tanimoto
from molvae.errors import ConfigError, InputError
from molvae.generator.exploration.space import Points, Space, around
from molvae.storage.cache import cached_tensors

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

__all__ = ["calibrate", "check_radius", "model_key", "remembered_curve", "suitable_radius"]

RADII = tuple(round(0.05 * step, 2) for step in range(21))
"""Radii of a calibration; 0 is reconstruction."""

_COLUMNS = ("radius", "similarity", "valid", "changed")
_VERSION = 1  # of the cached format
_MOST_ENTRIES = 64


def check_radius(radius: float) -> None:
    """Check a radius.

    Raises:
        ConfigError: it is not above 0 and at most 1.
    """
    if not 0.0 < radius <= 1.0:
        raise ConfigError(f"radius must be above 0, the molecule itself, and at most 1, not {radius:g}")


def calibrate(
    space: Space, smiles: Sequence[str], *, draws: int = 8, seed: int = 0, batch_size: int = 512
) -> pd.DataFrame:
    """Decode points around molecules at increasing distances, freely, as the validity is measured.

    All radii use the same directions, so the curves are smooth.

    Args:
        space: the model.
        smiles: molecules.
        draws: points around each molecule at each radius.
        seed: of the directions.
        batch_size: points decoded at a time.

    Returns:
        A row for each of the radii 0, 0.05, ..., 1, in units of the norm of each posterior mean: ``similarity``, the
        mean Tanimoto similarity of valid draws to their molecule; ``valid``, the share of valid draws; ``changed``, the
        share of valid draws that are another molecule. NaN if no draw is valid.

    Raises:
        InputError: a molecule cannot be encoded, or there is none.
        ConfigError: `draws` is below 1.
    """
    import pandas as pd

    if draws < 1:
        raise ConfigError(f"draws must be at least 1, not {draws}")
    if not smiles:
        raise InputError("there are no molecules to calibrate with")
    points = np.repeat(space.encode(smiles, strict=True, batch_size=batch_size), draws, axis=0)
    origins = [str(canonical(one)) for one in smiles for _ in range(draws)]
    rows = [_row(space, points, origins, radius, seed, batch_size) for radius in RADII]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _row(
    space: Space, points: Points, origins: list[str], radius: float, seed: int, batch_size: int
) -> tuple[float, float, float, float]:
    draws = around(points, radius, np.random.default_rng(seed))
    found = space.decode(draws, constrained=False, batch_size=batch_size)
    valid = [(one, origin) for one, origin in zip(found, origins, strict=True) if one is not None]
    if not valid:
        return radius, np.nan, 0.0, np.nan
    similarity = paired_tanimoto(*zip(*valid, strict=True)).mean()
    changed = sum(one != origin for one, origin in valid)
    return radius, float(similarity), len(valid) / len(found), changed / len(valid)


def suitable_radius(curve: pd.DataFrame) -> float:
    """The radius whose similarity is nearest to the middle of its range.

    There molecules differ from their origin, but still resemble it.

    Args:
        curve: of `calibrate`.
    """
    known = curve[curve["radius"] > 0.0].dropna(subset="similarity")
    if known.empty:
        return 0.5
    middle = (curve["similarity"].max() + curve["similarity"].min()) / 2
    return float(known.loc[(known["similarity"] - middle).abs().idxmin(), "radius"])


def model_key(weights: Mapping[str, Tensor], vocabulary: str) -> str:
    """A hash that identifies a model.

    Args:
        weights: tensors by name.
        vocabulary: of the tokenizer, as text.
    """
    digest = hashlib.sha256(vocabulary.encode())
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()[:32]


def remembered_curve(key: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """The cached curve of a key; computed and cached if there is none.

    Args:
        key: part of a file name.
        make: computes the curve, as `calibrate` does.
    """
    import pandas as pd
    import torch

    def columns() -> dict[str, Tensor]:
        curve = make()
        return {name: torch.from_numpy(curve[name].to_numpy(np.float64, copy=True)) for name in _COLUMNS}

    known = cached_tensors("radius", f"{_VERSION}-{key}", columns, max_entries=_MOST_ENTRIES)
    return pd.DataFrame({name: known[name].numpy() for name in _COLUMNS})
