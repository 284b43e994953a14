"""The state of a training as one safetensors file: weights, optimizer, position in the plan. Nothing is pickled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from molvae.errors import ModelError
from molvae.storage.files import read_tensors, write_tensors

__all__ = ["Position", "read_checkpoint", "write_checkpoint"]

_FORMAT = "molvae-checkpoint/2"
_MOST = 1 << 53  # of batches, steps and seconds: an exact integer in JSON readers
_METADATA = {"param_groups": list, "position": list, "extra": dict}


class Position(NamedTuple):
    """The position of a training in its plan."""

    pool: int
    """pools done"""
    batch: int
    """batches done in the current pool"""
    step: int
    """steps done"""
    seconds: float
    """training time so far"""


def write_checkpoint(
    path: Path,
    tensors: Mapping[str, Mapping[str, Tensor]],
    optimizer: torch.optim.Optimizer,
    position: Position,
    extra: Mapping[str, Any],
) -> None:
    """Write the state, atomically.

    Args:
        path: the file.
        tensors: groups of named tensors.
        optimizer: its state is added as the group "optimizer".
        position: the position in the plan.
        extra: other values, JSON-able.
    """
    state = optimizer.state_dict()
    moments = {f"{index}.{key}": value for index, values in state["state"].items() for key, value in values.items()}
    groups = {**tensors, "optimizer": moments}
    flat = {f"{group}/{name}": value for group, named in groups.items() for name, value in named.items()}
    metadata = {"format": _FORMAT, "position": position, "param_groups": state["param_groups"], "extra": extra}
    write_tensors(path, flat, metadata)


def read_checkpoint(path: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any], Position, dict[str, Any]]:
    """Read a checkpoint: groups of tensors, the optimizer's state, position, extra.

    Raises:
        ModelError: the file is missing, truncated or foreign.
    """
    flat, metadata = read_tensors(path)
    if metadata.get("format") != _FORMAT:
        raise ModelError(f"{path} is no checkpoint of molvae ({_FORMAT})")
    if any(not isinstance(metadata.get(key), kind) for key, kind in _METADATA.items()):
        raise ModelError(f"{path} is damaged: its metadata lack {', '.join(_METADATA)}")
    groups: dict[str, dict[str, Tensor]] = {}
    for name, value in flat.items():
        group, _, key = name.partition("/")
        groups.setdefault(group, {})[key] = value
    state: dict[int, dict[str, Tensor]] = {}
    try:
        for name, value in groups.pop("optimizer", {}).items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = value
        pool, batch, step, seconds = metadata["position"]
        position = Position(int(pool), int(batch), int(step), float(seconds))
        if min(position) < 0 or max(position) > _MOST:
            raise ValueError(f"its position is {', '.join(map(str, position))}")
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"{path} is damaged ({error})") from None
    return groups, {"state": state, "param_groups": metadata["param_groups"]}, position, metadata["extra"]
