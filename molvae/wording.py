"""Small words in messages."""

from __future__ import annotations

__all__ = ["count"]


def count(n: int, noun: str) -> str:
    """A number with its noun, in the plural where it must be.

    >>> count(1, "molecule"), count(50_000, "molecule")
    ('1 molecule', '50,000 molecules')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
