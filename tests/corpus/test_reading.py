"""The reader: delimited text as people have it."""

import gzip
import math
from typing import Any

import numpy as np
import pytest
from rdkit import Chem

from molvae.corpus.reading import open_table
from molvae.errors import InputError
from tests.corpus.tables import LOGP, MOLECULES, as_text, read, written


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


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_stray_byte_behind_the_head_does_no_harm(tmp_path, mark):
    path = written(tmp_path, mark + b"smiles,name\n" + b"CCO,alcohol\n" * 100_000 + b"CCN,\xfc\nCCC,end\n")
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
