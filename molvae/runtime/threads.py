"""How torch uses the cores of a CPU: one thread for each Python thread that decodes, and none inherited by a fork.

Threads of OpenMP wait for each other at the end of every operation, and spin while they wait. As soon as anything else
wants a core (RDKit's workers, a neighbour on a shared machine) one of them is late each time and the others burn the
core it needs: two threads on two cores were measured ten times slower than one. Blocks of draws do not depend on each
other, so several Python threads decode a block each, with one thread of torch: nobody waits for anybody.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["one_thread_each", "thread_budget"]

_lock = threading.Lock()
_users = 0
_before = 1


def thread_budget() -> int:
    """The threads that torch may use: what the user has set, or the cores."""
    return _before if _users else torch.get_num_threads()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """While the block runs, torch computes with one thread in each Python thread.

    May be entered several times at once; the last to leave sets the number back.
    """
    global _users, _before
    with _lock:
        if not _users:
            _before = torch.get_num_threads()
            torch.set_num_threads(1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                torch.set_num_threads(_before)


def _after_fork() -> None:
    """A forked child has none of its parent's threads; libgomp waits for them for ever unless it is told."""
    global _lock, _users
    _lock, _users = threading.Lock(), 0
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
