"""The model that comes with the package: a model folder beside this file, where the installation has one."""

from __future__ import annotations

from pathlib import Path

__all__ = ["BUNDLED", "bundled"]

BUNDLED = "bundled"
"""Its name where a model is named; a folder of this name is ``./bundled``."""

_FOLDER = Path(__file__).parent


def bundled() -> Path | None:
    """The folder of the bundled model; None where this installation has none."""
    return _FOLDER if (_FOLDER / "model.safetensors").is_file() else None
