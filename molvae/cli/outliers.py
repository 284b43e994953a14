"""``molvae benchmark outliers``"""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from molvae.cli.common import command, print_result, say
from molvae.cli.options import AsJson, Device, ModelName, SmilesColumn
from molvae.errors import pluralize

__all__ = ["outliers"]


@command
def outliers(
    file: Annotated[
        Optional[str],
        typer.Argument(
            help="Molecules of the kind that the model knows, not trained on; by default the test split of MOSES.",
            show_default=False,
        ),
    ] = None,
    n: Annotated[
        int, typer.Option("--n", "-n", min=2, help="Molecules of the file, and of each set of others.")
    ] = 1_000,
    importance: Annotated[int, typer.Option(min=1, help="Draws of the importance-weighted bound.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Of every choice and draw.")] = 0,
    model: ModelName = None,
    smiles_column: SmilesColumn = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Tell how well the figures of `molvae score` tell molecules from others that the model was not made for.

    The others have tokens that the model knows: the molecules with random edits, or cut off, peptides, and ZINC-250k
    where it is at hand. Told is the area under the ROC curve, 0.5 being chance, beside what the length alone tells.
    """
    say("loading torch and RDKit ...", "dim")
    import numpy as np

    from molvae.benchmarks.outliers import auroc_table, outliers_of
    from molvae.chem import canonical, quiet_rdkit
    from molvae.cli.measured import no_columns
    from molvae.cli.models import load_model
    from molvae.corpus.datasets import find
    from molvae.corpus.reading import read_smiles
    from molvae.errors import InputError

    if file is None:
        no_columns(smiles_column=smiles_column)
    texts = read_smiles(find("moses_test") if file is None else file, smiles_column=smiles_column)
    vae = load_model(model, device)
    order = np.random.default_rng(seed).permutation(len(texts))[:n]
    with quiet_rdkit():
        molecules = [one for one in (canonical(texts[row]) for row in order) if one is not None]
    if not molecules:
        raise InputError("the file has no molecule")
    say(f"{pluralize(len(molecules), 'molecule')}, and others made of them")
    others = outliers_of(molecules, [token for token in vae.tokenizer if not token.startswith("<")], seed=seed)
    table = auroc_table(vae, molecules, others, importance=importance, seed=seed)
    if as_json:
        print_result(table.to_json(orient="index", indent=1) + "\n")
    else:
        print_result(table.round(3).to_csv(index_label="others"))
