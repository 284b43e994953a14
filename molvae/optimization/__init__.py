"""Search for molecules with high scores: `optimizer` asks and learns, `run` is a search in a folder; see README.md."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from molvae.optimization.optimizer import Optimizer
    from molvae.optimization.proposal import Proposal

__all__ = ["Optimizer", "Proposal"]

_LAZY = {"Optimizer": "molvae.optimization.optimizer", "Proposal": "molvae.optimization.proposal"}


def __getattr__(name: str) -> Any:
    """Imported when it is asked for: the figures of a run need no torch."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
