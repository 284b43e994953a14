"""How fast a file is read and cleaned, against the bare calls of RDKit on the same cores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from rdkit import Chem

from molvae.benchmarks.timing import Figure, rates
from molvae.chem import map_chunks
from molvae.corpus.cleaning import clean
from molvae.corpus.reading import open_table

__all__ = ["cleaning_speed"]

_ROWS = 1_000


def cleaning_speed(file: Path, rounds: int) -> list[Figure]:
    """Rows a second of both.

    Args:
        file: anything that `train` reads.
        rounds: measurements of each.
    """
    texts = list(chain.from_iterable(chunk.smiles for chunk in open_table(file).chunks()))

    def bare() -> float:
        start = time.perf_counter()
        chunks: Iterator[list[str]] = (texts[at : at + _ROWS] for at in range(0, len(texts), _ROWS))
        for _ in map_chunks(_respelled, chunks):
            pass
        return len(texts) / (time.perf_counter() - start)

    def cleaned() -> float:
        start = time.perf_counter()
        clean(open_table(file))
        return len(texts) / (time.perf_counter() - start)

    measured = rates({"bare": bare, "cleaned": cleaned}, rounds)
    return [
        Figure("cleaning, bare RDKit (MolFromSmiles, MolToSmiles)", measured["bare"], "rows/s"),
        Figure("cleaning", measured["cleaned"], "rows/s"),
        Figure("cleaning, of bare RDKit", 100 * measured["cleaned"] / measured["bare"], "%", ">= 80"),
    ]


def _respelled(smiles: list[str]) -> list[str]:
    molecules = (Chem.MolFromSmiles(one) for one in smiles)
    return [Chem.MolToSmiles(mol) if mol is not None else "" for mol in molecules]
