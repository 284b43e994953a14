"""The reader: tables as people have them, each read or refused in one sentence."""

import csv
import gzip
import io
import math
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molvae.corpus.reading import Table, open_table
from molvae.errors import InputError

MOLECULES = ["CCO", "c1ccccc1", "CC(=O)Oc1ccccc1C(=O)O", "CN1CCC[C@H]1c1cccnc1", "OCC(O)CO"]
NAMES = ["ethanol", "benzene", "aspirin, pure", "nicotine", "glycerol"]
LOGP = ["-0.0014", "1.69", "1.31", "1.85", "-1.67"]


def written(tmp_path: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: str | Path, **options: Any) -> tuple[Table, list[str], list[int], dict[str, list[float]]]:
    table = open_table(path, **options)
    chunks = list(table.chunks())
    smiles = [text for chunk in chunks for text in chunk.smiles]
    rows = [row for chunk in chunks for row in chunk.rows]
    numbers = {name: [x for chunk in chunks for x in chunk.numbers[name]] for name in table.numeric_columns}
    return table, smiles, rows, numbers


def as_text(delimiter: str = ",", head: tuple[str, ...] | None = ("Name", "SMILES", "logP"), end: str = "\n") -> str:
    file = io.StringIO()
    rows = ([head] if head else []) + list(zip(NAMES, MOLECULES, LOGP, strict=True))
    csv.writer(file, delimiter=delimiter, lineterminator=end).writerows(rows)
    return file.getvalue()


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("suffix", [".csv", ".txt", ".csv.gz", ""])
def test_delimited_text(tmp_path, delimiter, end, encoding, suffix):
    content = as_text(delimiter, end=end).encode(encoding)
    path = written(tmp_path, gzip.compress(content) if suffix.endswith("gz") else content, "table" + suffix)
    table, smiles, rows, numbers = read(path)
    assert smiles == MOLECULES
    assert rows == [2, 3, 4, 5, 6]
    assert table.smiles_column == "SMILES"
    assert table.columns == ("Name", "SMILES", "logP")
    assert numbers == {"logP": [float(x) for x in LOGP]}
    assert table.describe().startswith(path.name + ": ")
    assert "SMILES in column 'SMILES' (by name: 5 of 5 values parse)" in table.describe()


@pytest.mark.parametrize("header", [None, False])
def test_no_header(tmp_path, header):
    table, smiles, rows, numbers = read(written(tmp_path, as_text(head=None)), header=header)
    assert smiles == MOLECULES
    assert rows == [1, 2, 3, 4, 5]
    assert table.columns == ("column_1", "column_2", "column_3")
    assert "column 2, no header (by content: 5 of 5 values parse)" in table.describe()
    assert list(numbers) == ["column_3"]


@pytest.mark.parametrize(
    "head", ["smiles", "SMILES", "Canonical SMILES", "canonical_smiles", "isomeric-smiles", "Structure", "Drug", "mol"]
)
def test_known_names(tmp_path, head):
    table, smiles, _, _ = read(written(tmp_path, as_text(head=("id", head, "y"))))
    assert smiles == MOLECULES
    assert table.smiles_column == head
    assert "by name" in table.describe()


def test_a_name_that_lies_loses_to_content(tmp_path):
    text = as_text(head=("drug", "what", "y"))
    table, smiles, _, _ = read(written(tmp_path, text))
    assert (table.smiles_column, smiles) == ("what", MOLECULES)
    assert "by content" in table.describe()


def test_columns_that_only_look_like_smiles_are_not_taken(tmp_path):
    inchi: Any = Chem
    mols = [Chem.MolFromSmiles(one) for one in MOLECULES]
    rows = [
        [n % 3, "CNOIS"[n], inchi.MolToInchi(mol), inchi.MolToInchiKey(mol), ["CO", "CCO"][n % 2], "CCl4", one]
        for n, (mol, one) in enumerate(zip(mols, MOLECULES, strict=True))
    ]
    text = "\n".join(",".join(f'"{cell}"' for cell in row) for row in [["a", "b", "c", "d", "e", "f", "g"], *rows])
    table, smiles, _, numbers = read(written(tmp_path, text))
    assert (table.smiles_column, smiles) == ("g", MOLECULES)
    assert list(numbers) == ["a"]


def test_isomeric_before_canonical_smiles(tmp_path):
    text = "CanonicalSMILES,IsomericSMILES\nCC(N)O,C[C@H](N)O\n"
    assert read(written(tmp_path, text))[1] == ["C[C@H](N)O"]


@pytest.mark.parametrize("wanted", ["other", "OTHER", 3, "3"])
def test_column_as_asked(tmp_path, wanted):
    path = written(tmp_path, "smiles,x,other\nCCO,1,CCN\nCCC,2,CCS\n")
    table, smiles, _, numbers = read(path, smiles_column=wanted)
    assert smiles == ["CCN", "CCS"]
    assert (table.smiles_column, list(numbers)) == ("other", ["x"])


@pytest.mark.parametrize("wanted", ["nope", 0, 4, -1, "0"])
def test_a_wrong_column_lists_those_that_are_there(tmp_path, wanted):
    path = written(tmp_path, "smiles,x,other\nCCO,1,CCN\n")
    with pytest.raises(InputError, match=r"table\.csv has no column .*; its columns.* 1 'smiles', 2 'x', 3 'other'"):
        open_table(path, smiles_column=wanted)


def test_a_number_works_without_header(tmp_path):
    assert read(written(tmp_path, "CCO,CCN\nCCC,CCS\n"), smiles_column=2, header=False)[1] == ["CCN", "CCS"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CCO\nc1ccccc1\n", ["CCO", "c1ccccc1"]),
        ("CCO ethanol\nc1ccccc1 benzene\n", ["CCO", "c1ccccc1"]),
        ("CCO\tethyl alcohol\nc1ccccc1\tbenzene\n", ["CCO", "c1ccccc1"]),
        ("CCO   ethyl alcohol\nc1ccccc1\n", ["CCO", "c1ccccc1"]),
        ("# made by hand\nCCO a\n#c\n\nCCN b\n", ["CCO", "CCN"]),
        ("smiles name\nCCO a\nCCN b\n", ["CCO", "CCN"]),
        ("SMILES\tName\nCCO\ta\nCCN\tb\n", ["CCO", "CCN"]),
        ('CCO\t"open\nCCN\t5"-x\n', ["CCO", "CCN"]),
        ("CCO |c| name\nCCN\n", ["CCO", "CCN"]),
        ("CCO,ethanol\nCCN,amine\n", ["CCO", "CCN"]),
        ("CCO", ["CCO"]),
    ],
)
@pytest.mark.parametrize("name", ["mols.smi", "mols.smiles", "mols.smi.gz"])
def test_smi(tmp_path, text, expected, name):
    content = gzip.compress(text.encode()) if name.endswith("gz") else text
    assert read(written(tmp_path, content, name))[1] == expected


def test_row_numbers_are_lines_of_the_file(tmp_path):
    text = 'smiles,note\n\nCCO,"two\nlines"\n\n,empty\nCCN\nCCC,"a ""b"", c"\n'
    _, smiles, rows, _ = read(written(tmp_path, text))
    assert list(zip(rows, smiles, strict=True)) == [(3, "CCO"), (6, ""), (7, "CCN"), (8, "CCC")]


def test_ragged_rows_lack_their_smiles(tmp_path):
    _, smiles, rows, numbers = read(written(tmp_path, "x,smiles,y\n1,CCO,5\n2\n3,CCN,6,7,8\n4,CCC\n"))
    assert smiles == ["CCO", "", "CCN", "CCC"]
    assert rows == [2, 3, 4, 5]
    np.testing.assert_array_equal(numbers["y"], [5, math.nan, 6, math.nan])


def test_duplicate_and_empty_names_are_told_apart(tmp_path):
    path = written(tmp_path, "smiles,x,x,,smiles\nCCO,1,2,3,CCN\n")
    table, smiles, _, numbers = read(path)
    assert table.columns == ("smiles", "x", "x_2", "column_4", "smiles_2")
    assert smiles == ["CCO"]
    assert numbers == {"x": [1.0], "x_2": [2.0], "column_4": [3.0]}
    assert read(path, smiles_column="smiles_2")[1] == ["CCN"]


def test_numbers_as_people_write_them(tmp_path):
    text = "smiles;a;b;c\nCCO;1,5;NA;>10\nCCN;-2e3;7;3\nCCC;;inf;<1\n"
    _, _, _, numbers = read(written(tmp_path, text))
    np.testing.assert_array_equal(numbers["a"], [1.5, -2000, math.nan])
    assert list(numbers) == ["a"]


@pytest.mark.parametrize("length", [1_000, 131_073, 1_000_000])
def test_long_cells(tmp_path, length):
    _, smiles, rows, _ = read(written(tmp_path, f"smiles,n\n{'C' * length},1\nCCO,2\n"))
    assert [len(one) for one in smiles] == [length, 3]
    assert rows == [2, 3]


def test_latin_1_is_read_and_said(tmp_path):
    table, smiles, _, _ = read(written(tmp_path, "smiles,näme\nCCO,ü\n".encode("latin-1")))
    assert (table.columns, smiles) == (("smiles", "näme"), ["CCO"])
    assert "Latin-1" in table.describe()


def test_a_stray_byte_behind_the_head_does_no_harm(tmp_path):
    path = written(tmp_path, b"smiles,name\n" + b"CCO,alcohol\n" * 100_000 + b"CCN,\xfc\nCCC,end\n")
    smiles = read(path)[1]
    assert len(smiles) == 100_002
    assert smiles[-2:] == ["CCN", "CCC"]


def test_nul_bytes_are_text(tmp_path):
    assert read(written(tmp_path, b"smiles,n\nCCO,1\nC\0C,2\n"))[1] == ["CCO", "C\0C"]


def test_a_broken_first_molecule_is_no_header(tmp_path):
    assert read(written(tmp_path, "C1CC\nCCO\nCCN\n"))[2] == [1, 2, 3]
    assert read(written(tmp_path, "N/A,1\nCCO,2\nCCN,3\n"))[2] == [1, 2, 3]


def test_heads_of_pandas_are_heads(tmp_path):
    assert read(written(tmp_path, "0\nCCO\nCCN\n"))[2] == [2, 3]
    table, smiles, _, _ = read(written(tmp_path, ",0,y\n0,CCO,1\n1,CCN,2\n"))
    assert (smiles, table.columns) == (["CCO", "CCN"], ("column_1", "0", "y"))


def test_chunks_have_the_size_asked_and_files_can_be_read_again(tmp_path):
    table = open_table(written(tmp_path, "smiles,x\n" + "CCO,1\n" * 25))
    for _ in range(2):
        chunks = list(table.chunks(10))
        assert [len(chunk) for chunk in chunks] == [10, 10, 5]
        assert [len(chunk.numbers["x"]) for chunk in chunks] == [10, 10, 5]


def record(smiles: str, name: str = "", **fields: object) -> str:
    mol = Chem.MolFromSmiles(smiles)
    mol.SetProp("_Name", name)
    return str(Chem.MolToMolBlock(mol)) + "".join(f"> <{key}>\n{value}\n\n" for key, value in fields.items()) + "$$$$\n"


@pytest.mark.parametrize("name", ["mols.sdf", "mols.sdf.gz", "mols", "mols.sd"])
def test_sdf(tmp_path, name, capfd):
    broken = record("CCO", "bad", logP=3).replace("C  ", "Qq ")
    text = record("OCC", logP=-0.1, id="a") + broken + record("C[C@H](N)O", logP="x") + record("CCN")
    path = written(tmp_path, gzip.compress(text.encode()) if name.endswith("gz") else text, name)
    table, smiles, rows, numbers = read(path)
    assert smiles == ["CCO", "unreadable mol block bad", "C[C@H](N)O", "CCN"]
    assert rows == [1, 2, 3, 4]
    assert "SD file" in table.describe()
    assert table.columns == ("logP", "id")
    assert numbers == {}
    assert capfd.readouterr().err == ""


def test_sdf_fields(tmp_path):
    text = record("CCO", y=1.5, smi="CCN") + record("CCC", smi="CCS")
    path = written(tmp_path, text, "mols.sdf")
    np.testing.assert_array_equal(read(path)[3]["y"], [1.5, math.nan])
    assert read(path, smiles_column="SMI")[1] == ["CCN", "CCS"]


@pytest.fixture
def frame():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
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
    with pytest.raises(InputError, match="is not a Parquet file that can be read"):
        open_table(written(tmp_path, file.getvalue()[:-20], "cut.parquet"))
    with pytest.raises(InputError, match=r"text\.parquet is not a Parquet file"):
        open_table(written(tmp_path, "smiles\nCCO\n", "text.parquet"))
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
@pytest.mark.parametrize("rows", [5, 200_000])
def test_standard_input(monkeypatch, pack, rows):
    content = b"smiles,x\n" + b"CC(C)O,1.5\n" * rows
    monkeypatch.setattr("sys.stdin", Stdin(pack(content)))
    table = open_table("-")
    assert sum(len(chunk) for chunk in table.chunks()) == rows
    assert table.describe().startswith("standard input: ")
    with pytest.raises(InputError, match="standard input can be read only once"):
        next(table.chunks())


def test_standard_input_of_other_kinds(monkeypatch, frame):
    file = io.BytesIO()
    frame.to_parquet(file)
    monkeypatch.setattr("sys.stdin", Stdin(file.getvalue()))
    assert read("-")[1] == MOLECULES
    monkeypatch.setattr("sys.stdin", Stdin((record("CCO") + record("CCN")).encode()))
    assert read("-")[1] == ["CCO", "CCN"]
    monkeypatch.setattr("sys.stdin", Stdin(b""))
    with pytest.raises(InputError, match="standard input is empty"):
        open_table("-")


def test_a_named_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text("smiles,n\nCCO,1\nCCN,2\n"))
    writer.start()
    assert read(path)[1] == ["CCO", "CCN"]
    writer.join()


REFUSED = {
    "empty.csv": (b"", "is empty"),
    "blank.csv": (b"\n \r\n\n", "is empty"),
    "bom.csv": (b"\xef\xbb\xbf", "is empty"),
    "head.csv": (b"smiles,logp\n", "holds a header but no rows"),
    "book.xlsx": (b"PK\x03\x04\x14\x00rest", "Excel workbook; save the sheet as CSV"),
    "old.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel workbook; save the sheet as CSV"),
    "paper.pdf": (b"%PDF-1.7\n", "is a PDF"),
    "t.csv.bz2": (b"BZh91AY&SY", "compressed with bzip2"),
    "binary.csv": (bytes(range(256)) * 20, "is a binary file"),
    "fake.csv.gz": (b"smiles\nCCO\n", "is named .gz but is not gzipped"),
    "cut.csv.gz": (gzip.compress(b"smiles\nCCO\n" * 1000)[:40], "damaged or cut off"),
    "wrong.csv.gz": (b"\x1f\x8bno gzip at all", "damaged or cut off"),
    "names.csv": (b"name,x\nethanol,1\nwater,2\n", "no column holds SMILES (its first row is 'name', 'x')"),
    "lies.csv": (b"smiles\nethanol\nwater\n", "no column holds SMILES"),
    "text.sdf": (b"smiles\nCCO\n", "holds no mol block"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_sentence(tmp_path, name):
    content, message = REFUSED[name]
    with pytest.raises(InputError) as caught:
        open_table(written(tmp_path, content, name))
    assert message in str(caught.value)
    assert str(caught.value).startswith((name, "holds"))
    assert "\n" not in str(caught.value)


def test_a_file_that_breaks_off_later(tmp_path):
    noise = np.random.default_rng(0).integers(10**8, size=300_000)
    content = gzip.compress(b"smiles,n\n" + b"".join(b"CCO,%d\n" % n for n in noise))
    path = written(tmp_path, content[: len(content) * 3 // 4], "cut.csv.gz")
    table = open_table(path)
    with pytest.raises(InputError, match=r"cut\.csv\.gz is gzipped, but damaged or cut off"):
        list(table.chunks())


def test_missing_folder_unreadable(tmp_path):
    written(tmp_path, "smiles\nCCO\n", "smiles.csv")
    with pytest.raises(InputError, match=r"smile\.csv does not exist; did you mean .*smiles\.csv\?"):
        open_table(tmp_path / "smile.csv")
    with pytest.raises(InputError, match="is a folder"):
        open_table(tmp_path)
    with pytest.raises(InputError, match="cannot be the name of a file"):
        open_table("a\0b")
    with pytest.raises(InputError, match="cannot be read"):
        open_table(tmp_path / ("x" * 5000))


def test_permission(tmp_path, monkeypatch):
    path = written(tmp_path, "smiles\nCCO\n")

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", denied)
    with pytest.raises(InputError, match="permission denied"):
        open_table(path)


def test_an_unclosed_quote_is_no_memory_hog(tmp_path, monkeypatch):
    monkeypatch.setattr("molvae.corpus.delimited._LONGEST_CELL", 1 << 20)
    monkeypatch.setattr("csv.field_size_limit", _limited(csv.field_size_limit))
    text = "smiles,name\n" + "CCO,a\n" * 400_000 + 'CCN,"b\n' + "CCC,c\n" * 400_000
    table = open_table(written(tmp_path, text))
    with pytest.raises(InputError, match=r"line 400002: field larger.*unbalanced quote"):
        list(table.chunks())


def _limited(original: Any) -> Any:
    def limit(*new):
        return 0 if not new else original(*new)

    return limit


PIECES = st.sampled_from(
    [b"CCO", b"c1ccccc1", b"smiles", b",", b"\t", b";", b"|", b" ", b"\n", b"\r\n", b"\r", b'"', b"#", b"\0", b"1.5",
     b"x", b"C1CC", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfc", b"\x1f\x8b", b"PAR1", b"PK\x03\x04", b"M  END\n", b"$$$$\n"]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=40).map(b"".join)), st.data())
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, data):
    name = data.draw(st.sampled_from(["t.csv", "t.smi", "t.sdf", "t.txt", "t.gz", "t", "t.parquet"]))
    header = data.draw(st.sampled_from([None, True, False]))
    column = data.draw(st.sampled_from([None, None, 1, "smiles", "2"]))
    packed = gzip.compress(content) if data.draw(st.booleans()) else content
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(packed)
    try:
        _, smiles, rows, _ = read(path, smiles_column=column, header=header)
    except InputError as error:
        message = str(error)
    else:
        message = ""
        check(smiles, rows)
    assert "\n" not in message


def check(smiles: list[str], rows: list[int]) -> None:
    assert len(smiles) == len(rows)
    assert rows == sorted(set(rows))
    assert all(isinstance(one, str) for one in smiles)


@given(st.lists(st.sampled_from(MOLECULES), min_size=1, max_size=20), st.sampled_from(",;|\t "), st.booleans())
@settings(max_examples=50, deadline=None)
def test_what_is_written_is_read(tmp_path_factory, smiles, delimiter, head):
    lines = [f"{one}{delimiter}{n}" for n, one in enumerate(smiles)]
    path = tmp_path_factory.getbasetemp() / "written.txt"
    path.write_text("\n".join([f"smiles{delimiter}n"] * head + lines))
    _, found, rows, numbers = read(path)
    assert found == smiles
    assert rows == list(range(1 + head, len(smiles) + 1 + head))
    assert list(numbers.values()) == [list(range(len(smiles)))]
