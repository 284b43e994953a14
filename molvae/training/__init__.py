"""From token ids to a trained model."""

from molvae.training.device import pick_device
from molvae.training.health import Health, HealthCheck
from molvae.training.trainer import Epoch, Progress, Trainer

__all__ = ["Epoch", "Health", "HealthCheck", "Progress", "Trainer", "pick_device"]
