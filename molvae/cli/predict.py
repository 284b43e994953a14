"""``molvae predict``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvae.cli.common import command, say
from molvae.cli.options import BatchSize, Device, ModelName, MoleculeFile, SmilesColumn, Standardize, Stereo
from molvae.errors import pluralize

if TYPE_CHECKING:
    import pandas as pd

    from molvae.corpus.annotated import AnnotatedTable

__all__ = ["predict"]


@command
def predict(
    file: MoleculeFile,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File; the extension picks csv, tsv or parquet. Else csv.", show_default=False
        ),
    ] = None,
    model: ModelName = None,
    smiles_column: SmilesColumn = None,
    standardize: Standardize = False,
    stereo: Stereo = True,
    batch_size: BatchSize = 512,
    device: Device = "auto",
) -> None:
    """Predict the properties that a model was trained on.

    Every row of the file is a row of the result, in the same order, with all its columns and behind them one for each
    property, NAME_predicted; it is empty where a molecule cannot be encoded. Where the file has a column NAME of
    measured numbers, too, R2, mean absolute error and rank correlation go to stderr.
    """
    say("loading torch and RDKit ...", "dim")
    import pandas as pd

    from molvae.cli.models import load_model
    from molvae.cli.rows import Rows, frames_to, open_rows
    from molvae.corpus.frames import FRAME_KINDS
    from molvae.corpus.writing import check_output
    from molvae.generator.molvae import check_heads

    if output is not None:
        check_output(output, FRAME_KINDS)
    table = open_rows(file, smiles_column, standardize=standardize, stereo=stereo)
    vae = load_model(model, device)
    check_heads(vae.config)
    types = table.extended({f"{name}_predicted": "float32" for name in vae.config.heads})
    rows = Rows(table, vae)
    compared = _Compared(table, vae.config.heads)
    with frames_to(output, types, table.grouping) as write:
        for chunk in rows.chunks():
            predicted = vae.predict(chunk.smiles, batch_size=batch_size)
            rows.refuse(chunk, predicted.isna().any(axis=1).to_numpy(bool))
            compared.add(chunk.cells, predicted)
            write(pd.concat([chunk.cells, predicted.astype("float32").add_suffix("_predicted")], axis=1))
        rows.tell()
    say(f"predicted for {pluralize(rows.read - rows.refused, 'molecule')}: {', '.join(vae.config.heads)}")
    compared.tell()


class _Compared:
    """Predicted beside measured numbers, where a file has both.

    Args:
        table: the file.
        names: of the properties.
    """

    def __init__(self, table: AnnotatedTable, names: tuple[str, ...]) -> None:
        folded = {column.casefold(): column for column in reversed(list(table.types))}
        columns = {name: name if name in table.types else folded.get(name.casefold()) for name in names}
        self._columns = {name: column for name, column in columns.items() if column is not None}
        self._grouping = table.grouping
        self._pairs: dict[str, list[Any]] = {name: [] for name in self._columns}

    def add(self, cells: pd.DataFrame, predicted: pd.DataFrame) -> None:
        """Take in some rows: those with both numbers count."""
        import numpy as np

        from molvae.corpus.numbers import number

        for name, column in self._columns.items():
            sign = self._grouping.get(column, "")
            measured = np.array([number(str(value), sign) for value in cells[column]])
            pairs = np.stack([measured, predicted[name].to_numpy()])
            self._pairs[name].append(pairs[:, np.isfinite(pairs).all(0)])

    def tell(self) -> None:
        """Say how well they agree, a line for each property."""
        import numpy as np

        from molvae.metrics.regression import mean_absolute_error, r_squared, spearman

        known = {name: np.concatenate(pairs, axis=1) for name, pairs in self._pairs.items() if pairs}
        known = {name: pairs for name, pairs in known.items() if pairs.shape[1]}
        if not known:
            return
        width = max(len("property"), *map(len, known))
        say(f"{'property':{width}}  measured      R2       MAE  Spearman", "bold")
        for name, (y, p) in known.items():
            say(
                f"{name:{width}}  {len(y):8,}  {r_squared(y, p):6.3f}  {mean_absolute_error(y, p):8.4g}  "
                f"{spearman(y, p):8.3f}"
            )
