"""From token ids to a trained model."""

from molvae.training.health import Health, HealthCheck
from molvae.training.labels import HeadCheck, Labels, label_scale
from molvae.training.progress import Epoch, Progress
from molvae.training.smiles_randomization import Respelling
from molvae.training.trainer import Trainer

__all__ = [
    "Epoch",
    "HeadCheck",
    "Health",
    "HealthCheck",
    "Labels",
    "Progress",
    "Respelling",
    "Trainer",
    "label_scale",
]
