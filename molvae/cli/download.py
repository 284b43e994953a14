"""``molvae download``"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from molvae.cli.console import command, print_result, print_status
from molvae.cli.progress import ProgressDisplay

__all__ = ["download"]


@command
def download(
    dataset: Annotated[Literal["moses", "zinc250k"], typer.Argument(help="The data set.")],
) -> None:
    """Download a public data set.

    moses: MOSES with its three splits, 1.9 million molecules, 13 MB (MIT licence). zinc250k: 249,455 molecules of ZINC
    with logP, QED and SA, 23 MB (Apache-2.0 licence of its repository).

    Files go to the folder $MOLVAE_DATA if it is set, else to your cache folder, where other commands find them. The
    command verifies each file with a checksum, and does not download a correct file again. It prints the paths to
    stdout, one a line.
    """
    from molvae.corpus.datasets import DATASETS
    from molvae.corpus.datasets import download as fetch

    about = DATASETS[dataset]
    print_status(f"{about.title}, {about.licence}, from {about.home}")
    fetched: set[str] = set()
    with ProgressDisplay(count=lambda done, total: _size(done) + (f" of {_size(total)}" if total else "")) as show:

        def on_progress(name: str, done: int, total: int) -> None:
            fetched.add(name)
            show(name, done, total or None)

        paths = fetch(dataset, on_progress=on_progress)
    for path in paths:
        origin = f"downloaded from {about.base}" if path.name in fetched else "already there"
        print_status(f"{path}: {_size(path.stat().st_size)}, {origin}")
    print_result("".join(f"{path}\n" for path in paths))


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"
