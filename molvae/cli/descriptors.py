"""``molvae benchmark descriptors``"""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from molvae.cli.common import command, print_result, say
from molvae.cli.measured import MeasuredColumn
from molvae.cli.options import AsJson, Device, ModelName, SmilesColumn
from molvae.errors import pluralize

__all__ = ["descriptors"]


@command
def descriptors(
    file: Annotated[
        Optional[str],
        typer.Argument(
            help="Measured molecules; by default a series of sulfonamides (CHEMBL2321810), which comes with RDKit.",
            show_default=False,
        ),
    ] = None,
    column: MeasuredColumn = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the folds.")] = 0,
    model: ModelName = None,
    smiles_column: SmilesColumn = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Tell how well latent points predict a measured column, beside fingerprints.

    R2 of five-fold cross-validation by ridge regression, a support vector machine and a random forest; in random folds,
    and in folds that hide whole scaffolds. Molecules that the model cannot encode are left out.
    """
    say("loading torch and RDKit ...", "dim")
    import numpy as np

    from molvae.benchmarks.descriptors import cross_validated, descriptors_of, known_series
    from molvae.cli.measured import Measurements, no_columns, read_measurements
    from molvae.cli.models import load_model
    from molvae.errors import InputError

    if file is None:
        no_columns(column=column, smiles_column=smiles_column)
        series = known_series()
        measured = Measurements("activity", series["smiles"].tolist(), series["activity"].to_numpy(np.float64))
    else:
        measured = read_measurements(file, column, smiles_column)
    there = np.isfinite(measured.values)
    smiles = np.asarray(measured.smiles, dtype=object)[there]
    vae = load_model(model, device)
    features, known = descriptors_of(vae, smiles.tolist())
    if known.sum() < 10:
        raise InputError(f"only {pluralize(int(known.sum()), 'measured molecule')} can be encoded by the model")
    say(f"{pluralize(int(known.sum()), 'molecule')} with {measured.name}; {(~known).sum():,} cannot be encoded")
    table = cross_validated(features, smiles[known].tolist(), measured.values[there][known], seed=seed)
    if as_json:
        print_result(table.to_json(orient="index", indent=1) + "\n")
    else:
        print_result(table.round(3).to_csv(index_label="descriptors"))
