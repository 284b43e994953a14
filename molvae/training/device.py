"""Where training runs and in which arithmetic: the one place that talks to accelerate about it."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from molvae.chem import usable_cores
from molvae.config import TrainConfig
from molvae.machine import distributed
from molvae.machine.device import pick_device

__all__ = ["coupling_threads", "data_parallel", "make_accelerator", "profits_from_bf16"]


def profits_from_bf16(device: torch.device) -> bool:
    """Whether matrix products in bf16 are faster than in fp32: CUDA since Ampere, CPUs with AVX512-BF16 or AMX."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch has no public name for it
        return any(getattr(torch.cpu, check, bool)() for check in checks)
    return False


def make_accelerator(config: TrainConfig) -> Accelerator:
    """An accelerate `Accelerator` for the device and precision of `config`.

    Raises:
        ConfigError: the device is not there.
    """
    device = pick_device(config.device)
    bf16 = config.precision == "bf16" or (config.precision == "auto" and profits_from_bf16(device))
    if device.index is not None:
        torch.cuda.set_device(device)
    # accelerate keeps its choices for the life of the process; a second training may choose otherwise.
    AcceleratorState._reset_state(reset_partial_state=True)
    distributed.connect(cpu=device.type == "cpu")
    return Accelerator(cpu=device.type == "cpu", mixed_precision="bf16" if bf16 else "no")


def data_parallel(model: nn.Module) -> nn.Module:
    """The model as one of the copies that average their gradients; of a single process, the model itself."""
    if distributed.world_size() == 1:
        return model
    device = next(model.parameters()).device
    return DistributedDataParallel(model, device_ids=[device] if device.type == "cuda" else None)


def coupling_threads(device: torch.device) -> int:
    """Optimal transports at a time: beside a GPU all cores but one, beside torch on the cores themselves one."""
    return max(1, usable_cores() - 1) if device.type != "cpu" else 1
