"""All metrics of a sample in one call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from molvae.metrics.chemnet import has_chemnet
from molvae.metrics.features import canonical_all
from molvae.metrics.guacamol import guacamol_metrics
from molvae.metrics.moses import moses_metrics
from molvae.metrics.statistics import ProgressCallback, ignore_progress, molecule_set_of, statistics_of

__all__ = ["evaluate"]


def evaluate(
    samples: Sequence[str],
    *,
    train: Sequence[str] | None = None,
    test: Sequence[str] | None = None,
    test_scaffolds: Sequence[str] | None = None,
    device: str | torch.device = "cpu",
    workers: int | None = None,
    on_progress: ProgressCallback = ignore_progress,
) -> dict[str, float]:
    """Compute the metrics of MOSES and, if there is a training set, of GuacaMol.

    Statistics of the reference sets are kept in the user's cache folder. FCD values need the extra ``molvae[fcd]``
    and are left out without it.

    Args:
        samples: the sampled strings in their order, including invalid and repeated ones.
        train: the training set as SMILES in any spelling, for ``Novelty`` and GuacaMol.
        test: the test set as SMILES in any spelling.
        test_scaffolds: the test set of held-out scaffolds.
        device: a torch device.
        workers: number of RDKit processes; None takes all usable cores.
        on_progress: gets the progress.

    Returns:
        Metrics by name: ``samples``, the number of strings, then those of `moses_metrics` and `guacamol_metrics`.
    """
    molecules = canonical_all(samples, workers=workers, on_progress=partial(on_progress, "reading", total=len(samples)))
    references = {
        name: None
        if smiles is None
        else statistics_of(
            smiles, name=title, fcd=has_chemnet(), device=device, workers=workers, on_progress=on_progress
        )
        for name, title, smiles in (
            ("test", "the test set", test),
            ("test_scaffolds", "the scaffold test set", test_scaffolds),
        )
    }
    known = (
        None
        if train is None
        else molecule_set_of(train, name="the training set", workers=workers, on_progress=on_progress)
    )
    figures = {"samples": float(len(samples))}
    figures |= moses_metrics(
        molecules, train=known, **references, device=device, workers=workers, on_progress=on_progress
    )
    if train is not None:
        figures |= guacamol_metrics(molecules, train, device=device, workers=workers, on_progress=on_progress)
    return figures
