"""All metrics of a sample at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from molvae.metrics.chemnet import has_chemnet
from molvae.metrics.features import canonical_all
from molvae.metrics.guacamol import guacamol_metrics
from molvae.metrics.moses import moses_metrics
from molvae.metrics.statistics import Watch, molecule_set_of, statistics_of, unwatched

__all__ = ["evaluate"]


def evaluate(
    samples: Sequence[str],
    *,
    train: Sequence[str] | None = None,
    test: Sequence[str] | None = None,
    test_scaffolds: Sequence[str] | None = None,
    device: str | torch.device = "cpu",
    workers: int | None = None,
    watch: Watch = unwatched,
) -> dict[str, float]:
    """The metrics of MOSES and, with a training set, of GuacaMol.

    What is computed of the three reference sets is kept in the user's cache folder. Every FCD needs the extra
    ``molvae[fcd]`` and is left out without it.

    Args:
        samples: what was sampled, in its order, valid or not, repeated or not.
        train: the training set, any SMILES: for ``Novelty`` and GuacaMol.
        test: the test set, any SMILES: for what compares with it.
        test_scaffolds: the test set of held-out scaffolds.
        device: a torch device.
        workers: processes of RDKit; None takes all usable cores.
        watch: hears of the progress.

    Returns:
        Figures by name: ``samples``, the number of them, then those of `moses_metrics` and `guacamol_metrics`.
    """
    molecules = canonical_all(samples, workers=workers, on_progress=partial(watch, "reading", total=len(samples)))
    references = {
        name: None
        if smiles is None
        else statistics_of(smiles, name=title, fcd=has_chemnet(), device=device, workers=workers, watch=watch)
        for name, title, smiles in (
            ("test", "the test set", test),
            ("test_scaffolds", "the scaffold test set", test_scaffolds),
        )
    }
    known = None if train is None else molecule_set_of(train, name="the training set", workers=workers, watch=watch)
    figures = {"samples": float(len(samples))}
    figures |= moses_metrics(molecules, train=known, **references, device=device, workers=workers, watch=watch)
    if train is not None:
        figures |= guacamol_metrics(molecules, train, device=device, workers=workers, watch=watch)
    return figures
