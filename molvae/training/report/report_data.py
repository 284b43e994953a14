"""The data of a report: read from the run folder, and computed from samples of the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molvae.chem import property_table, quiet_rdkit
from molvae.chem.alerts import CATALOGS, structural_alerts
from molvae.chem.fingerprints import tanimoto
from molvae.config import Decoding
from molvae.generator.exploration.projection import project
from molvae.generator.molvae import MolVAE
from molvae.generator.sampling.screening import Raw, screen
from molvae.training.run.folder import Start, read_history, read_start

__all__ = ["Facts", "gather"]

PROPERTIES = ("qed", "logp", "sa", "mw", "tpsa", "rings")
"""Properties whose distributions are shown."""

_DRAWS = 600
_REFERENCE = 10_000  # training molecules among which the nearest is searched
_COMPARED = 500  # training molecules whose properties, alerts and points are shown
_DROPPED = 8  # rejected rows that are shown as examples
_PREDICTED = 2_000  # held-out molecules whose properties are predicted
_ROW = r"\brow \d+"


@dataclass(frozen=True, eq=False)
class Facts:
    """A run and its samples."""

    folder: Path
    vae: MolVAE
    start: Start
    history: pd.DataFrame
    """one row for each epoch; empty if it was lost"""
    rejected: pd.DataFrame
    """every row of the input that was not kept: row, text, reason"""
    drawn: int
    """strings decoded from draws of N(0, I) at temperature 1"""
    valid: int
    """valid molecules among them"""
    samples: list[str]
    """the distinct valid molecules, in the order of the draws; may be empty"""
    novel: float
    """share of the samples that are not training molecules; NaN for a model without a training set"""
    compared: list[str]
    """some training molecules"""
    properties: dict[str, pd.DataFrame]
    """`PROPERTIES` of these, "training", and of the samples, "samples\""""
    alerts: pd.DataFrame
    """share of training molecules and of samples with an alert, by catalog; ``frequent`` names those of samples"""
    reference: int
    """training molecules among which the nearest was searched"""
    nearest: list[str]
    """the nearest training molecule of each sample"""
    similarity: NDArray[np.float64]
    """Tanimoto similarity of each sample to it"""
    plane: NDArray[np.float64]
    """(N, 2) points of the compared training molecules, then of the samples; NaN for what cannot be encoded"""
    predicted: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    """by property, log10 where a head learns that: labels of held-out molecules, and their predictions"""

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """The number of rows that were not kept, by reason, the most frequent first."""
        return Counter(self.rejected["reason"].str.replace(_ROW, "an earlier row", regex=True)).most_common()

    @property
    def examples(self) -> list[tuple[str, str, str]]:
        """Some rows that were not kept: row, text, reason; at least one for each reason, if there is room."""
        grouped = self.rejected["reason"].str.replace(_ROW, "", regex=True)
        first = self.rejected.groupby(grouped, sort=False).head(2).head(_DROPPED)
        return [(str(row.row), str(row.text), str(row.reason)) for row in first.itertuples()]


def gather(folder: Path, *, seed: int = 0, device: str = "cpu") -> Facts:
    """Read a finished run and compute the figures of its samples.

    Args:
        folder: the run folder.
        seed: of the samples and of the training molecules that are shown.
        device: a torch device.

    Raises:
        ModelError: the folder holds no run, or it is damaged.
    """
    start = read_start(folder, finished=True)
    vae = MolVAE.from_pretrained(folder, device=device)
    rng = np.random.default_rng(seed)
    training = [start.smiles[row] for row in rng.permutation(start.parts["train"])[:_REFERENCE]]
    compared = training[:_COMPARED]
    texts = list(islice(chain.from_iterable(vae.draws(Decoding(), seed=seed)), _DRAWS))
    with quiet_rdkit():
        screened = screen((), Raw(0, texts, 0.0), atoms=vae.atoms)
    valid = screened.smiles
    samples = list(dict.fromkeys(one for one, fine in zip(valid, screened.plausible, strict=True) if fine))
    known = vae.training_set
    similarities = tanimoto(samples, training)
    best = similarities.argmax(1)
    return Facts(
        folder=folder,
        vae=vae,
        start=start,
        history=pd.DataFrame(read_history(folder, start.training.epochs)),
        rejected=_rejected(folder),
        drawn=len(texts),
        valid=len(valid),
        samples=samples,
        novel=1.0 - len(known.intersection(samples)) / len(samples) if known is not None and samples else np.nan,
        compared=compared,
        properties={
            "training": property_table(compared, PROPERTIES),
            "samples": property_table(samples, PROPERTIES),
        },
        alerts=_alerts(compared, samples),
        reference=len(training),
        nearest=[training[row] for row in best],
        similarity=similarities[np.arange(len(best)), best],
        plane=project(vae.encode([*compared, *samples]), method="pca"),
        predicted=_predicted(vae, start),
    )


def _predicted(vae: MolVAE, start: Start) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Labels and predictions of held-out molecules, as in `Facts`."""
    if not vae.config.heads:
        return {}
    rows = start.parts["valid"][:_PREDICTED]
    table = vae.predict([start.smiles[row] for row in rows])
    found = {}
    for column, (name, quantity) in enumerate(zip(vae.config.heads, vae.config.quantities, strict=True)):
        predicted = table[name].to_numpy(np.float64)
        pair = np.stack([start.labels[rows, column], predicted if quantity == name else np.log10(predicted)])
        measured, predicted = pair[:, np.isfinite(pair).all(0)]
        found[quantity] = (measured, predicted)
    return found


def _rejected(folder: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(folder / "rejected.csv", dtype=str, keep_default_na=False)
    except (OSError, ValueError):  # the file was lost; the rest of the report does not need it
        return pd.DataFrame({"row": [], "text": [], "reason": []}, dtype=str)


def _alerts(training: Sequence[str], samples: Sequence[str]) -> pd.DataFrame:
    rows = []
    for catalog, description in CATALOGS.items():
        found = {"training": structural_alerts(training, catalog), "samples": structural_alerts(samples, catalog)}
        shares = {name: sum(map(bool, each)) / max(1, len(each)) for name, each in found.items()}
        names = Counter(name for each in found["samples"] for name in set(each))
        frequent = ", ".join(f"{name} ({n})" for name, n in names.most_common(4))
        rows.append({"catalog": catalog, "description": description, **shares, "frequent": frequent})
    return pd.DataFrame(rows)
