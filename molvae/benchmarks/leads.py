"""Lead optimization: improve a property while staying similar to the lead.

The protocol of the junction tree VAE (Jin et al., 2018, https://arxiv.org/abs/1802.04364, section 4.3): logP - SA
should increase, at a Tanimoto similarity to the lead (Morgan counts, radius 2) of at least 0.4. Its leads are the 800
molecules of ZINC-250k with the lowest logP - SA; this benchmark uses every eighth of them, the lowest first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from molvae.benchmarks.optimization import model_checksum
from molvae.chem import map_chunks
from molvae.storage.files import write_text

__all__ = ["CALLS", "LeadSetup", "improve_all", "leads_of", "summary"]

CALLS = (20, 100, 1_000)
"""Numbers of calls of the objective after which the improvement of a lead is reported."""

_OBJECTIVE = "plogp_without_rings"
_LOWEST, _EVERY = 800, 8
_HEAVY_ATOMS = 38  # of the largest molecule of ZINC-250k; without a limit, logP grows with the size of a molecule


class LeadSetup(NamedTuple):
    """Settings of the runs of all leads."""

    model: str
    """as in `MolVAE.from_pretrained`"""
    folder: Path
    """``NUMBER.json`` has the result of each lead"""
    similarity: float = 0.4
    """the least similarity to the lead"""
    budget: int = CALLS[-1]
    """calls for a lead"""
    seed: int = 0


def leads_of(library: Sequence[str], n: int = 100) -> list[str]:
    """Every eighth of the 800 molecules of a library with the lowest logP - SA, the lowest first; at most n."""
    from molvae.optimization.objectives import objective_of

    scores = objective_of(_OBJECTIVE)(library)
    order = np.argsort(np.where(np.isnan(scores), np.inf, scores), kind="stable")[:_LOWEST:_EVERY]
    return [library[row] for row in order[:n]]


def improve_all(leads: Sequence[str], setup: LeadSetup, *, workers: int = 1) -> Iterator[dict[str, Any]]:
    """Improve leads and yield the result of each as soon as it ends; a finished lead is not run again.

    Args:
        leads: SMILES.
        setup: settings.
        workers: leads at a time, each in its own process.

    Yields:
        ``lead``, ``start``, its score, ``best``, the best molecule, and ``improvement`` by number of calls: the best
        score so far minus that of the lead, at least 0.
    """
    setup.folder.mkdir(parents=True, exist_ok=True)
    yield from map_chunks(partial(_improve, setup=setup), list(enumerate(leads)), workers=workers)


def summary(found: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """By number of calls: mean improvement, its standard error, and the share of leads that were improved."""
    table = {}
    for calls in found[0]["improvement"] if found else ():
        values = np.array([one["improvement"][calls] for one in found], dtype=np.float64)
        table[calls] = {
            "improvement": float(values.mean()),
            "standard_error": float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan"),
            "improved": float((values > 0).mean()),
        }
    return table


def _improve(numbered: tuple[int, str], *, setup: LeadSetup) -> dict[str, Any]:
    """One lead, in a worker process."""
    from molvae.generator.molvae import MolVAE
    from molvae.optimization.run.start import optimize
    from molvae.runtime.device import limit_threads

    number, lead = numbered
    place = setup.folder / f"{number:03d}.json"
    own = {"lead": lead, "budget": setup.budget, "seed": setup.seed, "similarity": setup.similarity}
    own["model"] = model_checksum(setup.model)
    if place.exists():
        known: dict[str, Any] = json.loads(place.read_text())
        if own.items() <= known.items():
            return known
    limit_threads(1)
    result = optimize(
        MolVAE.from_pretrained(setup.model),
        _OBJECTIVE,
        budget=setup.budget,
        constraints=[f"similar_to:{lead}:{setup.similarity}:1"],
        start=[lead],
        seed=setup.seed,
        settings={"first": 10, "max_heavy_atoms": _HEAVY_ATOMS},
    )
    scores = result.table["score"].to_numpy()
    best = result.table["smiles"][int(np.nanargmax(scores))]
    gains = np.fmax.accumulate(scores) - scores[0]
    improvement = {str(calls): float(gains[min(calls, len(gains)) - 1]) for calls in CALLS if calls <= setup.budget}
    figures = {**own, "start": float(scores[0]), "best": best, "improvement": improvement, "calls": len(scores)}
    write_text(place, json.dumps(figures, indent=1) + "\n")
    return figures
