"""The processes of a job started by torchrun: their number, the rank of this one, and communication between them.

A plain process is a job of one; then these functions are trivial and do not import torch. Only process 0, the main
process, reads the user's file, writes and prints.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from molvae.errors import ConfigError, MolVAEError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "broadcast",
    "connect",
    "gather",
    "is_main",
    "local_rank",
    "local_world_size",
    "on_main",
    "rank",
    "run_process",
    "total",
    "world_size",
]

T = TypeVar("T")

# The other processes wait while the main process cleans a large file. If it dies, torchrun ends them.
_TIMEOUT = timedelta(days=1)


def _environment(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    try:
        return int(text) if text else default
    except ValueError:
        raise ConfigError(f"the environment variable {name} must be a number, not {text!r}; unset it") from None


def world_size() -> int:
    """The number of processes of this job."""
    return _environment("WORLD_SIZE", 1)


def rank() -> int:
    """The number of this process, from 0."""
    return _environment("RANK", 0) if world_size() > 1 else 0


def local_rank() -> int:
    """The number of this process among those on its machine, which is also the number of its GPU."""
    return _environment("LOCAL_RANK", 0)


def local_world_size() -> int:
    """The number of processes of this job on this machine."""
    return _environment("LOCAL_WORLD_SIZE", 1)


def is_main() -> bool:
    """Whether this is the main process, which reads, writes and prints."""
    return rank() == 0


def connect(*, cpu: bool = True) -> None:
    """Connect the processes, unless they are connected; `cpu` uses gloo even if there are GPUs."""
    if world_size() == 1:
        return
    import torch.distributed as dist

    if not dist.is_initialized():
        from accelerate import PartialState

        PartialState(cpu=cpu, timeout=_TIMEOUT)
        atexit.register(_disconnect)


def _disconnect() -> None:
    import torch.distributed as dist

    if dist.is_initialized():
        dist.destroy_process_group()


def run_process(program: Callable[[], object]) -> None:
    """Run a program; if this is one of several processes, end the process afterwards.

    gloo's threads free tensors at any time. If they do so while Python shuts down, the process aborts, and torchrun
    reports a failed job although the work is done. So the process runs its exit handlers and then ends without shutting
    Python down.

    Args:
        program: raises `SystemExit` at its end, like a command.
    """
    try:
        several = world_size() > 1 and rank() >= 0
    except ConfigError as error:
        raise SystemExit(f"error: {error}") from None
    if not several:
        program()
        return
    code = 1

    def leave() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    atexit.register(leave)  # registered first, so called last
    try:
        program()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


def broadcast(value: T) -> T:
    """Give the value of the main process to every process."""
    if world_size() == 1:
        return value
    import torch.distributed as dist

    connect()
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def gather(value: T) -> list[T] | None:
    """In the main process the values of all processes by rank; None in the others."""
    if world_size() == 1:
        return [value]
    import torch.distributed as dist

    connect()
    box: list[Any] | None = [None] * world_size() if is_main() else None
    dist.gather_object(value, box)
    return box


def total(tensor: Tensor) -> Tensor:
    """Sum a tensor over all processes, in place."""
    if world_size() > 1:
        import torch.distributed as dist

        shared = tensor.cuda() if dist.get_backend() == "nccl" else tensor
        dist.all_reduce(shared)
        tensor.copy_(shared)
    return tensor


def on_main(function: Callable[[], T]) -> T:
    """Call a function in the main process only, and give its result to every process.

    Raises:
        MolVAEError: `function` raised it in the main process; the other processes exit with code 1.
    """
    if world_size() == 1:
        return function()
    outcome: tuple[T, None] | tuple[None, MolVAEError] | None = None
    if is_main():
        try:
            outcome = function(), None
        except MolVAEError as error:
            outcome = None, error
    outcome = broadcast(outcome)
    assert outcome is not None
    if outcome[1] is None:
        return outcome[0]
    if not is_main():
        raise SystemExit(1)
    raise outcome[1]
