"""What the metrics look at in each molecule: one pass of RDKit over a set, in worker processes, without torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from molvae.chem import PROPERTIES, canonical, map_chunks, parse
from molvae.chem.molecules import scaffold_of
from molvae.metrics.filters import passes_filters

__all__ = ["Features", "canonical_all", "features_of"]

Fingerprints = NDArray[np.uint8]

PROPERTY_NAMES = ("logp", "sa", "qed", "mw")
BITS = 1024
_CHUNK = 500
_FEWEST_RINGS = 2  # of a scaffold that counts
_morgan = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=BITS)
_break_up: Callable[[Chem.Mol], Chem.Mol] = Chem.FragmentOnBRICSBonds


@dataclass(frozen=True)
class Features:
    """What N molecules show, repeated ones each time."""

    fingerprints: Fingerprints
    """(N, 128), Morgan fingerprints of radius 2 and 1,024 bits, packed eight to a byte"""
    fragments: Counter[str]
    """BRICS fragments, how often each"""
    scaffolds: Counter[str]
    """Bemis-Murcko scaffolds of at least two rings, of how many molecules each"""
    properties: NDArray[np.float64]
    """(4, N), logP, SA, QED, weight in Daltons"""
    passed: int
    """molecules that pass the filters of MOSES; 0 where they were not asked"""

    def __len__(self) -> int:
        return len(self.fingerprints)

    @classmethod
    def joined(cls, parts: Sequence[Features]) -> Features:
        """The features of several sets, one behind the other."""
        fragments: Counter[str] = Counter()
        scaffolds: Counter[str] = Counter()
        for part in parts:
            fragments.update(part.fragments)
            scaffolds.update(part.scaffolds)
        return cls(
            np.concatenate([part.fingerprints for part in parts]),
            fragments,
            scaffolds,
            np.concatenate([part.properties for part in parts], axis=1),
            sum(part.passed for part in parts),
        )


def canonical_all(
    smiles: Sequence[str], *, workers: int | None = None, on_progress: Callable[[int], None] = lambda _: None
) -> list[str | None]:
    """The canonical SMILES of each text, None where it is no molecule.

    Args:
        smiles: texts.
        workers: processes; None takes all usable cores.
        on_progress: is told how many are done.
    """
    result: list[str | None] = []
    for part in map_chunks(_canonical_chunk, _chunks(smiles), workers=workers):
        result += part
        on_progress(len(result))
    return result


def features_of(
    smiles: Sequence[str],
    *,
    filters: bool = False,
    workers: int | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Features:
    """The features of molecules.

    Args:
        smiles: N canonical SMILES.
        filters: ask the filters of MOSES too; they take as long as all else.
        workers: processes; None takes all usable cores.
        on_progress: is told how many are done.
    """
    parts: list[Features] = []
    done = 0
    for part in map_chunks(partial(_chunk_features, filters), _chunks(smiles), workers=workers):
        parts.append(part)
        done += len(part)
        on_progress(done)
    return Features.joined(parts or [_chunk_features(filters, [])])


def _chunks(smiles: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(smiles), _CHUNK):
        yield list(smiles[start : start + _CHUNK])


def _canonical_chunk(smiles: list[str]) -> list[str | None]:
    return [canonical(one) for one in smiles]


def _chunk_features(filters: bool, smiles: list[str]) -> Features:
    mols: list[Any] = [parse(one) for one in smiles]
    bits = [_morgan.GetFingerprintAsNumPy(mol) for mol in mols]
    measures = [PROPERTIES[name] for name in PROPERTY_NAMES]
    return Features(
        np.packbits(np.array(bits, dtype=np.uint8).reshape(len(mols), BITS), axis=1),
        Counter(fragment for mol in mols for fragment in Chem.MolToSmiles(_break_up(mol)).split(".")),
        Counter(one for mol in mols if (one := _scaffold(mol)) is not None),
        np.array([[measure(mol) for mol in mols] for measure in measures]).reshape(len(measures), len(mols)),
        sum(map(passes_filters, mols)) if filters else 0,
    )


def _scaffold(mol: Chem.Mol) -> str | None:
    core = scaffold_of(mol)
    return Chem.MolToSmiles(core) if core is not None and core.GetRingInfo().NumRings() >= _FEWEST_RINGS else None
