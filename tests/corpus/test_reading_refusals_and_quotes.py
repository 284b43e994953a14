"""The reader: what is no table is refused in one sentence, and a quote that is never closed loses no row."""

import csv
import gzip
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molvae.corpus.reading import open_table
from molvae.errors import InputError
from tests.corpus.tables import read, written

REFUSED = {
    "empty.csv": (b"", "is empty"),
    "head.csv": (b"smiles,logp\n", "holds a header but no rows"),
    "book.xlsx": (b"PK\x03\x04\x14\x00rest", "Excel workbook; save the sheet as CSV"),
    "paper.pdf": (b"%PDF-1.7\n", "is a PDF"),
    "binary.csv": (bytes(range(256)) * 20, "is a binary file"),
    "fake.csv.gz": (b"smiles\nCCO\n", "is named .gz but is not gzipped"),
    "names.csv": (b"name,x\nethanol,1\nwater,2\n", "no column holds SMILES (its first row is 'name', 'x')"),
    "text.sdf": (b"smiles\nCCO\n", "holds no mol block"),
}


def test_refused_in_one_sentence(tmp_path):
    for name, (content, message) in REFUSED.items():
        with pytest.raises(InputError) as caught:
            open_table(written(tmp_path, content, name))
        assert message in str(caught.value) and "\n" not in str(caught.value)
        assert str(caught.value).startswith((name, "holds"))


def test_a_file_that_breaks_off_later(tmp_path):
    noise = np.random.default_rng(0).integers(10**8, size=150_000)
    content = gzip.compress(b"smiles,n\n" + b"".join(b"CCO,%d\n" % n for n in noise))
    path = written(tmp_path, content[: len(content) * 3 // 4], "cut.csv.gz")
    table = open_table(path)
    with pytest.raises(InputError, match=r"cut\.csv\.gz is gzipped, but damaged or cut off"):
        list(table.chunks())


def test_missing_folder_unreadable(tmp_path, monkeypatch):
    def denied(*_):
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path, "smiles\nCCO\n", "smiles.csv")
    with pytest.raises(InputError, match=r"smile\.csv does not exist; did you mean .*smiles\.csv\?"):
        open_table(tmp_path / "smile.csv")
    bad = ((tmp_path, "is a folder"), ("a\0b", "cannot be the name"), (tmp_path / ("x" * 5000), "cannot be read"))
    for name, message in bad:
        with pytest.raises(InputError, match=message):
            open_table(name)
    monkeypatch.setattr("pathlib.Path.open", denied)
    with pytest.raises(InputError, match="permission denied"):
        open_table(path)


def test_an_unclosed_quote_is_no_memory_hog(tmp_path, monkeypatch):
    monkeypatch.setattr("molvae.corpus.delimited._MAX_CELL", 1 << 20)
    monkeypatch.setattr("csv.field_size_limit", _limited(csv.field_size_limit))
    text = "smiles,name\n" + "CCO,a\n" * 200_000 + 'CCN,"b\n' + "CCC,c\n" * 200_000
    table = open_table(written(tmp_path, text))
    with pytest.raises(InputError, match=r"line 200002: field larger.*unbalanced quote"):
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


SMILES = ["CCOCC", "c1ccccc1", "CC(=O)NC", "CCN(CC)CC", "OCCO", "CCCCO", "CC#N", "C1CCCCC1"]


def records(path, **options):
    return [(row, cells) for row, _, cells in open_table(path, **options).full_records()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A cell of two lines that look like rows.
        (
            'SMILES,note\nCCOc1ccccc1,"soluble\nB, C"\nCCO,ok\n',
            [(2, ["CCOc1ccccc1", "soluble\nB, C"]), (4, ["CCO", "ok"])],
        ),
        # Cells before a stray quote keep their commas.
        (
            'name,SMILES,note\n"a, b",CCO,"5\nc,CCN,\n"d, e",CCC,x\n',
            [(2, ["a, b", "CCO", '"5']), (3, ["c", "CCN", ""]), (4, ["d, e", "CCC", "x"])],
        ),
        # A stray quote that closes in a cell with a comma.
        (
            'SMILES,name\nCCO,"(R)-thing\nCCN,b\nCCC,c\nCCS,"acetamide, N-(4-hydroxyphenyl)"\nCCF,tea\n',
            [
                (2, ["CCO", '"(R)-thing']),
                (3, ["CCN", "b"]),
                (4, ["CCC", "c"]),
                (5, ["CCS", "acetamide, N-(4-hydroxyphenyl)"]),
                (6, ["CCF", "tea"]),
            ],
        ),
        # A column of SMILES alone has no cell of several lines.
        (
            'SMILES\nCCO\n"CCN\nCCC\nC"CS\n\n"CCF"\n"CO\nCN\n',
            [(2, ["CCO"]), (3, ['"CCN']), (4, ["CCC"]), (5, ['C"CS']), (7, ["CCF"]), (8, ['"CO']), (9, ["CN"])],
        ),
    ],
)
def test_cells_beside_a_quote(tmp_path, text, expected):
    path = tmp_path / "in.csv"
    path.write_text(text)
    assert records(path) == expected


@pytest.mark.parametrize("line", ['CCO,"a,x', 'CCO,"a","b', '"a,CCO,x', 'CCO,"a, b","c', 'CCO,x,"', 'CCO,"""a,x'])
def test_thousands_of_stray_quotes(tmp_path, line):
    path = tmp_path / "in.csv"
    for end in ("", 'CCO,"x, y",z\n'):
        path.write_text("SMILES,name,x\n" + f"CCN,b,1\n\nCCC,c,2\n{line}\n" * 3000 + end)
        assert len(records(path, smiles_column=1, header=True)) == 9000 + bool(end)


def as_csv(rows):
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def texts(letters):
    # The reader strips spaces at the beginning of a cell.
    return st.text(st.sampled_from(letters), max_size=6).map(lambda text: text.lstrip(" "))


def tables(cells):
    return st.integers(2, 4).flatmap(
        lambda width: st.lists(st.lists(cells, min_size=width - 1, max_size=width - 1), min_size=1, max_size=6)
    )


def read_back(folder, content, width):
    path = folder.getbasetemp() / "quotes.csv"
    path.write_text(",".join(["SMILES", "b", "c", "d"][:width]) + "\n" + content, newline="")
    return [cells for _, cells in records(path, smiles_column="SMILES", header=True)]


@given(tables(st.one_of(texts('a"\n '), texts('a," '))))
@settings(max_examples=200, deadline=None)
def test_what_a_program_wrote_is_read_exactly(tmp_path_factory, notes):
    """Any text in any cell; a row of several lines has no commas in its cells, with which they would look like rows."""
    rows = [["CCO", *(cell.replace(",", "a") if "\n" in "".join(row) else cell for cell in row)] for row in notes]
    assert read_back(tmp_path_factory, as_csv(rows), len(rows[0])) == rows


@given(tables(texts('a," ')), st.data())
@settings(max_examples=200, deadline=None)
def test_one_line_break_beside_any_text_is_read_exactly(tmp_path_factory, notes, data):
    for row in notes:
        at = data.draw(st.integers(0, len(row) - 1))
        row[at] = data.draw(texts('a," ')) + "\n" + data.draw(texts('a," '))
    rows = [["CCO", *row] for row in notes]
    assert read_back(tmp_path_factory, as_csv(rows), len(rows[0])) == rows


@given(tables(st.sampled_from(["a", "b, c", 'd "e"', "", ",5", '"a", "b"', '"'])), st.data())
@settings(max_examples=300, deadline=None)
def test_a_stray_quote_loses_no_row_and_adds_none(tmp_path_factory, notes, data):
    rows = [["CCO", *row] for row in notes]
    row = data.draw(st.integers(0, len(rows) - 1))
    at = data.draw(st.integers(0, len(rows[0]) - 1))
    lines = as_csv(rows).splitlines(keepends=True)
    cells = [as_csv([[cell]]).rstrip("\n") if cell else "" for cell in rows[row]]
    lines[row] = ",".join([*cells[:at], '"' + cells[at], *cells[at + 1 :]]) + "\n"
    # The row with the quote may have more cells than the others, which are then padded.
    found = [cells[: len(rows[0])] for cells in read_back(tmp_path_factory, "".join(lines), len(rows[0]))]
    assert len(found) == len(rows)
    assert found[:row] + found[row + 1 :] == rows[:row] + rows[row + 1 :]
