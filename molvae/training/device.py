"""Where training runs and in which arithmetic: the one place that talks to accelerate about it."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from molvae.chem import usable_cores
from molvae.config import TrainConfig
from molvae.runtime import distributed
from molvae.runtime.device import pick_device, profits_from_bf16

__all__ = ["coupling_threads", "data_parallel", "make_accelerator", "where"]


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
    """Optimal transports at a time: beside a GPU half the cores, so that what feeds it has the others; else one."""
    return max(1, usable_cores() // 2) if device.type != "cpu" else 1


def where(accelerator: Accelerator) -> str:
    """Device and precision, as one would say them."""
    times = f"{distributed.world_size()} x " if distributed.world_size() > 1 else ""
    precision = "bf16" if accelerator.mixed_precision == "bf16" else "fp32"
    slow = precision == "bf16" and not profits_from_bf16(accelerator.device)
    return f"{times}{accelerator.device.type} in {precision}" + (
        ", which it has to emulate: fp32 is far faster" if slow else ""
    )
