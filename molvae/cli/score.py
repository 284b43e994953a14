"""``molvae score``"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvae.cli.common import command, say
from molvae.cli.options import BatchSize, Device, ModelName, MoleculeFile, SmilesColumn, Standardize, Stereo
from molvae.errors import ConfigError, pluralize

if TYPE_CHECKING:
    import pandas as pd

    from molvae.cli.rows import Rows
    from molvae.generator.molvae import MolVAE

__all__ = ["score"]


class Figure(StrEnum):
    """What rows can be sorted by."""

    elbo = "elbo"
    bound = "bound"
    per_token = "per_token"
    reconstruction = "reconstruction"
    kl = "kl"


_DIGITS = 4  # of nats; draws differ in the first
_LIKELY_IS_HIGH = (Figure.elbo, Figure.bound)


@command
def score(
    file: MoleculeFile,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File; the extension picks csv, tsv or parquet. Else csv.", show_default=False
        ),
    ] = None,
    sort: Annotated[
        Figure | None,
        typer.Option(help="The strangest first, by this figure; else in the order of the file.", show_default=False),
    ] = None,
    importance: Annotated[
        int, typer.Option(min=0, help="Draws of the importance-weighted bound, a tighter one; 0 leaves it out.")
    ] = 0,
    draws: Annotated[int, typer.Option(min=1, help="Posterior draws of the reconstruction.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
    model: ModelName = None,
    smiles_column: SmilesColumn = None,
    standardize: Standardize = False,
    stereo: Stereo = True,
    batch_size: BatchSize = 512,
    device: Device = "auto",
) -> None:
    """Tell how likely the model finds molecules: lower bounds on log p(x), in nats.

    Behind the columns of the file stand reconstruction (-log p(x|z) at draws of the posterior), kl (of the posterior to
    the prior), elbo (minus their sum, a lower bound on log p(x)), tokens, per_token (reconstruction / tokens, which
    tells strange molecules best), and with --importance K the bound by K importance weights, which tends to log p(x).
    """
    say("loading torch and RDKit ...", "dim")
    import pandas as pd

    from molvae.cli.models import load_model
    from molvae.cli.rows import Rows, frames_to, open_rows
    from molvae.corpus.frames import FRAME_KINDS
    from molvae.corpus.writing import check_output

    if sort is Figure.bound and not importance:
        raise ConfigError("--sort bound needs the number of draws: --importance 16, say")
    if output is not None:
        check_output(output, FRAME_KINDS)
    table = open_rows(file, smiles_column, standardize=standardize, stereo=stereo)
    added: dict[str, Any] = dict.fromkeys(("reconstruction", "kl", "elbo", "tokens", "per_token"), float)
    types = table.extended({**added, "tokens": "int64", **({"bound": float} if importance else {})})
    vae = load_model(model, device)
    rows = Rows(table, vae)
    scored = _scored(rows, vae, draws=draws, importance=importance, seed=seed, batch_size=batch_size)
    with frames_to(output, types, table.grouping) as write:
        if sort is not None:
            whole = pd.concat(scored, ignore_index=True)
            scored = iter([whole.sort_values(str(sort), ascending=sort in _LIKELY_IS_HIGH, kind="stable")])
        for frame in scored:
            write(frame)
        rows.tell()
    say(f"{pluralize(rows.read - rows.refused, 'molecule')} scored")


def _scored(rows: Rows, vae: MolVAE, **settings: int) -> Iterator[pd.DataFrame]:
    """The rows with their figures."""
    import pandas as pd

    for chunk in rows.chunks():
        figures = vae.score(chunk.smiles, **settings).round(_DIGITS)
        figures["tokens"] = figures["tokens"].astype("Int64")
        rows.refuse(chunk, figures["elbo"].isna().to_numpy(bool))
        yield pd.concat([chunk.cells, figures], axis=1)
