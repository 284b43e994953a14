"""Handle Ctrl-C and SIGTERM (a cluster's time limit) as a request to stop after the current step."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

__all__ = ["Interruption"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SAME = 1.0  # seconds; a second signal within this time is ignored: torchrun repeats the terminal's signal


class Interruption:
    """In its `with` block a first signal only sets `asked`; a second one raises `KeyboardInterrupt`.

    Outside the main thread, which alone gets signals, this does nothing.

    Args:
        on_asked: called at the first signal.

    Attributes:
        asked: whether a signal arrived.
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
