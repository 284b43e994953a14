"""A quote that is never closed, or closed too late, loses no row."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molvae.corpus.cleaning import clean
from molvae.corpus.reading import open_table

SMILES = ["CCOCC", "c1ccccc1", "CC(=O)NC", "CCN(CC)CC", "OCCO", "CCCCO", "CC#N", "C1CCCCC1"]


def records(path, **options):
    return [(row, cells) for row, _, cells in open_table(path, **options).full_records()]


def rows_of(path):
    return [(row, smiles) for row, smiles, _ in open_table(path).full_records()]


def test_names_with_quotes_leave_every_row_in_place(tmp_path):
    path, plain = tmp_path / "in.csv", [f"mol {i}" for i in range(8)]
    never_closed = [[*plain[:at], "\"3'-x", *plain[at + 1 :]] for at in range(8)]
    for names in [*never_closed, ["a", '"b', "c", "d", 'e"', *"fgh"], ['5" tube', "b", "c", "d", '3" pipe', *"fgh"]]:
        lines = [f"{name},{smiles},{i}\n" for i, (name, smiles) in enumerate(zip(names, SMILES, strict=True))]
        path.write_text("name,SMILES,x\n" + "".join(lines))
        assert rows_of(path) == list(enumerate(SMILES, start=2)), names
        assert clean(open_table(path)).counts.rows == 8


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
