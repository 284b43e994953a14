"""Which lines of a file are rows: what stands above the header, blank lines, comments."""

import codecs
import itertools

import numpy as np
import pytest

from molvae.corpus.reading import AnnotatedTable, open_table, read_smiles
from molvae.corpus.writing import write_file
from molvae.errors import InputError
from tests.corpus.tables import MOLECULES, NAMES, as_text, read, written

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
