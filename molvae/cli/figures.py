"""Figures of a sample beside published ones: a table for people, lines or JSON for programs."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from molvae.cli.common import console, print_result, say
from molvae.cli.metric_descriptions import meaning_of
from molvae.metrics.published import PUBLISHED
from molvae.metrics.statistics import ProgressCallback

__all__ = ["print_figures", "watching"]

_WHOLE = ("samples", "molecules", "reconstructed molecules")
_SECONDS = 60.0  # without a line, after which one tells where an evaluation is


@contextmanager
def watching() -> Iterator[ProgressCallback]:
    """What an evaluation tells while it goes on: a bar where stderr is a terminal, a line a minute elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    if not console().is_terminal:
        yield _telling_now_and_then()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(), transient=True, redirect_stdout=False) as bar:
        tasks: dict[str, TaskID] = {}

        def watch(what: str, done: int, total: int) -> None:
            if what not in tasks:
                for task in tasks.values():
                    bar.update(task, visible=False)
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield watch


def _telling_now_and_then() -> ProgressCallback:
    last = time.monotonic()

    def watch(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS:
            say(f"{what}: {done:,} of {total:,}", "dim")
            last = time.monotonic()

    return watch


def print_figures(rows: Mapping[str, Mapping[str, float]], *, as_json: bool, published: bool) -> None:
    """Print samples' figures on stdout.

    Args:
        rows: figures by name, of each sample by its name.
        as_json: as JSON; else as a table on a terminal, and as lines ``name,value`` (``sample,name,value`` of several
            samples) in a file or a pipe.
        published: set published rows beside them in the table.
    """
    if as_json:
        clean = {
            title: {name: value if math.isfinite(value) else None for name, value in figures.items()}
            for title, figures in rows.items()
        }
        print_result(json.dumps(clean if len(rows) > 1 else next(iter(clean.values())), indent=1) + "\n")
    elif sys.stdout.isatty():
        _print_table({**rows, **(PUBLISHED if published else {})})
    else:
        head = len(rows) > 1
        lines = (
            f"{title + ',' if head else ''}{name},{value:.6g}\n"
            for title, figures in rows.items()
            for name, value in figures.items()
        )
        print_result("".join(lines))


def _print_table(rows: Mapping[str, Mapping[str, float]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for title in rows:
        table.add_column(title, justify="right", style="bold" if title not in PUBLISHED else "dim")
    table.add_column("", style="dim", max_width=46)
    names = list(dict.fromkeys(name for title, figures in rows.items() if title not in PUBLISHED for name in figures))
    for name in names:
        values = [_text(name, figures.get(name)) for figures in rows.values()]
        table.add_row(name, *values, meaning_of(name))
    Console(highlight=False).print(table)


def _text(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if name in _WHOLE else f"{value:.4f}"
