"""Tensors that take long to compute, kept in the user's cache folder by a key that says all they depend on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from molvae.errors import MolVAEError
from molvae.storage.cache_folder import cache_folder, tidy
from molvae.storage.files import read_tensors, write_tensors

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["remembered"]

_SUFFIX = ".safetensors"


def remembered(
    kind: str, key: str, make: Callable[[], Mapping[str, Tensor]], *, most: int = 16
) -> Mapping[str, Tensor]:
    """What `make` gives, or gave when it was asked for under this key before.

    What is wrong with the folder or an entry never ends a run: it is computed as if there were none.

    Args:
        kind: the name of a folder in the cache.
        key: part of a file name there.
        make: computes it.
        most: entries of a kind that are kept, the most recent ones.
    """
    folder = cache_folder(kind)
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
        tidy(folder, _SUFFIX, most)
    return tensors
