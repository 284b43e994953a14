"""``molvae evaluate``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molvae.cli.console import command, print_status
from molvae.cli.options import AsJson, Device, MoleculeFile, SmilesColumn, Workers
from molvae.errors import InputError

__all__ = ["evaluate"]


@command
def evaluate(
    samples: MoleculeFile,
    train: Annotated[Path | None, typer.Option(help="Training set, for novelty and GuacaMol.")] = None,
    test: Annotated[Path | None, typer.Option(help="Test set, for FCD and other comparisons.")] = None,
    test_scaffolds: Annotated[Path | None, typer.Option(help="Test set of held-out scaffolds.")] = None,
    smiles_column: SmilesColumn = None,
    device: Device = "auto",
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Score a sample with the metrics of MOSES and GuacaMol.

    Give all sampled strings, including invalid and repeated ones: `molvae sample --n 30000 --raw -o raw.csv`. Without
    --test or --train, the metrics that need them are left out. Statistics of the reference sets are cached. On a
    terminal the command prints a table, with published results beside it if the test set is that of MOSES; in a file or
    a pipe it prints lines name,value.

    FCD needs the extra fcd; the README explains how to install it.
    """
    from molvae.cli.figures import print_figures
    from molvae.cli.progress import ProgressDisplay
    from molvae.corpus.reading import read_smiles
    from molvae.metrics.chemnet import has_chemnet
    from molvae.metrics.evaluation import evaluate as compute
    from molvae.metrics.published import MOSES_TEST_SIZE
    from molvae.runtime.device import pick_device

    place = pick_device(device)
    drawn = read_smiles(samples, smiles_column=smiles_column)
    if not drawn:
        raise InputError(f"{samples} holds no molecules")
    references = {
        name: None if path is None else read_smiles(path)
        for name, path in (("train", train), ("test", test), ("test_scaffolds", test_scaffolds))
    }
    if not has_chemnet() and (test or test_scaffolds):
        print_status('FCD is left out: it needs an extra, pip install "molvae[fcd]"', "yellow")
    with ProgressDisplay() as show:
        figures = compute(drawn, **references, device=place, workers=workers, on_progress=show)
    compared = references["test"]
    print_figures(
        {"this sample": figures}, as_json=as_json, published=compared is not None and len(compared) == MOSES_TEST_SIZE
    )
