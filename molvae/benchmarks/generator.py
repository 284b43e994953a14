"""The generator of the optimization benchmark: trained on ZINC-250k and nothing else."""

from __future__ import annotations

from pathlib import Path

from molvae.corpus.datasets import find
from molvae.storage.cache import cache_folder
from molvae.storage.latest_run import is_finished
from molvae.training.run import resume, train

__all__ = ["zinc_generator"]

_NAME = "zinc250k-generator"


def zinc_generator() -> Path:
    """The folder of the generator, which is trained where it is not in the cache; an hour or two on two cores.

    Medium size, three epochs of AdamW, seed 0, no stereo, since no task looks at it; all else by default:
    ``molvae train zinc250k.csv.gz --from-scratch --size medium --epochs 3 --optimizer adamw --learning-rate 0.004
    --weight-decay 0.01 --no-stereo``.

    Raises:
        InputError: the molecules are not at hand.
    """
    folder = (cache_folder("models") or Path("molvae-runs")) / _NAME
    if is_finished(folder):
        return folder
    if folder.exists():
        resume(folder, verbose=True)
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    train(
        find("zinc250k"),
        folder,
        size="medium",
        from_scratch=True,
        training={"epochs": 3, "optimizer": "adamw", "learning_rate": 4e-3, "weight_decay": 0.01, "seed": 0},
        cleaning={"stereo": False},
        verbose=True,
    )
    return folder
