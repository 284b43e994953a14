"""Find the latest finished run, without importing the training code."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CHECKPOINT", "RUNS", "is_finished", "latest_run"]

RUNS = Path("molvae-runs")
"""The default folder of runs."""

CHECKPOINT = "checkpoint.safetensors"
"""The state to resume from. It exists before the first model does, and is removed when the run is finished."""

_MODEL = "model.safetensors"


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a model and no checkpoint to resume from."""
    return (folder / _MODEL).is_file() and not (folder / CHECKPOINT).exists()


def latest_run() -> Path | None:
    """The newest finished run in the current folder, or None. Hidden folders are ignored, as they will be removed."""
    times = {path: time for path in RUNS.glob("[!.]*") if (time := _finished_at(path)) is not None}
    return max(times, key=times.__getitem__, default=None)


def _finished_at(folder: Path) -> float | None:
    """The time at which a run was finished; None if it is not, is not readable, or was removed."""
    try:
        return (folder / _MODEL).stat().st_mtime if is_finished(folder) else None
    except OSError:
        return None
