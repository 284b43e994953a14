"""Atomic writes: a file is written under a temporary name and then renamed, so it is complete or missing."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import stat
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molvae.errors import InputError, ModelError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "atomic",
    "check_writable",
    "finite",
    "is_leftover",
    "read_json",
    "read_tensors",
    "remove_leftovers",
    "tensor_shapes",
    "write_tensors",
    "write_text",
]

_RANDOM = re.compile(r"[a-z0-9_]{8}")  # the random part of a tempfile name


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary file in the same folder, which is renamed to `path` when the block ends without an exception.

    An existing file keeps its mode and, if the system allows it, its owner. If `path` is a symbolic link, the target is
    replaced, not the link.

    Raises:
        InputError: the folder or the file cannot be written, or `path` is a folder, a pipe or a device.
    """
    target = Path(os.path.realpath(path))
    temporary: str | None = None
    try:
        there = _replaceable(target)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent)
        os.close(handle)
        yield Path(temporary)
        # mkstemp makes private files, but results should have the usual mode.
        os.chmod(temporary, stat.S_IMODE(there.st_mode) if there else 0o666 & ~_umask())
        if there and hasattr(os, "chown"):
            with suppress(OSError):
                os.chown(temporary, there.st_uid, there.st_gid)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())  # otherwise a power cut could leave an empty file under the new name
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)


def check_writable(path: Path) -> None:
    """Check that a file may be written, before anything is read or written.

    Raises:
        InputError: it is a folder, a pipe or a device, or may not be written.
    """
    try:
        _replaceable(Path(os.path.realpath(path)))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None


def _replaceable(path: Path) -> os.stat_result | None:
    """The status of an existing file, None if there is none; raises OSError if it may not be replaced."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(there.st_mode):
        raise OSError(errno.EINVAL, "it is a folder" if path.is_dir() else "it is a pipe, a device or a loop of links")
    if not os.access(path, os.W_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    return there


def is_leftover(name: str, names: Iterable[str]) -> bool:
    """Whether a file is the temporary file of one of `names`, left by a process that was killed."""
    return any(
        name.startswith(f".{one}.")
        and name.endswith(Path(one).suffix)
        and _RANDOM.fullmatch(name[len(one) + 2 : len(name) - len(Path(one).suffix)]) is not None
        for one in names
    )


def remove_leftovers(folder: Path, names: Collection[str]) -> None:
    """Remove the files in a folder for which `is_leftover` is true."""
    for path in folder.iterdir():
        if is_leftover(path.name, names):
            path.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write a text file, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any] | None = None) -> None:
    """Write named tensors and a JSON-able mapping to a safetensors file, atomically."""
    from safetensors.torch import save

    whole = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
    with atomic(path) as temporary:
        # Not save_file: on a full disk it does not raise OSError, and when killed it leaves other temporary files.
        temporary.write_bytes(save(whole, metadata={"json": json.dumps(metadata or {})}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors (on the CPU) and the mapping that `write_tensors` wrote.

    Raises:
        ModelError: the file is missing, truncated or not a safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    _check_file(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {}).get("json", "{}"))
            if not isinstance(metadata, dict):
                raise ValueError("its metadata are not a mapping")
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118 (not a mapping)
    except FileNotFoundError:
        raise ModelError(f"{path} does not exist") from None
    except (SafetensorError, OSError, ValueError, RecursionError, MemoryError) as error:
        raise ModelError(f"{path} is truncated or no safetensors file ({error})") from None


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of the tensors in a safetensors file, from its header; the file must have the right length.

    Raises:
        ModelError: as in `read_tensors`.
    """
    from safetensors import SafetensorError, safe_open

    _check_file(path)
    try:
        with safe_open(path, framework="np") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError, ValueError, MemoryError) as error:
        raise ModelError(f"{path} is truncated or no safetensors file ({error})") from None


def _check_file(path: Path, most: int | None = None) -> None:
    """Raise `ModelError` if a file is missing, not a regular file (a pipe could block), or larger than `most`."""
    try:
        there = path.stat()
    except FileNotFoundError:
        raise ModelError(f"{path} does not exist") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from None
    if not stat.S_ISREG(there.st_mode):
        raise ModelError(f"{path} is not a regular file")
    if most is not None and there.st_size > most:
        raise ModelError(f"{path} is damaged: {there.st_size:,} bytes are more than such a file can have")


def finite(value: Any) -> Any:
    """The same value with None for NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_json(path: Path, *, most: int | None = None) -> Any:
    """The content of a JSON file of a model, of at most `most` bytes (None: no limit).

    Raises:
        ModelError: the file is missing, too large, or not JSON.
    """
    _check_file(path, most)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path} does not exist") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is no JSON file ({error})") from None
    except RecursionError:
        raise ModelError(f"{path} is damaged: its JSON is nested too deeply") from None
