"""From token ids to a trained model."""

from molvae.training.health import Health, HealthCheck
from molvae.training.progress import Epoch, Progress
from molvae.training.respelling import Respelling
from molvae.training.trainer import Trainer

__all__ = ["Epoch", "Health", "HealthCheck", "Progress", "Respelling", "Trainer"]
