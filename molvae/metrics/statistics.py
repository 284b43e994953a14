"""Statistics of a reference set such as a test split, computed once and kept in the user's cache folder."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
import rdkit
import torch
from torch import Tensor

from molvae._version import __version__
from molvae.chem.molecule_set import MoleculeSet
from molvae.metrics.chemnet import moments_of
from molvae.metrics.distances import Moments
from molvae.metrics.features import Features, canonical_all, features_of
from molvae.storage.cache import cached_tensors, content_key

__all__ = ["ProgressCallback", "Statistics", "ignore_progress", "molecule_set_of", "statistics_of"]


class ProgressCallback(Protocol):
    """A callback for the progress of an evaluation."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """`done` of `total` molecules of the step `what`."""


def ignore_progress(what: str, done: int, total: int) -> None:
    """A `ProgressCallback` that does nothing."""


_FORMAT = "molvae-statistics/1"


class Statistics(NamedTuple):
    """Statistics of a set of molecules."""

    features: Features
    """computed by RDKit"""
    chemnet: Moments | None
    """moments of ChemNet activations; None if ChemNet did not run"""


def statistics_of(
    smiles: Sequence[str],
    *,
    name: str,
    fcd: bool,
    device: str | torch.device = "cpu",
    workers: int | None = None,
    on_progress: ProgressCallback = ignore_progress,
) -> Statistics:
    """The statistics of a reference set, from the cache if they are there.

    Args:
        smiles: the set as SMILES in any spelling; invalid texts are left out.
        name: name of the set, for `on_progress`.
        fcd: run ChemNet.
        device: a torch device, for ChemNet.
        workers: number of RDKit processes; None takes all usable cores.
        on_progress: gets the progress.
    """
    key = _key(smiles)
    molecules: list[str] = []

    def canonical_molecules() -> list[str]:
        """The canonical molecules, computed at the first call."""
        if not molecules:
            found = canonical_all(smiles, workers=workers, on_progress=_step(on_progress, f"reading {name}", smiles))
            molecules.extend(one for one in found if one is not None)
        return molecules

    def features() -> dict[str, Tensor]:
        step = _step(on_progress, f"fragments, scaffolds, properties of {name}", canonical_molecules())
        return _to_tensors(features_of(canonical_molecules(), workers=workers, on_progress=step))

    def chemnet() -> dict[str, Tensor]:
        step = _step(on_progress, f"ChemNet on {name}", canonical_molecules())
        moments = moments_of(canonical_molecules(), device=device, on_progress=step)
        return {} if moments is None else {field: torch.from_numpy(value) for field, value in moments._asdict().items()}

    seen = _from_tensors(cached_tensors("statistics", f"features-{key}", features))
    moments = cached_tensors("statistics", f"chemnet-{key}", chemnet) if fcd else {}
    return Statistics(seen, Moments(moments["mean"].numpy(), moments["covariance"].numpy()) if moments else None)


def molecule_set_of(
    smiles: Sequence[str], *, name: str, workers: int | None = None, on_progress: ProgressCallback = ignore_progress
) -> MoleculeSet:
    """The set of some molecules, from the cache if it is there; arguments as in `statistics_of`."""

    def hashes() -> dict[str, Tensor]:
        found = canonical_all(smiles, workers=workers, on_progress=_step(on_progress, f"reading {name}", smiles))
        molecules = MoleculeSet.from_smiles([one for one in found if one is not None])
        return {"hashes": torch.from_numpy(molecules.hashes.view(np.int64))}

    return MoleculeSet(
        cached_tensors("statistics", f"molecules-{_key(smiles)}", hashes)["hashes"].numpy().view(np.uint64)
    )


def _step(on_progress: ProgressCallback, what: str, molecules: Sequence[str]) -> Callable[[int], None]:
    return partial(on_progress, what, total=len(molecules))


def _key(smiles: Sequence[str]) -> str:
    return content_key([_FORMAT, __version__, rdkit.__version__], "\n".join(smiles).encode())


def _to_tensors(features: Features) -> dict[str, Tensor]:
    counts = {"fragments": features.fragments, "scaffolds": features.scaffolds}
    texts = {name: zlib.compress(json.dumps(count).encode(), 1) for name, count in counts.items()}
    packed = {name: torch.from_numpy(np.frombuffer(text, np.uint8).copy()) for name, text in texts.items()}
    arrays = {"fingerprints": features.fingerprints, "properties": features.properties}
    return {**packed, **{name: torch.from_numpy(array) for name, array in arrays.items()}}


def _from_tensors(tensors: Mapping[str, Tensor]) -> Features:
    packed = {name: tensors[name].numpy().tobytes() for name in ("fragments", "scaffolds")}
    counts = {name: Counter(json.loads(zlib.decompress(text))) for name, text in packed.items()}
    return Features(
        fingerprints=tensors["fingerprints"].numpy(),
        properties=tensors["properties"].numpy(),
        fragments=counts["fragments"],
        scaffolds=counts["scaffolds"],
        passed=0,
    )
