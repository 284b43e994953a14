"""The metrics of MOSES, with the denominators of its original code.

Source: Molecular Sets (MOSES) (Polykovskiy et al., 2020), https://doi.org/10.3389/fphar.2020.565644
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from molvae.chem.molecule_set import MoleculeSet
from molvae.metrics.chemnet import moments_of
from molvae.metrics.distances import cosine, frechet, internal_diversity, nearest_similarity
from molvae.metrics.features import PROPERTY_NAMES, Features, features_of
from molvae.metrics.statistics import ProgressCallback, Statistics, ignore_progress

__all__ = ["moses_metrics"]

_NAMES = dict(zip(PROPERTY_NAMES, ("logP", "SA", "QED", "weight"), strict=True))


def moses_metrics(
    molecules: Sequence[str | None],
    *,
    train: MoleculeSet | None = None,
    test: Statistics | None = None,
    test_scaffolds: Statistics | None = None,
    device: str | torch.device = "cpu",
    workers: int | None = None,
    on_progress: ProgressCallback = ignore_progress,
) -> dict[str, float]:
    """The metrics of a sample, by their names in MOSES.

    ``valid`` is a share of all strings, ``unique@k`` of the first k valid molecules (of all, if there are fewer),
    ``Novelty`` of the distinct valid molecules. The other metrics use all valid molecules; repeated ones count each
    time. FCD, SNN, Frag and Scaf compare with the test set (Test) or the test set of held-out scaffolds (TestSF).
    logP, SA, QED and weight (Daltons) are Wasserstein-1 distances to the test set. NaN if no molecule is valid.

    Args:
        molecules: the sample in its order: canonical SMILES, None for an invalid string.
        train: the training molecules; None leaves out ``Novelty``.
        test: statistics of the test set; None leaves out all comparisons with it. FCD needs its ChemNet moments.
        test_scaffolds: statistics of the test set of held-out scaffolds.
        device: a torch device.
        workers: number of RDKit processes; None takes all usable cores.
        on_progress: gets the progress.
    """
    valid = [one for one in molecules if one is not None]
    nan = float("nan")
    figures = {"valid": len(valid) / len(molecules) if molecules else nan}
    for k in (1_000, 10_000):
        figures[f"unique@{k}"] = len(set(valid[:k])) / len(valid[:k]) if valid else nan
    step = partial(on_progress, "chemistry of the sample", total=len(valid))
    seen = features_of(valid, filters=True, workers=workers, on_progress=step)
    references = {"Test": test, "TestSF": test_scaffolds}
    moments = None
    if any(each is not None and each.chemnet is not None for each in references.values()):
        step = partial(on_progress, "ChemNet on the sample", total=len(valid))
        moments = moments_of(valid, device=device, on_progress=step)
    for name, reference in references.items():
        if reference is not None:
            if reference.chemnet is not None:
                figures[f"FCD/{name}"] = nan if moments is None else frechet(reference.chemnet, moments)
            likeness = _likeness(seen, reference.features, device, on_progress)
            figures |= {f"{key}/{name}": value for key, value in likeness.items()}
    diversity = internal_diversity(seen.fingerprints, device=device) if valid else (nan, nan)
    figures |= dict(zip(("IntDiv", "IntDiv2"), diversity, strict=True))
    figures["Filters"] = seen.passed / len(valid) if valid else nan
    if test is not None:
        figures |= _wasserstein(seen, test.features)
    if train is not None:
        distinct = set(valid)
        figures["Novelty"] = 1.0 - len(train.intersection(distinct)) / len(distinct) if distinct else nan
    return figures


def _likeness(
    seen: Features, reference: Features, device: str | torch.device, on_progress: ProgressCallback
) -> dict[str, float]:
    step = partial(on_progress, "nearest neighbours", total=len(reference))
    nearest = nearest_similarity(seen.fingerprints, reference.fingerprints, device=device, on_progress=step)
    return {
        "SNN": float(nearest.mean(dtype=float)) if len(nearest) else float("nan"),
        "Frag": cosine(reference.fragments, seen.fragments),
        "Scaf": cosine(reference.scaffolds, seen.scaffolds),
    }


def _wasserstein(seen: Features, reference: Features) -> dict[str, float]:
    from scipy.stats import wasserstein_distance

    if not len(seen) or not len(reference):
        return {name: float("nan") for name in _NAMES.values()}
    pairs = zip(_NAMES.values(), reference.properties, seen.properties, strict=True)
    return {name: float(wasserstein_distance(theirs, ours)) for name, theirs, ours in pairs}
