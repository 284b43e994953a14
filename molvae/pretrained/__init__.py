"""The models that come with the package: model folders here, where the installation has them."""

from __future__ import annotations

from pathlib import Path

__all__ = ["BUNDLED", "SHIPPED", "shipped"]

BUNDLED = "bundled"
"""The name of the model that is taken where none is named; a folder of this name is ``./bundled``."""

_FOLDER = Path(__file__).parent

SHIPPED = (BUNDLED, "medchem")
"""The names of all models that come with the package: of flat, neutral molecules, and of medicinal chemistry."""


def shipped(name: str) -> Path | None:
    """The folder of the model of this name of `SHIPPED`; None where this installation has none."""
    folder = _FOLDER if name == BUNDLED else _FOLDER / name
    return folder if (folder / "model.safetensors").is_file() else None
