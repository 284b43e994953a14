"""Where runs are, and which of them is finished: what `sample` must know of them, without loading what trains."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CHECKPOINT", "RUNS", "is_finished", "latest_run"]

RUNS = Path("molvae-runs")
"""Where runs go that were given no folder."""

CHECKPOINT = "checkpoint.safetensors"
"""The state to resume from; there before the first model is, and gone when a run is finished."""

_MODEL = "model.safetensors"


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a model and no training that could be resumed."""
    return (folder / _MODEL).is_file() and not (folder / CHECKPOINT).exists()


def latest_run() -> Path | None:
    """The newest finished run here, if there is one; hidden folders are none, they are about to be removed."""
    times = {path: time for path in RUNS.glob("[!.]*") if (time := _finished_at(path)) is not None}
    return max(times, key=times.__getitem__, default=None)


def _finished_at(folder: Path) -> float | None:
    """When a run was finished; None for one that is not, may not be looked at, or is removed meanwhile."""
    try:
        return (folder / _MODEL).stat().st_mtime if is_finished(folder) else None
    except OSError:
        return None
