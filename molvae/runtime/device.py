"""The torch device, its threads, and the memory that the C library keeps."""

from __future__ import annotations

import ctypes
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import threadpoolctl
import torch

from molvae.errors import ConfigError
from molvae.runtime.distributed import local_rank

__all__ = ["kept_memory", "limit_threads", "max_threads", "one_thread_each", "pick_device", "profits_from_bf16"]

_lock = threading.Lock()
_users = 0
_threads_before = 1

# Options of glibc's malloc.h. Afterwards: its default limit of mappings, and the largest thresholds it sets itself.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
_KEEP = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1}
_AFTERWARDS = {_M_MMAP_MAX: 65_536, _M_MMAP_THRESHOLD: 32 * 2**20, _M_TRIM_THRESHOLD: 64 * 2**20}


def pick_device(name: str) -> torch.device:
    """The torch device for a name like auto, cpu, cuda, cuda:1 or mps.

    If torchrun started several processes, auto and cuda give each process its own GPU.

    Raises:
        ConfigError: the name is unknown, or this machine has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", name):
        raise ConfigError(f"device {name!r} is not one of auto, cpu, cuda, cuda:N, mps")
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
    """Whether bf16 matrix products are faster than fp32: CUDA since Ampere, CPUs with AVX512-BF16 or AMX."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch has no public function for this
        return any(getattr(torch.cpu, check, bool)() for check in checks)
    return False


def limit_threads(n: int) -> None:
    """Let torch and the linear algebra of numpy and scipy compute with at most n threads in this process."""
    torch.set_num_threads(n)
    threadpoolctl.threadpool_limits(n)


def max_threads() -> int:
    """The number of threads that torch may use: set by the user, or the number of cores."""
    return _threads_before if _users else torch.get_num_threads()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let torch compute with one thread in each Python thread while the block runs.

    Several Python threads with one torch thread each are faster than several torch threads when anything else needs a
    core: torch's threads wait for each other after every operation and spin while they wait (measured: two threads on
    two cores were ten times slower than one). Blocks may overlap; the last to end restores the number of threads.
    """
    global _users, _threads_before
    with _lock:
        if not _users:
            _threads_before = torch.get_num_threads()
            torch.set_num_threads(1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                torch.set_num_threads(_threads_before)


def _after_fork() -> None:
    # A forked child has none of its parent's threads, but libgomp would wait for them forever.
    global _lock, _users
    _lock, _users = threading.Lock(), 0
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def kept_memory() -> Iterator[None]:
    """Let this process keep freed memory while the block runs, instead of returning it to the system.

    Otherwise each tensor of tens of megabytes is a new mapping, whose pages the kernel clears: a fifth of the time of a
    training step on a CPU. Afterwards the memory is returned, and only tensors of 32 MB or more are new mappings, as
    glibc does after it has freed such a tensor. (It no longer adapts its thresholds once they were set.) Without glibc
    this does nothing.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not (hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim")):
        yield
        return
    for option, value in _KEEP.items():
        libc.mallopt(option, value)
    try:
        yield
    finally:
        for option, value in _AFTERWARDS.items():
            libc.mallopt(option, value)
        libc.malloc_trim(0)
