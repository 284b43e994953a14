"""Memory that the C library keeps between the steps of a training, instead of handing it back and asking anew."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["kept_memory"]

# Names of glibc's malloc.h, with its limit for mappings, and the largest thresholds that it comes to by itself.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
_AFTERWARDS = {_M_MMAP_MAX: 65_536, _M_MMAP_THRESHOLD: 32 * 2**20, _M_TRIM_THRESHOLD: 64 * 2**20}
_KEEP = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1}


@contextmanager
def kept_memory() -> Iterator[None]:
    """While the block runs, memory that is freed stays with this process.

    A tensor of tens of megabytes is otherwise a fresh mapping each time, whose pages the kernel clears one by one: a
    fifth of the time of a training step on a CPU. Afterwards what is left is handed back, and only tensors of 32 MB
    or more are fresh mappings each time: as glibc has it once such a one was freed, since the thresholds that it moves
    by itself do not move again when they were set. On systems without glibc this does nothing.
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
