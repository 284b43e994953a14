"""Fair timings on a machine that others use too: contenders take turns, medians are taken, memory is watched."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import NamedTuple

import psutil
import torch

__all__ = ["Figure", "gemm_rate", "rates", "resident", "seconds_of", "wait_for"]


class Figure(NamedTuple):
    """One measured number."""

    name: str
    value: float
    unit: str
    asked: str = ""
    """what it should be, if anybody said"""


def rates(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of what each contender measures, all of them once a round, after one round that does not count."""
    measured: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, measure in contenders.items():
            value = measure()
            if number:
                measured[name].append(value)
    return {name: median(values) for name, values in measured.items()}


def seconds_of(function: Callable[[], object], device: torch.device) -> float:
    """Seconds that a call takes, what it left on the device included."""
    wait_for(device)
    start = time.perf_counter()
    function()
    wait_for(device)
    return time.perf_counter() - start


def wait_for(device: torch.device) -> None:
    """Wait until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def gemm_rate(device: torch.device, dtype: torch.dtype, size: int = 2048) -> float:
    """FLOP/s of a product of two square matrices: what the machine can do at this moment."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2.0 * size**3 / median(seconds_of(lambda: a @ b, device) for _ in range(5))


def resident() -> float:
    """Resident memory of this process in megabytes."""
    return float(psutil.Process().memory_info().rss) / 1e6
