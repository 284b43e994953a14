"""Columns that hold numbers for the most part, and what else stands in them."""

import io

import pandas as pd
import pytest

from molvae.corpus.columns import alike
from molvae.corpus.reading import open_table
from tests.corpus.tables import record

ROWS = [
    ("CCO", "52,5", "0.1", "a1", "n.d."),
    ("CCN", ">10000", "0.2", "a2", "n.d."),
    ("CCC", "1000,0", "", "a3", "7"),
    ("CCF", "n.d.", "0.4", "a4", ""),
    ("CCS", " >10000 ", "0.5", "a5", "lost"),
    ("CCCl", "3", "0.6", "a6", "lost"),
    ("CCBr", "4", "0.7", "a7", "lost"),
]


@pytest.fixture(params=["csv", "csv.gz", "sdf", "parquet"])
def table(request, tmp_path):
    names = ["SMILES", "IC50 [nM]", "dose", "id", "note"]
    path = tmp_path / f"series.{request.param}"
    frame = pd.DataFrame(ROWS, columns=names)
    if request.param == "parquet":
        frame.to_parquet(path)
    elif request.param == "sdf":
        path.write_text("".join(record(row[0], **dict(zip(names[1:], row[1:], strict=True))) for row in ROWS))
    else:
        frame.to_csv(path, sep=";", index=False)
    return open_table(path)


def test_columns_of_which_most_cells_are_numbers_and_their_other_cells(table):
    assert table.mostly_numeric() == ["IC50 [nM]", "dose"]
    assert table.cells_without_number("IC50 [nM]") == {">10000": 2, "n.d.": 1}
    assert not table.cells_without_number("dose")
    assert table.cells_without_number("note") == {"lost": 3, "n.d.": 2}
    assert alike(" ic50", list(table.columns)) == ["IC50 [nM]"] and alike("Ki", list(table.columns)) == []


def test_a_pipe_keeps_its_rows(tmp_path, monkeypatch):
    text = "SMILES,dose,IC50\n" + "".join(f"{'C' * n}O,{n},{n if n % 3 else '>9'}\n" for n in range(1, 10))
    stream = io.TextIOWrapper(io.BytesIO(text.encode()))
    monkeypatch.setattr("sys.stdin", stream)
    table = open_table("-")
    assert table.mostly_numeric() == ["dose"] and not table.cells_without_number("IC50")
    assert sum(len(chunk) for chunk in table.chunks()) == 9
