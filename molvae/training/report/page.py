"""The page of a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from molvae.chem import molecule_grid
from molvae.config import Settings
from molvae.errors import pluralize
from molvae.storage.files import write_text
from molvae.training.report.charts import curves, latent_map, nearness, properties
from molvae.training.report.report_data import PROPERTIES, Facts, gather
from molvae.visualization.pages.template import render

__all__ = ["write_report"]

_SHOWN = 24  # samples as structures
_PAIRS = 6  # samples beside their nearest training molecules
_HEALTH = (
    ("exact", "%", "of held-out molecules come back exactly from their latent mean"),
    ("midpoint_valid", "%", "of the points halfway between two held-out molecules decode to a molecule"),
    ("prior_valid", "%", "of raw strings decoded from draws of N(0, I) are molecules"),
    ("prior_unique", "%", "of those are distinct"),
    ("prior_novel", "%", "of the distinct ones are no training molecules"),
    ("active_units", "", "latent dimensions differ between molecules"),
    ("reconstruction", "nats", "a molecule costs, given a draw of its posterior: -log p(x|z)"),
    ("kl", "nats", "the latent tells of a molecule: KL of the posterior to the prior"),
    ("prior", "nats", "a molecule costs, given a matched draw of the prior"),
)
"""Figures of an epoch, their unit and meaning."""


def write_report(folder: str | Path, output: str | Path | None = None, *, seed: int = 0, device: str = "cpu") -> Path:
    """Write a report of a finished run: one HTML file that needs no network and nothing beside it.

    It tells what came in and what was rejected, how the training went, whether the latent space is alive, and what
    samples are like: as structures, in their properties, alerts, novelty and in latent space. Of a model that gives no
    molecule that part is left out.

    Args:
        folder: the run folder.
        output: the file; by default ``report.html`` in the folder.
        seed: of the samples.
        device: a torch device.

    Returns:
        Where it is.

    Raises:
        ModelError: the folder holds no finished run, or it is damaged.
        InputError: the file cannot be written.
    """
    facts = gather(Path(folder), seed=seed, device=device)
    path = Path(output) if output else Path(folder) / "report.html"
    write_text(path, _page(facts))
    return path


def _page(facts: Facts) -> str:
    card, config = facts.vae.card, facts.vae.config
    parameters = sum(p.numel() for p in facts.vae.model.parameters())
    return render(
        "report.html",
        styles=("report.css",),
        scripts=(),
        title=f"Report: {facts.folder.resolve().name}",
        notes=[
            f"{card.get('date', '')}, molvae {card.get('molvae', '')}: "
            f"{pluralize(len(facts.start.parts['train']), 'molecule')} trained on, "
            f"{len(facts.start.parts['valid']):,} held out; {parameters / 1e6:.2f}M parameters, "
            f"{config.latent_dim} latent dimensions, {len(facts.vae.tokenizer)} tokens"
        ],
        tiles=_tiles(facts),
        kept=len(facts.start.smiles),
        rows=len(facts.start.smiles) + len(facts.rejected),
        reasons=facts.reasons,
        examples=facts.examples,
        parts={name: len(part) for name, part in facts.start.parts.items()},
        curves=curves(facts) if len(facts.history) else None,
        epochs=len(facts.history),
        health=_health(facts),
        drawn=facts.drawn,
        valid=facts.valid,
        found=len(facts.samples),
        structures=_structures(facts),
        properties=properties(facts) if facts.samples else None,
        property_rows=_property_rows(facts),
        novel=facts.novel,
        reference=facts.reference,
        nearness=nearness(facts) if facts.samples else None,
        pairs=_pairs(facts),
        compared=len(facts.compared),
        alerts=facts.alerts.to_dict("records"),
        latent_map=latent_map(facts) if facts.samples else None,
        settings=_settings(facts),
    )


def _tiles(facts: Facts) -> list[tuple[str, str]]:
    """The figures that matter most."""
    tiles = [(f"{facts.valid / facts.drawn:.1%}", "of raw samples are molecules")]
    if np.isfinite(facts.novel):
        tiles.append((f"{facts.novel:.1%}", "of samples are new"))
    best = _best(facts)
    if "exact" in best:
        tiles.append((f"{best['exact']:.1%}", "of held-out molecules come back exactly"))
        tiles.append((f"{best['midpoint_valid']:.1%}", "of midpoints are molecules"))
    if facts.samples:
        nearness = float(np.median(facts.similarity))
        tiles.append((f"{nearness:.2f}", "median similarity to the nearest training molecule"))
    return tiles


def _best(facts: Facts) -> dict[str, Any]:
    """The epoch whose weights are the model; empty where its figures were lost."""
    rows = facts.history[facts.history["best"] == 1] if "best" in facts.history else facts.history[:0]
    return dict(rows.iloc[-1]) if len(rows) else {}


def _health(facts: Facts) -> list[tuple[str, str, str]]:
    best = _best(facts)
    texts = {
        "%": lambda value: f"{value:.1%}",
        "nats": lambda value: f"{value:.2f} nats",
        "": lambda value: f"{value:.0f}",
    }
    return [
        (name, texts[unit](best[name]) if np.isfinite(best[name]) else "not measured", meaning)
        for name, unit, meaning in _HEALTH
        if name in best
    ]


def _structures(facts: Facts) -> list[tuple[Markup, str, str]]:
    """Samples: picture, SMILES, words."""
    table = facts.properties["samples"]
    return [
        (
            _drawn(smiles),
            smiles,
            f"QED {table['qed'][row]:.2f}, logP {table['logp'][row]:.1f}, SA {table['sa'][row]:.1f}",
        )
        for row, smiles in enumerate(facts.samples[:_SHOWN])
    ]


def _pairs(facts: Facts) -> list[tuple[Markup, Markup, str, str, str]]:
    """Samples beside the nearest training molecule, the most similar first: pictures, SMILES, words."""
    order = np.argsort(-facts.similarity, kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(_PAIRS, len(order))).astype(int)]
    return [
        (
            _drawn(facts.samples[row]),
            _drawn(facts.nearest[row]),
            facts.samples[row],
            facts.nearest[row],
            f"similarity {facts.similarity[row]:.2f}",
        )
        for row in chosen
    ]


def _drawn(smiles: str) -> Markup:
    picture = molecule_grid([smiles])
    return Markup(picture[picture.index("<svg") :])


def _property_rows(facts: Facts) -> list[tuple[str, str, str]]:
    """Mean and standard deviation of each property: of training molecules and of samples."""
    texts = []
    for name in PROPERTIES:
        figures = [facts.properties[part][name] for part in ("training", "samples")]
        texts.append((name, *(f"{values.mean():.2f} ± {values.std():.2f}" for values in figures)))
    return texts  # type: ignore[return-value]  # three each


def _settings(facts: Facts) -> list[tuple[str, str, str]]:
    """Every setting: table, name, value."""
    tables: dict[str, Settings] = {
        "model": facts.start.model,
        "training": facts.start.training,
        "cleaning": facts.start.cleaning,
    }
    return [(title, name, str(value)) for title, settings in tables.items() for name, value in settings]
