"""The reader: SD files, Parquet, pipes and standard input; columns that hold numbers for the most part."""

import gzip
import io
import math
import os
import sys
import threading

import numpy as np
import pandas as pd
import pytest

from molvae.corpus.columns import alike
from molvae.corpus.reading import open_table
from molvae.corpus.sources import HEAD_BYTES
from molvae.errors import InputError
from tests.corpus.tables import MOLECULES, NAMES, read, record, written


@pytest.mark.parametrize("name", ["mols.sdf", "mols.sdf.gz", "mols", "mols.sd"])
def test_sdf(tmp_path, name, capfd):
    broken = record("CCO", "bad", logP=3).replace("C  ", "Qq ")
    text = record("OCC", logP=-0.1, id="a") + broken + record("C[C@H](N)O", logP="x") + record("CCN")
    path = written(tmp_path, gzip.compress(text.encode()) if name.endswith("gz") else text, name)
    table, smiles, rows, numbers = read(path)
    assert smiles == ["CCO", "unreadable mol block bad", "C[C@H](N)O", "CCN"]
    assert (rows, table.columns, numbers) == ([1, 2, 3, 4], ("logP", "id"), {})
    assert "SD file" in table.describe() and capfd.readouterr().err == ""
    path = written(tmp_path, record("CCO", y=1.5, smi="CCN") + record("CCC", smi="CCS"), "fields.sdf")
    np.testing.assert_array_equal(read(path)[3]["y"], [1.5, math.nan])
    assert read(path, smiles_column="SMI")[1] == ["CCN", "CCS"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_field_of_several_lines_is_kept(tmp_path, end):
    text = record("CCO", synonyms="ethanol\nalcohol\n EtOH", n=1) + record("CCN", n=2, synonyms="")
    path = written(tmp_path, text.replace("\n", end), "mols.sdf")
    cells = [cells for _, _, cells in open_table(path).full_records()]
    assert cells == [["ethanol\nalcohol\n EtOH", "1"], ["", "2"]]
    joined = written(tmp_path, record("CCO", a=1, b=2).replace("1\n\n", "1\n"), "joined.sdf")
    assert [cells for _, _, cells in open_table(joined).full_records()] == [["1", "2"]]


@pytest.mark.parametrize("name", ["late.sdf", "late.sdf.gz"])
def test_a_field_that_begins_late_is_found(tmp_path, name):
    records = [record("CCO", id=f"m{n}", **({"pIC50": n / 10} if n > 100 else {})) for n in range(150)]
    text = "".join(records).encode()
    path = written(tmp_path, gzip.compress(text) if name.endswith("gz") else text, name)
    table, _, _, numbers = read(path)
    assert (table.columns, table.numeric_columns) == (("id", "pIC50"), ("pIC50",))
    assert numbers["pIC50"][101:] == [n / 10 for n in range(101, 150)]
    assert read(path, smiles_column="id")[1][149] == "m149"


@pytest.mark.parametrize("n", [10, 4000])
def test_fields_of_an_sd_file_that_can_be_read_once(monkeypatch, n):
    records = [record("CCO", id="m", **({"late": 1} if k == n - 1 else {})) for k in range(n)]
    monkeypatch.setattr("sys.stdin", Stdin("".join(records).encode()))
    table = open_table("-")
    seen = len("".join(records)) < HEAD_BYTES
    assert table.columns == (("id", "late") if seen else ("id",))
    assert ("fields as in its first" in table.describe()) is not seen
    assert sum(len(chunk) for chunk in table.chunks()) == n


@pytest.fixture
def frame():
    values = [-0.0014, None, 1.31, 1.85, -1.67]
    return pd.DataFrame({"name": NAMES, "Drug": MOLECULES, "y": values, "n": range(5)})


@pytest.mark.parametrize("name", ["t.parquet", "t.parquet.gz", "t.pq", "t"])
def test_parquet(tmp_path, frame, name):
    file = io.BytesIO()
    frame.to_parquet(file)
    content = file.getvalue()
    path = written(tmp_path, gzip.compress(content) if name.endswith("gz") else content, name)
    table, smiles, rows, numbers = read(path)
    assert (smiles, rows) == (MOLECULES, [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(numbers["y"], frame["y"])
    assert numbers["n"] == [0, 1, 2, 3, 4]
    assert "Parquet" in table.describe()
    assert read(path, smiles_column=2)[1] == MOLECULES


def test_parquet_errors(tmp_path, frame, monkeypatch):
    file = io.BytesIO()
    frame.to_parquet(file)
    for content in (file.getvalue()[:-20], "smiles\nCCO\n"):
        with pytest.raises(InputError, match=r"bad\.parquet is not a"):
            open_table(written(tmp_path, content, "bad.parquet"))
    with pytest.raises(InputError, match=r"no column 'x'.*2 'Drug'"):
        open_table(written(tmp_path, file.getvalue(), "t.parquet"), smiles_column="x")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r'pip install "molvae\[parquet\]"'):
        open_table(written(tmp_path, file.getvalue(), "t.parquet"))


class Stdin:
    """A standard input that can be read once and not be wound back."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BufferedReader(Once(content))


class Once(io.RawIOBase):
    def __init__(self, content: bytes) -> None:
        self._rest = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._rest.readinto(memoryview(buffer)[:1000])


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("rows", [5, 120_000])
def test_standard_input(monkeypatch, pack, rows):
    content = b"smiles,x\n" + b"CC(C)O,1.5\n" * rows
    monkeypatch.setattr("sys.stdin", Stdin(pack(content)))
    table = open_table("-")
    assert sum(len(chunk) for chunk in table.chunks()) == rows
    assert table.describe().startswith("standard input: ")
    with pytest.raises(InputError, match="standard input can be read only once"):
        next(table.chunks())


def test_a_file_name_of_other_bytes_can_be_printed(tmp_path):
    path = os.fsencode(tmp_path) + b"/Stoffe_\xe4.csv"
    with open(path, "wb") as file:
        file.write(b"smiles\nCCO\n")
    table, smiles, _, _ = read(os.fsdecode(path))
    assert (table.name, smiles) == ("Stoffe_\ufffd.csv", ["CCO"])
    table.describe().encode()


def test_standard_input_of_other_kinds(monkeypatch, frame):
    file = io.BytesIO()
    frame.to_parquet(file)
    monkeypatch.setattr("sys.stdin", Stdin(file.getvalue()))
    assert read("-")[1] == MOLECULES
    monkeypatch.setattr("sys.stdin", Stdin((record("CCO") + record("CCN")).encode()))
    assert read("-")[1] == ["CCO", "CCN"]
    for stream, reason in ((Stdin(b""), "empty"), (None, "closed")):
        monkeypatch.setattr("sys.stdin", stream)
        with pytest.raises(InputError, match=f"standard input is {reason}"):
            open_table("-")


def test_a_named_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text("smiles,n\nCCO,1\nCCN,2\n"))
    writer.start()
    assert read(path)[1] == ["CCO", "CCN"]
    writer.join()


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
