"""The torch device that a name means on this machine."""

from __future__ import annotations

import re

import torch

from molvae.errors import ConfigError
from molvae.machine.distributed import local_rank

__all__ = ["pick_device"]


def pick_device(name: str) -> torch.device:
    """The torch device that a name like auto, cpu, cuda, cuda:1 or mps means on this machine.

    Of several processes (torchrun) each takes its own GPU for auto and cuda.

    Raises:
        ConfigError: the device is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", name):
        raise ConfigError(f"device {name!r} is none of auto, cpu, cuda, cuda:N, mps")
    if name == "cuda" and local_rank():
        name = f"cuda:{local_rank()}"
    device = torch.device(name)
    if device.type == "cuda" and not (torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()):
        raise ConfigError(
            f"device {name}: this machine has {torch.cuda.device_count()} CUDA devices that torch can use"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("device mps: torch finds no Apple GPU on this machine")
    return device
