"""Models on disk: those that come with the package (`medchem`, `moses`), model folders, and the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

__all__ = ["BUNDLED", "SHIPPED", "shipped"]

BUNDLED = "medchem"
"""The model that is used where none is named."""

SHIPPED = MappingProxyType({"bundled": BUNDLED, "medchem": "medchem", "moses": "moses"})
"""Folders of the models that come with the package, by the names that users give; ``./medchem`` is the user's own."""

_FOLDER = Path(__file__).parent


def shipped(name: str) -> Path | None:
    """The folder of the model of this name of `SHIPPED`; None where this installation has none."""
    folder = _FOLDER / SHIPPED[name]
    return folder if (folder / "model.safetensors").is_file() else None
