"""How long it takes until something happens: the help, and a hundred molecules from a cold start."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from molvae.benchmarks.timing import Figure, rates

__all__ = ["starting_speed"]


def starting_speed(model: Path | None, rounds: int) -> list[Figure]:
    """Seconds of whole processes.

    Args:
        model: to sample from; None leaves that out.
        rounds: measurements of each.
    """
    contenders: dict[str, Sequence[str]] = {
        "imports": ("-c", "import torch, rdkit.Chem"),
        "help": ("-m", "molvae", "--help"),
    }
    if model is not None:
        contenders["sample"] = ("-m", "molvae", "sample", "-n", "100", "--seed", "0", "--model", str(model))
    measured = rates({name: partial(_seconds, what) for name, what in contenders.items()}, rounds)
    figures = [
        Figure("starting, import torch, rdkit", measured["imports"], "s"),
        Figure("starting, molvae --help", measured["help"], "s", "< 0.5"),
    ]
    if model is not None:
        ratio = measured["sample"] / measured["imports"]
        figures += [
            Figure("starting, molvae sample --n 100", measured["sample"], "s"),
            Figure("starting, sample against the imports", ratio, "x", "< 1.5"),
        ]
    return figures


def _seconds(arguments: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start
