"""The processes of one job, as torchrun starts them: how many, which one is this, and what they tell each other.

A plain process is a job of one, and for it all of this is trivial and imports nothing. Process 0 is the main one: it
alone reads the user's file, writes and prints.
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

# While the main process cleans a large file the others wait. Should it die, torchrun ends them.
_PATIENCE = timedelta(days=1)


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
    """The number of this process among those on its machine: the GPU it takes."""
    return _environment("LOCAL_RANK", 0)


def local_world_size() -> int:
    """The number of processes of this job on this machine, which share its cores."""
    return _environment("LOCAL_WORLD_SIZE", 1)


def is_main() -> bool:
    """Whether this process reads, writes and prints."""
    return rank() == 0


def connect(*, cpu: bool = True) -> None:
    """Connect the processes, unless they are connected.

    Args:
        cpu: exchange through the CPU (gloo), also where there are GPUs.
    """
    if world_size() == 1:
        return
    import torch.distributed as dist

    if not dist.is_initialized():
        from accelerate import PartialState

        PartialState(cpu=cpu, timeout=_PATIENCE)
        atexit.register(_disconnect)


def _disconnect() -> None:
    import torch.distributed as dist

    if dist.is_initialized():
        dist.destroy_process_group()


def run_process(program: Callable[[], object]) -> None:
    """Run what a process is there for, and end the process with it where it is one of several.

    gloo's threads let go of tensors when they like. If Python is being taken down at that moment the process aborts,
    long after its work is done, and torchrun calls the job failed. So Python is not taken down: what is registered to
    run at exit runs, and the process ends.

    Args:
        program: ends by `SystemExit`, as a command does.
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

    atexit.register(leave)  # the first to be registered is the last to be called
    try:
        program()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


def broadcast(value: T) -> T:
    """The main process's value, in every process."""
    if world_size() == 1:
        return value
    import torch.distributed as dist

    connect()
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def gather(value: T) -> list[T] | None:
    """The values of all processes, in order of rank, in the main one; None in the others."""
    if world_size() == 1:
        return [value]
    import torch.distributed as dist

    connect()
    box: list[Any] | None = [None] * world_size() if is_main() else None
    dist.gather_object(value, box)
    return box


def total(tensor: Tensor) -> Tensor:
    """The sum of a tensor over all processes, in place."""
    if world_size() > 1:
        import torch.distributed as dist

        shared = tensor.cuda() if dist.get_backend() == "nccl" else tensor
        dist.all_reduce(shared)
        tensor.copy_(shared)
    return tensor


def on_main(function: Callable[[], T]) -> T:
    """Call a function in the main process only; every process gets its result.

    Raises:
        MolVAEError: what `function` raised; the other processes end with exit code 1 and leave it to the main one to
            say why.
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
