"""Search for molecules with high scores: what is proposed, what is asked, what was learned."""

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
