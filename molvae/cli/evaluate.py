"""``molvae evaluate``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molvae.cli.common import command, say
from molvae.cli.options import AsJson, Device, Workers
from molvae.errors import InputError

__all__ = ["evaluate"]


@command
def evaluate(
    samples: Annotated[
        str,
        typer.Argument(
            help="What was sampled: csv, tsv, smi, sdf or parquet, .gz too; - is stdin.", show_default=False
        ),
    ],
    train: Annotated[
        Path | None, typer.Option(help="The training set: for novelty and GuacaMol.", show_default=False)
    ] = None,
    test: Annotated[
        Path | None, typer.Option(help="The test set: for FCD and what else compares with it.", show_default=False)
    ] = None,
    test_scaffolds: Annotated[
        Path | None, typer.Option(help="The test set of held-out scaffolds (TestSF).", show_default=False)
    ] = None,
    smiles_column: Annotated[
        str | None,
        typer.Option("--smiles-column", "-s", help="Name or number of the column in SAMPLES.", show_default=False),
    ] = None,
    device: Device = "auto",
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Score a sample by the metrics of MOSES and GuacaMol.

    Give the strings as they were drawn, invalid and repeated ones too: `molvae sample --n 30000 --raw -o raw.csv`.
    Without --test and --train the metrics that need them are left out. What is computed of the reference sets is kept
    for the next time. On a terminal a table, beside published rows where the test set is that of MOSES; in a file or a
    pipe lines name,value.

    FCD needs the extra fcd, which the README tells how to install.
    """
    from molvae.cli.figures import print_figures, watching
    from molvae.corpus.reading import read_smiles
    from molvae.metrics.chemnet import has_chemnet
    from molvae.metrics.evaluation import evaluate as evaluate_all
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
        say('FCD is left out: it needs an extra, pip install "molvae[fcd]"', "yellow")
    with watching() as watch:
        figures = evaluate_all(drawn, **references, device=place, workers=workers, on_progress=watch)
    compared = references["test"]
    print_figures(
        {"this sample": figures}, as_json=as_json, published=compared is not None and len(compared) == MOSES_TEST_SIZE
    )
