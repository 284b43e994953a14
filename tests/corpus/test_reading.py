"""The reader: delimited text as people have it, and which of its lines are rows."""

import codecs
import gzip
import itertools
import math
from typing import Any

import numpy as np
import pytest
from rdkit import Chem

from molvae.corpus.reading import AnnotatedTable, open_table, read_smiles
from molvae.corpus.writing import write_file
from molvae.errors import InputError
from tests.corpus.tables import LOGP, MOLECULES, NAMES, as_text, read, written

NAN = math.nan


@pytest.mark.parametrize(("delimiter", "end"), [(",", "\n"), ("\t", "\r\n"), (";", "\r"), ("|", "\n")])
def test_delimited_text(tmp_path, delimiter, end):
    encodings, suffixes = ("utf-8", "utf-8-sig", "utf-16", "utf-32"), (".csv", ".txt", ".csv.gz", "")
    for encoding, suffix in itertools.product(encodings, suffixes):
        content = as_text(delimiter, end=end).encode(encoding)
        path = written(tmp_path, gzip.compress(content) if suffix.endswith("gz") else content, "table" + suffix)
        table, smiles, rows, numbers = read(path)
        assert (table.smiles_column, table.columns) == ("SMILES", ("Name", "SMILES", "logP")), (encoding, suffix)
        assert (smiles, rows, numbers) == (MOLECULES, [2, 3, 4, 5, 6], {"logP": [float(x) for x in LOGP]})
        assert table.describe().startswith(path.name + ": ")
        assert "SMILES in column 'SMILES' (by name: 5 of 5 values parse)" in table.describe()


@pytest.mark.parametrize("header", [None, False])
def test_no_header(tmp_path, header):
    table, smiles, rows, numbers = read(written(tmp_path, as_text(head=None)), header=header)
    assert (smiles, rows, list(numbers)) == (MOLECULES, [1, 2, 3, 4, 5], ["column_3"])
    assert table.columns == ("column_1", "column_2", "column_3")
    assert "column 2, no header (by content: 5 of 5 values parse)" in table.describe()


def test_the_smiles_column_is_found_by_name(tmp_path):
    heads = ["smiles", "SMILES", "Canonical SMILES", "canonical_smiles", "isomeric-smiles", "Structure", "Drug", "mol"]
    for head in heads:
        table, smiles, _, _ = read(written(tmp_path, as_text(head=("id", head, "y"))))
        assert (smiles, table.smiles_column) == (MOLECULES, head) and "by name" in table.describe()
    text = "CanonicalSMILES,IsomericSMILES\nCC(N)O,C[C@H](N)O\n"
    assert read(written(tmp_path, text))[1] == ["C[C@H](N)O"]


def test_a_name_gives_way_to_a_much_better_column(tmp_path):
    table, smiles, _, _ = read(written(tmp_path, as_text(head=("drug", "what", "y"))))
    assert (table.smiles_column, smiles) == ("what", MOLECULES) and "by content" in table.describe()
    ids = ["C", "N", "CCO", "CN", "NCC", "C", "N", "CN"]
    molecules = [f"{smiles}C(=O)Nc1ccccc1" for smiles in ("C", "CC", "CCC", "CO", "CN", "COC", "CS", "N")]
    rows = "".join(f"{a},{b}\n" for a, b in zip(ids, molecules, strict=True))
    assert open_table(written(tmp_path, "compound,x\n" + rows)).smiles_column == "x"
    assert open_table(written(tmp_path, "SMILES,x\n" + rows)).smiles_column == "SMILES"


def test_columns_that_only_look_like_smiles_are_not_taken(tmp_path):
    inchi: Any = Chem
    mols = [Chem.MolFromSmiles(one) for one in MOLECULES]
    rows = [
        [n % 3, "CNOIS"[n], inchi.MolToInchi(mol), inchi.MolToInchiKey(mol), ["CO", "CCO"][n % 2], "CCl4", one]
        for n, (mol, one) in enumerate(zip(mols, MOLECULES, strict=True))
    ]
    text = "\n".join(",".join(f'"{cell}"' for cell in row) for row in [["a", "b", "c", "d", "e", "f", "g"], *rows])
    table, smiles, _, numbers = read(written(tmp_path, text))
    assert (table.smiles_column, smiles, list(numbers)) == ("g", MOLECULES, ["a"])


def test_the_column_that_the_user_requests(tmp_path):
    path = written(tmp_path, "smiles,x,other\nCCO,1,CCN\nCCC,2,CCS\n")
    for wanted in ("other", "OTHER", 3, "3"):
        table, smiles, _, numbers = read(path, smiles_column=wanted)
        assert (smiles, table.smiles_column, list(numbers)) == (["CCN", "CCS"], "other", ["x"])
    for wanted in ("nope", 0, 4, -1, "0"):
        with pytest.raises(InputError, match=r"table\.csv has no column .* 1 'smiles', 2 'x', 3 'other'"):
            open_table(path, smiles_column=wanted)
    assert read(written(tmp_path, "CCO,CCN\nCCC,CCS\n"), smiles_column=2, header=False)[1] == ["CCN", "CCS"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CCO ethanol\nc1ccccc1 benzene\n", ["CCO", "c1ccccc1"]),
        ("CCO   ethyl alcohol\nc1ccccc1\n", ["CCO", "c1ccccc1"]),
        ("# made by hand\nCCO a\n#c\n\nCCN b\n", ["CCO", "CCN"]),
        ("smiles name\nCCO a\nCCN b\n", ["CCO", "CCN"]),
        ('CCO\t"open\nCCN\t5"-x\n', ["CCO", "CCN"]),
        ("CCO |c| name\nCCN\n", ["CCO", "CCN"]),
        ("CCO,ethanol\nCCN,amine\n", ["CCO", "CCN"]),
        ("CCO", ["CCO"]),
    ],
)
def test_smi(tmp_path, text, expected):
    for name in ("mols.smi", "mols.smiles", "mols.smi.gz"):
        content = gzip.compress(text.encode()) if name.endswith("gz") else text
        assert read(written(tmp_path, content, name))[1] == expected


@pytest.mark.parametrize(
    ("content", "columns", "rows"),
    [
        # Row numbers are line numbers; blank lines and line breaks in cells count.
        (
            'smiles,note\n\nCCO,"two\nlines"\n\n,empty\nCCN\nCCC,"a ""b"", c"\n',
            ("smiles", "note"),
            [(3, "CCO"), (6, ""), (7, "CCN"), (8, "CCC")],
        ),
        # An invalid first molecule is not a header.
        ("C1CC\nCCO\nCCN\n", ("column_1",), [(1, "C1CC"), (2, "CCO"), (3, "CCN")]),
        ("N/A,1\nCCO,2\nCCN,3\n", ("column_1", "column_2"), [(1, "N/A"), (2, "CCO"), (3, "CCN")]),
        # Headers that pandas writes.
        ("0\nCCO\nCCN\n", ("0",), [(2, "CCO"), (3, "CCN")]),
        (",0,y\n0,CCO,1\n1,CCN,2\n", ("column_1", "0", "y"), [(2, "CCO"), (3, "CCN")]),
        (b"smiles,n\nCCO,1\nC\0C,2\n", ("smiles", "n"), [(2, "CCO"), (3, "C\0C")]),
        ("smiles,näme\nCCO,ü\n".encode("latin-1"), ("smiles", "näme"), [(2, "CCO")]),
    ],
)
def test_rows_and_their_numbers(tmp_path, content, columns, rows):
    table, smiles, places, _ = read(written(tmp_path, content))
    assert (table.columns, list(zip(places, smiles, strict=True))) == (columns, rows)
    assert ("Latin-1" in table.describe()) == ("näme" in columns)


@pytest.mark.parametrize(
    ("text", "smiles", "numbers"),
    [
        ("x,smiles,y\n1,CCO,5\n2\n3,CCN,6,7,8\n4,CCC\n", ["CCO", "", "CCN", "CCC"], {"y": [5, NAN, 6, NAN]}),
        ("smiles,x,x,,smiles\nCCO,1,2,3,CCN\n", ["CCO"], {"x": [1], "x_2": [2], "column_4": [3]}),
        ("smiles;a;b;c\nCCO;1,5;NA;>10\nCCN;-2e3;7;3\nCCC;;inf;<1\n", ["CCO", "CCN", "CCC"], {"a": [1.5, -2000, NAN]}),
    ],
)
def test_ragged_rows_repeated_names_and_numbers_as_people_write_them(tmp_path, text, smiles, numbers):
    _, found, _, values = read(written(tmp_path, text))
    assert found == smiles and {name: values[name] for name in numbers}.keys() == numbers.keys()
    for name, expected in numbers.items():
        np.testing.assert_array_equal(values[name], expected)
    assert "b" not in values and "c" not in values


def test_a_repeated_name_is_requested_by_its_new_name(tmp_path):
    assert read(written(tmp_path, "smiles,x,x,,smiles\nCCO,1,2,3,CCN\n"), smiles_column="smiles_2")[1] == ["CCN"]


def test_long_cells(tmp_path):
    _, smiles, rows, _ = read(written(tmp_path, f"smiles,n\n{'C' * 1_000_000},1\nCCO,2\n"))
    assert ([len(one) for one in smiles], rows) == ([1_000_000, 3], [2, 3])


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_an_invalid_byte_after_the_head_does_no_harm(tmp_path, mark):
    path = written(tmp_path, mark + b"smiles,name\n" + b"CCO,alcohol\n" * 100_000 + b"CCN,\xfc\nCCC,end\n")
    smiles = read(path)[1]
    assert len(smiles) == 100_002 and smiles[-2:] == ["CCN", "CCC"]


def test_chunks_have_the_requested_size_and_files_can_be_read_again(tmp_path):
    table = open_table(written(tmp_path, "smiles,x\n" + "CCO,1\n" * 25))
    for _ in range(2):
        chunks = list(table.chunks(10))
        assert [len(chunk) for chunk in chunks] == [len(chunk.numbers["x"]) for chunk in chunks] == [10, 10, 5]


HEAD = ("Name", "SMILES", "logP")


def test_a_line_that_says_the_delimiter_is_no_row(tmp_path):
    lines, marks, ends = ("sep={}", "SEP={}", '"sep={}"', "sep={};;"), (b"", codecs.BOM_UTF8), ("\n", "\r\n", "\r")
    for delimiter, line, mark, end in itertools.product((",", ";", "\t", "|", ":", "^"), lines, marks, ends):
        text = line.format(delimiter) + end + as_text(delimiter, end=end)
        table, smiles, rows, numbers = read(written(tmp_path, mark + text.encode()))
        assert (table.columns, smiles, rows) == (HEAD, MOLECULES, [3, 4, 5, 6, 7]), text
        assert list(numbers) == ["logP"] and "is the header" not in table.describe()
        assert [cells[0] for _, _, cells in table.full_records()] == NAMES


def test_it_is_obeyed_though_another_delimiter_would_do(tmp_path):
    path = written(tmp_path, "sep=;\nSMILES;x,y\nCCO;1,5\nCCN;2,5\n")
    assert open_table(path).columns == ("SMILES", "x,y")
    path = written(tmp_path, "sep=;\nCCO;1\nCCN;2\n")
    assert read(path)[1:3] == (["CCO", "CCN"], [2, 3])
    with pytest.raises(InputError, match="holds no rows"):
        open_table(written(tmp_path, "sep=;\n"))


@pytest.mark.parametrize(
    "title",
    ["Export of 2024\n\n", "Export of 2024\nby me, and you; all\n", "SMILES of project 7\n", "Molecules{0}{0}\n",
     "{0}{0}\n", '"two\nlines"\n', "sep={0}\nExport\n", "CNS compounds\n", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"],
)  # fmt: skip
def test_a_title_above_the_header_is_no_row(tmp_path, title):
    for delimiter, head in itertools.product(
        (",", ";", "\t"), (HEAD, HEAD[1::-1] + HEAD[2:], ("id", "Structure", "y"))
    ):
        text = as_text(delimiter, head=None)
        if head[0] == "SMILES":
            rows = [f'{smiles}{delimiter}"{name}"{delimiter}1.5' for smiles, name in zip(MOLECULES, NAMES, strict=True)]
            text = "\n".join(rows) + "\n"
        above = title.format(delimiter)
        first = above.count("\n") + 1
        table, smiles, rows, numbers = read(written(tmp_path, above + delimiter.join(head) + "\n" + text))
        assert (table.columns, smiles) == (head, MOLECULES)
        assert rows == list(range(first + 1, first + 6)) and list(numbers) == [head[2]]
        assert table.describe().endswith(f"; line {first} is the header")
        assert list(AnnotatedTable(table).types) == list(head)


def test_a_header_of_a_name_that_is_asked_for_is_found_below_a_title(tmp_path):
    path = written(tmp_path, "Export\n\nwhat,name\nCCO,a\nCCN,b\n")
    assert read(path, smiles_column="What")[1:3] == (["CCO", "CCN"], [4, 5])


@pytest.mark.parametrize(
    ("text", "smiles"),
    [
        ("CCO,1\nCCN,2\nsmiles,x\nCCC,3\n", ["CCO", "CCN", "smiles", "CCC"]),
        ("smiles,x\nCCN,2\nsmiles,x\nCCC,3\n", ["CCN", "smiles", "CCC"]),
        ("CCO,compound\nCCN,drug\nCCC,smiles\nCCS,mol\n", ["CCO", "CCN", "CCC", "CCS"]),
        ("title\n" + "no,1\n" * 11 + "smiles,x\n" + "CCO,1\n" * 20, ["no"] * 11 + ["smiles"] + ["CCO"] * 20),
    ],
)
def test_no_molecule_is_taken_for_a_title(tmp_path, text, smiles):
    assert [one for one in read(written(tmp_path, text))[1] if one != "title"] == smiles


def test_who_says_that_the_first_row_is_the_header_is_believed(tmp_path):
    path = written(tmp_path, "Export,of\nsmiles,x\nCCO,1\nCCN,2\n")
    assert read(path, header=True, smiles_column=1)[1] == ["smiles", "CCO", "CCN"]
    assert read(path, header=False, smiles_column=1)[1] == ["Export", "smiles", "CCO", "CCN"]


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "smi"])
def test_raw_texts_are_as_many_as_were_written(tmp_path, kind):
    """A blank line of a .smi file is none; everything else that a model may say comes back."""
    raw = ["CCO", "", "C1CC", "#CC", "CCN", "#", "CC#", "CCC=O", '"C', "##C", "CCCO", "CCCN"]
    if kind == "smi":
        raw = [text for text in raw if text not in ("", "#", '"C')]
    path = tmp_path / f"raw.{kind}"
    with write_file(path, []) as write:
        write(raw, np.zeros((len(raw), 0)))
    assert read_smiles(path) == raw


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt"])
def test_a_line_is_blank_by_its_text(tmp_path, name):
    path = written(tmp_path, 'smiles\nCCO\n\n""\n   \nCCN\n" "\n', name)
    assert list(zip(*read(path)[1:3], strict=True)) == [("CCO", 2), ("", 4), ("CCN", 6), (" ", 7)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#CC\n#by hand\nCCO\n#CC\nCCN\n", [(3, "CCO"), (4, "#CC"), (5, "CCN")]),
        ("CCO\n# CC\n#\nCCN\n", [(1, "CCO"), (4, "CCN")]),
        ("CCO a\n#CC b\n#CCN\n# CC b\nCCN c\n", [(1, "CCO"), (2, "#CC"), (5, "CCN")]),
        ("CCO\ta\n#CC\tb\n#\tb\nCCN\tc\n", [(1, "CCO"), (2, "#CC"), (4, "CCN")]),
    ],
)
def test_what_is_a_comment_in_a_file_of_smiles(tmp_path, text, expected):
    _, smiles, rows, _ = read(written(tmp_path, text, "t.smi"))
    assert list(zip(rows, smiles, strict=True)) == expected
