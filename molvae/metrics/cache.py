"""Tensors that take long to compute, kept in the user's cache folder by a key that says all they depend on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress

from torch import Tensor

from molvae.cache_folder import cache_folder, tidy
from molvae.errors import MolVAEError
from molvae.files import read_tensors, write_tensors

__all__ = ["remembered"]

_SUFFIX = ".safetensors"
_MOST_ENTRIES = 16


def remembered(key: str, make: Callable[[], Mapping[str, Tensor]]) -> Mapping[str, Tensor]:
    """What `make` gives, or gave when it was asked for under this key before.

    What is wrong with the folder or an entry never ends a run: it is computed as if there were none.

    Args:
        key: part of a file name.
        make: computes it.
    """
    folder = cache_folder("statistics")
    if folder is None:
        return make()
    entry = folder / f"{key}{_SUFFIX}"
    with suppress(MolVAEError):
        tensors, about = read_tensors(entry)
        if about.get("key") == key:
            with suppress(OSError):
                os.utime(entry)  # the most recent entries are kept
            return tensors
    tensors = dict(make())
    with suppress(MolVAEError, OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # molecules may be secrets
        write_tensors(entry, tensors, {"key": key})
        tidy(folder, _SUFFIX, _MOST_ENTRIES)
    return tensors
