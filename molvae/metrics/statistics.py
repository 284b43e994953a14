"""What is to be known of a reference set, such as a test split: computed once, then kept in the user's cache folder."""

from __future__ import annotations

import hashlib
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
from molvae.storage.tensor_cache import remembered

__all__ = ["Statistics", "Watch", "molecule_set_of", "statistics_of", "unwatched"]


class Watch(Protocol):
    """Hears of the progress of an evaluation."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """`done` of `total` molecules of some work."""


def unwatched(what: str, done: int, total: int) -> None:
    """The `Watch` that looks away."""


_FORMAT = "molvae-statistics/1"


class Statistics(NamedTuple):
    """Of a set of molecules."""

    features: Features
    """what RDKit sees"""
    chemnet: Moments | None
    """what ChemNet sees; None where it was not asked"""


def statistics_of(
    smiles: Sequence[str],
    *,
    name: str,
    fcd: bool,
    device: str | torch.device = "cpu",
    workers: int | None = None,
    watch: Watch = unwatched,
) -> Statistics:
    """The statistics of a reference set, from the cache where they are there.

    Args:
        smiles: the set, any SMILES; what is no molecule is left out.
        name: of the set, for `watch`.
        fcd: ask ChemNet.
        device: a torch device, for ChemNet.
        workers: processes of RDKit; None takes all usable cores.
        watch: hears of the progress.
    """
    key = _key(smiles)
    molecules: list[str] = []

    def known() -> list[str]:
        """The molecules, made canonical when they are needed."""
        if not molecules:
            found = canonical_all(smiles, workers=workers, on_progress=_step(watch, f"reading {name}", smiles))
            molecules.extend(one for one in found if one is not None)
        return molecules

    def features() -> dict[str, Tensor]:
        step = _step(watch, f"fragments, scaffolds, properties of {name}", known())
        return _to_tensors(features_of(known(), workers=workers, on_progress=step))

    def chemnet() -> dict[str, Tensor]:
        step = _step(watch, f"ChemNet on {name}", known())
        moments = moments_of(known(), device=device, on_progress=step)
        return {} if moments is None else {field: torch.from_numpy(value) for field, value in moments._asdict().items()}

    seen = _from_tensors(remembered("statistics", f"features-{key}", features))
    moments = remembered("statistics", f"chemnet-{key}", chemnet) if fcd else {}
    return Statistics(seen, Moments(moments["mean"].numpy(), moments["covariance"].numpy()) if moments else None)


def molecule_set_of(
    smiles: Sequence[str], *, name: str, workers: int | None = None, watch: Watch = unwatched
) -> MoleculeSet:
    """The set of some molecules in any SMILES, from the cache where it is there; arguments as in `statistics_of`."""

    def hashes() -> dict[str, Tensor]:
        found = canonical_all(smiles, workers=workers, on_progress=_step(watch, f"reading {name}", smiles))
        molecules = MoleculeSet.from_smiles([one for one in found if one is not None])
        return {"hashes": torch.from_numpy(molecules.hashes.view(np.int64))}

    return MoleculeSet(remembered("statistics", f"molecules-{_key(smiles)}", hashes)["hashes"].numpy().view(np.uint64))


def _step(watch: Watch, what: str, molecules: Sequence[str]) -> Callable[[int], None]:
    return partial(watch, what, total=len(molecules))


def _key(smiles: Sequence[str]) -> str:
    """The hash of all that decides on the statistics."""
    digest = hashlib.blake2b(json.dumps([_FORMAT, __version__, rdkit.__version__]).encode(), digest_size=20)
    digest.update("\n".join(smiles).encode())
    return digest.hexdigest()


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
