"""``molvae score``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from molvae.cli.console import command, print_status
from molvae.cli.options import RowOptions, TableOutput, check_outputs, with_options
from molvae.errors import ConfigError, pluralize

if TYPE_CHECKING:
    import pandas as pd

    from molvae.cli.rows import RowReader
    from molvae.generator.molvae import MolVAE

__all__ = ["score"]


_DIGITS = 4  # of nats; two draws differ in the first digit
_HIGH_IS_LIKELY = ("elbo", "bound")


@command
@with_options(rows=RowOptions)
def score(
    output: TableOutput = None,
    sort: Annotated[
        Literal["elbo", "bound", "per_token", "reconstruction", "kl"] | None,
        typer.Option(help="Column to sort by, the least likely molecules first."),
    ] = None,
    importance: Annotated[int, typer.Option(min=0, help="Draws of the importance-weighted bound.")] = 0,
    draws: Annotated[int, typer.Option(min=1, help="Posterior draws of the reconstruction.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    *,
    rows: RowOptions,
) -> None:
    """Score how likely molecules are under the model: lower bounds on log p(x), in nats.

    New columns: reconstruction, which is -log p(x|z) at draws of the posterior; kl, the KL divergence of the posterior
    from the prior; elbo, minus the sum of the two, a lower bound on log p(x); tokens; per_token, which is
    reconstruction / tokens and detects unusual molecules best. With --importance K also bound, the importance-weighted
    bound with K draws, which approaches log p(x) as K grows.
    """
    print_status("loading torch and RDKit ...", "dim")
    import pandas as pd

    from molvae.cli.models import load_model
    from molvae.cli.output import table_output
    from molvae.cli.rows import RowReader, open_rows
    from molvae.corpus.writing import FRAME_KINDS

    if sort == "bound" and not importance:
        raise ConfigError("--sort bound needs the number of draws, for example --importance 16")
    check_outputs((output, FRAME_KINDS))
    table = open_rows(rows)
    added: dict[str, Any] = dict.fromkeys(("reconstruction", "kl", "elbo", "tokens", "per_token"), float)
    types = table.extended({**added, "tokens": "int64", **({"bound": float} if importance else {})})
    vae = load_model(rows.model, rows.device)
    reader = RowReader(table, vae)
    scored = _scored(reader, vae, draws=draws, importance=importance, seed=seed, batch_size=rows.batch_size)
    with table_output(output, types, table.grouping) as write:
        if sort is not None:
            whole = pd.concat(scored, ignore_index=True)
            scored = iter([whole.sort_values(sort, ascending=sort in _HIGH_IS_LIKELY, kind="stable")])
        for frame in scored:
            write(frame)
        reader.print_rejected()
    print_status(f"{pluralize(reader.encoded, 'molecule')} scored")


def _scored(reader: RowReader, vae: MolVAE, **settings: int) -> Iterator[pd.DataFrame]:
    """The rows with their scores."""
    import pandas as pd

    for chunk in reader.chunks():
        figures = vae.score(chunk.smiles, **settings).round(_DIGITS)
        figures["tokens"] = figures["tokens"].astype("Int64")
        reader.reject(chunk, figures["elbo"].isna().to_numpy(bool))
        yield pd.concat([chunk.cells, figures], axis=1)
