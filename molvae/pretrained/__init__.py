"""Model folders: find them, write them and read them; and the models that come with the package.

`hub.py` finds a model by name, `folder.py` writes and reads its files, `card.py` reads its description without torch.
The bundled models are in this folder.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["BUNDLED", "SHIPPED", "shipped"]

BUNDLED = "bundled"
"""The name of the default model; write ``./bundled`` for a folder of this name."""

_FOLDER = Path(__file__).parent

SHIPPED = (BUNDLED, "medchem")
"""The names of all models that come with the package: molecules without stereochemistry and charges, and medicinal
chemistry."""


def shipped(name: str) -> Path | None:
    """The folder of a model of `SHIPPED`; None if this installation does not have it."""
    folder = _FOLDER if name == BUNDLED else _FOLDER / name
    return folder if (folder / "model.safetensors").is_file() else None
