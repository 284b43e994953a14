"""``molvae predict``"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from molvae.cli.console import command, print_status
from molvae.cli.options import RowOptions, TableOutput, check_outputs, with_options
from molvae.errors import pluralize

if TYPE_CHECKING:
    import pandas as pd

    from molvae.config import ModelConfig
    from molvae.corpus.reading import AnnotatedTable

__all__ = ["predict"]


@command
@with_options(rows=RowOptions)
def predict(output: TableOutput = None, *, rows: RowOptions) -> None:
    """Predict the properties that a model was trained on.

    The result has every row of the file, in the same order, with all its columns and a new column NAME_predicted for
    each property. It is empty where a molecule cannot be encoded. Where the file also has a column NAME with measured
    values, the command prints R2, mean absolute error and rank correlation to stderr; of log10, if the model learned
    log10 of the property.
    """
    print_status("loading torch and RDKit ...", "dim")
    import pandas as pd

    from molvae.cli.models import load_model
    from molvae.cli.output import table_output
    from molvae.cli.rows import RowReader, open_rows
    from molvae.corpus.writing import FRAME_KINDS
    from molvae.model.heads import check_heads

    check_outputs((output, FRAME_KINDS))
    table = open_rows(rows)
    vae = load_model(rows.model, rows.device)
    check_heads(vae.config)
    types = table.extended({f"{name}_predicted": "float32" for name in vae.config.heads})
    reader = RowReader(table, vae)
    comparison = _Comparison(table, vae.config)
    with table_output(output, types, table.grouping) as write:
        for chunk in reader.chunks():
            predicted = vae.predict(chunk.smiles, batch_size=rows.batch_size)
            reader.reject(chunk, predicted.isna().any(axis=1).to_numpy(bool))
            comparison.add(chunk.cells, predicted)
            write(pd.concat([chunk.cells, predicted.astype("float32").add_suffix("_predicted")], axis=1))
        reader.print_rejected()
    print_status(f"predicted for {pluralize(reader.encoded, 'molecule')}: {', '.join(vae.config.heads)}")
    comparison.print()


class _Comparison:
    """Compares predicted with measured values, where the file has both.

    Args:
        table: the file.
        config: of the model; properties whose log10 it learned are compared as log10.
    """

    def __init__(self, table: AnnotatedTable, config: ModelConfig) -> None:
        names = config.heads
        self._quantities = dict(zip(names, config.quantities, strict=True))
        folded = {column.casefold(): column for column in reversed(list(table.types))}
        columns = {name: name if name in table.types else folded.get(name.casefold()) for name in names}
        self._columns = {name: column for name, column in columns.items() if column is not None}
        self._grouping = table.grouping
        self._pairs: dict[str, list[Any]] = {name: [] for name in self._columns}

    def add(self, cells: pd.DataFrame, predicted: pd.DataFrame) -> None:
        """Take some rows; those that have both numbers count."""
        import numpy as np

        from molvae.corpus.measurements import logarithms
        from molvae.corpus.numbers import number

        for name, column in self._columns.items():
            sign = self._grouping.get(column, "")
            measured = np.array([number(str(value), sign) for value in cells[column]])
            pairs = np.stack([measured, predicted[name].to_numpy()])
            if self._quantities[name] != name:
                pairs = logarithms(pairs)
            self._pairs[name].append(pairs[:, np.isfinite(pairs).all(0)])

    def print(self) -> None:
        """Print how well they agree, a line for each property."""
        import numpy as np

        from molvae.metrics.regression import mean_absolute_error, r_squared, spearman

        pairs = {self._quantities[name]: each for name, each in self._pairs.items() if each}
        known = {name: np.concatenate(each, axis=1) for name, each in pairs.items()}
        known = {name: each for name, each in known.items() if each.shape[1]}
        if not known:
            return
        width = max(len("property"), *map(len, known))
        print_status(f"{'property':{width}}  measured      R2       MAE  Spearman", "bold")
        for name, (y, p) in known.items():
            print_status(
                f"{name:{width}}  {len(y):8,}  {r_squared(y, p):6.3f}  {mean_absolute_error(y, p):8.4g}  "
                f"{spearman(y, p):8.3f}"
            )
