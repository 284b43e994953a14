"""Published results on the tasks of PMO, unchanged, for comparison with our own.

`published.csv` beside this file has one line for each task and one column for each method: the area under the curve of
the ten best molecules, 10,000 calls, mean over runs. A task without a line has no published result.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["CHANGED_BY_THE_FIX", "Published", "published"]

CHANGED_BY_THE_FIX = ("isomers_c7h8n2o2", "isomers_c9h10n2o2pf2cl", "sitagliptin_mpo", "zaleplon_mpo")
"""Tasks that gave lower scores when the table of PMO was made; `objectives.tasks.pmo` explains why."""

_PMO = "PMO (Gao et al., 2022), https://arxiv.org/abs/2206.12411, table of https://pmo-benchmark.github.io; 5 runs"
_IVG = "tables in the repository of InVirtuoGen (2025); 3 to 5 runs"
_TRIPP = "https://github.com/AustinT/basic-mol-bo-workshop2024, results of 5 runs (Tripp & Hernandez-Lobato, 2024)"
_SOURCES = {"Mol GA": _IVG, "Genetic GFN": _IVG, "InVirtuoGen": _IVG, "Tanimoto GP BO": _TRIPP}
_PRESCREENED = ("f-RAG", "GenMol", "InVirtuoGen, prescreened")


class Published(NamedTuple):
    """The areas under the curve of the ten best molecules of one method."""

    auc_top10: Mapping[str, float]
    """by task; means over runs"""
    source: str
    before_the_fix: bool = False
    """with the oracles of before August 2022: not comparable on `CHANGED_BY_THE_FIX`"""
    prescreened: bool = False
    """it began with the scores of all 250,000 molecules of ZINC-250k, which were not counted as calls"""
    tenth_best: bool = False
    """the curve is that of the tenth best molecule, not of the mean of the ten best, and so lower for the same run"""


@cache
def published() -> Mapping[str, Published]:
    """The published results by method, on the twenty tasks that need RDKit alone."""
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    methods = [name for name in rows[0] if name != "task"]
    return MappingProxyType(
        {
            name: _row(name, MappingProxyType({row["task"]: float(row[name]) for row in rows if row[name]}))
            for name in methods
        }
    )


def _row(method: str, areas: Mapping[str, float]) -> Published:
    prescreened = method in _PRESCREENED
    source = _SOURCES.get(method, _IVG if prescreened else _PMO)
    return Published(areas, source, source == _PMO, prescreened, tenth_best=source == _TRIPP)
