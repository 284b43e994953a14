"""Where runs are, and which of them is finished: what `sample` must know of them, without loading what trains."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CHECKPOINT", "RUNS", "is_finished", "latest_run"]

RUNS = Path("molvae-runs")
"""Where runs go that were given no folder."""

CHECKPOINT = "checkpoint.safetensors"
"""The state to resume from; gone when a run is finished."""


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a model and no training that could be resumed."""
    return (folder / "model.safetensors").is_file() and not (folder / CHECKPOINT).exists()


def latest_run() -> Path | None:
    """The newest finished run here, if there is one."""
    finished = [path for path in RUNS.glob("*") if is_finished(path)]
    return max(finished, key=lambda path: (path / "model.safetensors").stat().st_mtime, default=None)
