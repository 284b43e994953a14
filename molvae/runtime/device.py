"""The torch device that a name means on this machine, and what it is good at."""

from __future__ import annotations

import re

import torch

from molvae.errors import ConfigError
from molvae.runtime.distributed import local_rank

__all__ = ["pick_device", "profits_from_bf16"]


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


def profits_from_bf16(device: torch.device) -> bool:
    """Whether matrix products in bf16 are faster than in fp32: CUDA since Ampere, CPUs with AVX512-BF16 or AMX."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch has no public name for it
        return any(getattr(torch.cpu, check, bool)() for check in checks)
    return False
