"""Ctrl-C, and the SIGTERM of a cluster's time limit, as a wish that is granted when what is under way is done."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

__all__ = ["Interruption"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SAME = 1.0  # seconds in which a second signal is the same one: torchrun passes on what the terminal sent already


class Interruption:
    """In its `with` block a signal sets `asked` and ends nothing; a second one ends all at once.

    In other threads than the main one, which get no signals, this does nothing.

    Args:
        on_asked: called at the first signal.

    Attributes:
        asked: somebody wants this to end.
    """

    def __init__(self, on_asked: Callable[[], None] = lambda: None) -> None:
        self.asked = False
        self._on_asked = on_asked
        self._since = 0.0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {one: signal.signal(one, self._handle) for one in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.asked:
            self.asked, self._since = True, now
            self._on_asked()
        elif now - self._since > _SAME:
            raise KeyboardInterrupt
