"""``molvae download``"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from molvae.cli.common import command, console, print_result, say

if TYPE_CHECKING:
    from molvae.corpus.datasets import Progress as OnProgress

__all__ = ["download"]


class Name(StrEnum):
    """The data sets that can be had."""

    MOSES = "moses"
    ZINC250K = "zinc250k"


@command
def download(
    dataset: Annotated[Name, typer.Argument(help="The data set.", show_default=False)],
) -> None:
    """Download a public data set.

    moses: MOSES with its three splits, 1.9 million molecules, 13 MB (MIT licence). zinc250k: 249,455 molecules of ZINC
    with logP, QED and SA, 23 MB (Apache-2.0 licence of its repository).

    Files go to the folder $MOLVAE_DATA if that is set, else to your cache folder, where other commands find them. Each
    is compared with its known checksum; what is there and right is not fetched again. The paths go to stdout, one a
    line.
    """
    from molvae.corpus.datasets import DATASETS
    from molvae.corpus.datasets import download as bring

    about = DATASETS[dataset.value]
    say(f"{about.title}, {about.licence}, from {about.home}")
    fetched: set[str] = set()
    with _watching() as watch:

        def told(name: str, done: int, total: int) -> None:
            fetched.add(name)
            watch(name, done, total)

        paths = bring(dataset.value, on_progress=told)
    for path in paths:
        origin = f"downloaded from {about.base}" if path.name in fetched else "was there"
        say(f"{path}: {_size(path.stat().st_size)}, {origin}")
    print_result("".join(f"{path}\n" for path in paths))


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


@contextmanager
def _watching() -> Iterator[OnProgress]:
    """What a download tells while it goes on, as a bar where stderr is a terminal."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(
        *columns, console=console(), transient=True, redirect_stdout=False, disable=not console().is_terminal
    ) as bar:
        tasks: dict[str, TaskID] = {}

        def watch(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total or None)
            bar.update(tasks[name], completed=done)

        yield watch
