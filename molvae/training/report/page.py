"""The HTML page of a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from molvae.chem import molecule_grid
from molvae.config import Settings
from molvae.errors import pluralize
from molvae.metrics.regression import mean_absolute_error, r_squared
from molvae.storage.files import write_text
from molvae.training.report.charts import curves, latent_map, nearness, predictions, properties
from molvae.training.report.report_data import PROPERTIES, Facts, gather
from molvae.visualization.pages.template import render

__all__ = ["write_report"]

_SHOWN = 24  # samples drawn as structures
_PAIRS = 6  # samples drawn beside their nearest training molecules
_HEALTH = (
    ("exact", "%", "of held-out molecules are reconstructed exactly from their latent mean"),
    ("midpoint_valid", "%", "of midpoints between two held-out molecules decode to a molecule"),
    ("prior_valid", "%", "of raw strings decoded from draws of N(0, I) are molecules"),
    ("prior_unique", "%", "of those are distinct"),
    ("prior_novel", "%", "of the distinct ones are not training molecules"),
    ("active_units", "", "latent dimensions are used"),
    ("reconstruction", "nats", "per molecule at a draw of its posterior: -log p(x|z)"),
    ("kl", "nats", "per molecule: KL of the posterior from the prior"),
    ("prior", "nats", "per molecule at a matched draw of the prior: -log p(x|z)"),
)
"""Figures of an epoch: name, unit and description."""


def write_report(folder: str | Path, output: str | Path | None = None, *, seed: int = 0, device: str = "cpu") -> Path:
    """Write a report of a finished run: one HTML file that needs no other file and no network.

    It shows the rows that were read and rejected, the learning curves and the quality of the latent space. It shows
    samples as structures, with their properties, alerts, novelty and latent points; this part is left out if the model
    gives no molecule.

    Args:
        folder: the run folder.
        output: the file; None: ``report.html`` in the folder.
        seed: of the samples.
        device: a torch device.

    Returns:
        The path of the file.

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
            f"{pluralize(len(facts.start.parts['train']), 'training molecule')}, "
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
        predictions=predictions(facts),
        prediction_rows=_prediction_rows(facts),
        settings=_settings(facts),
    )


def _tiles(facts: Facts) -> list[tuple[str, str]]:
    """The most important figures."""
    tiles = [(f"{facts.valid / facts.drawn:.1%}", "of raw samples are valid")]
    if np.isfinite(facts.novel):
        tiles.append((f"{facts.novel:.1%}", "of samples are novel"))
    best = _best(facts)
    if "exact" in best:
        tiles.append((f"{best['exact']:.1%}", "of held-out molecules are reconstructed exactly"))
        tiles.append((f"{best['midpoint_valid']:.1%}", "of midpoints are valid"))
    if facts.samples:
        nearness = float(np.median(facts.similarity))
        tiles.append((f"{nearness:.2f}", "median similarity to the nearest training molecule"))
    return tiles


def _best(facts: Facts) -> dict[str, Any]:
    """The figures of the epoch whose weights are the model; empty if they were lost."""
    rows = facts.history[facts.history["best"] == 1] if "best" in facts.history else facts.history[:0]
    return dict(rows.iloc[-1]) if len(rows) else {}


def _health(facts: Facts) -> list[tuple[str, str, str]]:
    best = _best(facts)
    forms = {"%": "{:.1%}", "nats": "{:.2f} nats", "": "{:.0f}"}
    return [
        (name, forms[unit].format(best[name]) if np.isfinite(best[name]) else "not measured", description)
        for name, unit, description in _HEALTH
        if name in best
    ]


def _structures(facts: Facts) -> list[tuple[Markup, str, str]]:
    """Samples: picture, SMILES, caption."""
    table = facts.properties["samples"].head(_SHOWN)
    captions = [f"QED {one.qed:.2f}, logP {one.logp:.1f}, SA {one.sa:.1f}" for one in table.itertuples()]
    return [(_drawn(smiles), smiles, text) for smiles, text in zip(facts.samples[:_SHOWN], captions, strict=True)]


def _pairs(facts: Facts) -> list[tuple[Markup, Markup, str, str, str]]:
    """Samples beside the nearest training molecule, the most similar first: pictures, SMILES, caption."""
    order = np.argsort(-facts.similarity, kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(_PAIRS, len(order))).astype(int)]
    pairs = [(facts.samples[row], facts.nearest[row], f"similarity {facts.similarity[row]:.2f}") for row in chosen]
    return [(_drawn(sample), _drawn(nearest), sample, nearest, text) for sample, nearest, text in pairs]


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


def _prediction_rows(facts: Facts) -> list[tuple[str, int, str, str]]:
    """Each predicted property: its name, held-out labels, R2 and mean absolute error."""
    return [
        (name, len(y), *((f"{r_squared(y, p):.3f}", f"{mean_absolute_error(y, p):.3g}") if len(y) > 1 else ("", "")))
        for name, (y, p) in facts.predicted.items()
    ]


def _settings(facts: Facts) -> list[tuple[str, str, str]]:
    """Every setting: table, name, value."""
    tables: list[Settings] = [facts.start.model, facts.start.training, facts.start.cleaning]
    titles = ("model", "training", "cleaning")
    return [(title, name, str(value)) for title, one in zip(titles, tables, strict=True) for name, value in one]
