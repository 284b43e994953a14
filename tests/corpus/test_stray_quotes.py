"""A quote that is never closed, or closed too late, loses no row."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molvae.corpus.cleaning import clean
from molvae.corpus.reading import open_table

SMILES = ["CCOCC", "c1ccccc1", "CC(=O)NC", "CCN(CC)CC", "OCCO", "CCCCO", "CC#N", "C1CCCCC1"]


def rows_of(path):
    chunks = open_table(path).chunks()
    return [pair for chunk in chunks for pair in zip(chunk.rows, chunk.smiles, strict=True)]


def write(path, names):
    lines = [f"{name},{smiles},{i}\n" for i, (name, smiles) in enumerate(zip(names, SMILES, strict=True))]
    path.write_text("name,SMILES,x\n" + "".join(lines))


EXPECTED = list(enumerate(SMILES, start=2))


@pytest.mark.parametrize("at", range(len(SMILES)))
def test_a_quote_that_is_never_closed(tmp_path, at):
    path = tmp_path / "in.csv"
    write(path, ["\"3'-x" if i == at else f"mol {i}" for i in range(len(SMILES))])
    assert rows_of(path) == EXPECTED
    assert clean(open_table(path)).counts.rows == len(SMILES)


def test_a_quote_that_closes_rows_later(tmp_path):
    path = tmp_path / "in.csv"
    write(path, ["a", '"b', "c", "d", 'e"', "f", "g", "h"])
    assert rows_of(path) == EXPECTED


def test_a_quote_that_closes_in_a_cell_with_a_comma(tmp_path):
    path = tmp_path / "in.csv"
    plain = [f"{smiles},mol {i}" for i, smiles in enumerate(SMILES)]
    ends = ['CCOc1ccccc1,"(R)-thing', *plain, 'CC(=O)Nc1ccc(O)cc1,"acetamide, N-(4-hydroxyphenyl)"', "CCN(CC)CC,tea"]
    path.write_text("SMILES,name\n" + "\n".join(ends) + "\n")
    assert rows_of(path) == [(k, line.split(",")[0]) for k, line in enumerate(ends, start=2)]
    assert clean(open_table(path)).counts.rows == len(ends)
    names = [cells[1] for _, _, cells in open_table(path).full_records()]
    assert names == ['"(R)-thing', *(f"mol {i}" for i in range(8)), "acetamide, N-(4-hydroxyphenyl)", "tea"]


def test_a_cell_of_two_lines_that_look_like_rows_is_one(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text('SMILES,note\nCCOc1ccccc1,"soluble\nB, C"\nCCO,ok\n')
    records = list(open_table(path).full_records())
    assert records == [(2, "CCOc1ccccc1", ["CCOc1ccccc1", "soluble\nB, C"]), (4, "CCO", ["CCO", "ok"])]


def test_cells_before_a_stray_quote_keep_their_commas(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text('name,SMILES,note\n"a, b",CCO,"5\nc,CCN,\n"d, e",CCC,x\n')
    cells = [cells for _, _, cells in open_table(path).full_records()]
    assert cells == [["a, b", "CCO", '"5'], ["c", "CCN", ""], ["d, e", "CCC", "x"]]


def test_a_true_line_break_behind_a_stray_quote_stays(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text('SMILES,note,x\nCCO,"3\'-x,1\nCCN,b,2\nCCC,"true\nbreak, it is",3\nCCS,d,4\n')
    records = [(row, cells) for row, _, cells in open_table(path).full_records()]
    assert records == [
        (2, ["CCO", "\"3'-x", "1"]),
        (3, ["CCN", "b", "2"]),
        (4, ["CCC", "true\nbreak, it is", "3"]),
        (6, ["CCS", "d", "4"]),
    ]


@pytest.mark.parametrize("line", ['CCO,"a,x', 'CCO,"a","b', '"a,CCO,x', 'CCO,"a, b","c', 'CCO,x,"', 'CCO,"""a,x'])
@pytest.mark.parametrize("end", ["", 'CCO,"x, y",z\n'])
def test_thousands_of_stray_quotes(tmp_path, line, end):
    path = tmp_path / "in.csv"
    path.write_text("SMILES,name,x\n" + f"CCN,b,1\n\nCCC,c,2\n{line}\n" * 3000 + end)
    table = open_table(path, smiles_column=1, header=True)
    assert sum(len(chunk) for chunk in table.chunks()) == 9000 + bool(end)


def test_a_column_of_molecules_alone_has_no_cell_of_several_lines(tmp_path):
    path = tmp_path / "in.csv"
    lines = ["CCO", '"CCN', "CCC", 'C"CS', "", '"CCF"', '"CO', "CN"]
    path.write_text("SMILES\n" + "\n".join(lines) + "\n")
    expected = [
        (k, line.replace('"', "") if line == '"CCF"' else line) for k, line in enumerate(lines, start=2) if line
    ]
    assert rows_of(path) == expected


def as_csv(rows):
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def texts(letters):
    # The reader takes blanks at the begin of a cell away.
    return st.text(st.sampled_from(letters), max_size=6).map(lambda text: text.lstrip(" "))


def tables(cells):
    return st.integers(2, 4).flatmap(
        lambda width: st.lists(st.lists(cells, min_size=width - 1, max_size=width - 1), min_size=1, max_size=6)
    )


def read_back(folder, content, width):
    path = folder.getbasetemp() / "quotes.csv"
    path.write_text(",".join(["SMILES", "b", "c", "d"][:width]) + "\n" + content, newline="")
    return [cells for _, _, cells in open_table(path, smiles_column="SMILES", header=True).full_records()]


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
    # The row with the quote may have more cells than the others, which then are filled up.
    found = [cells[: len(rows[0])] for cells in read_back(tmp_path_factory, "".join(lines), len(rows[0]))]
    assert len(found) == len(rows)
    assert found[:row] + found[row + 1 :] == rows[:row] + rows[row + 1 :]


def test_an_inch_is_no_quote(tmp_path):
    path = tmp_path / "in.csv"
    write(path, ['5" tube', "b", "c", "d", '3" pipe', "f", "g", "h"])
    assert rows_of(path) == EXPECTED


def test_a_line_break_in_a_quoted_cell_stays(tmp_path):
    path = tmp_path / "in.csv"
    write(path, ['"two\nlines, and a comma"', "b", "c", '"again\n\ntwo ""quoted"""', "e", "f", "g", "h"])
    assert [text for _, text in rows_of(path)] == SMILES
    assert [row for row, _ in rows_of(path)] == [2, 4, 5, 6, 9, 10, 11, 12]


@pytest.mark.parametrize("note", ['"one\ntwo"', '"one\ntwo\nthree"', '"a, b\nc"'])
def test_a_line_break_in_a_middle_cell_stays(tmp_path, note):
    path = tmp_path / "in.csv"
    rows = [f"m{i},{note if i % 2 else 'plain'},{smiles}\n" for i, smiles in enumerate(SMILES)]
    path.write_text("id,note,SMILES\n" + "".join(rows))
    assert [text for _, text in rows_of(path)] == SMILES


def test_quoted_last_row_without_a_line_end(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text('name,SMILES\na,CCO\n"b, c",CCN')
    assert rows_of(path) == [(2, "CCO"), (3, "CCN")]


def test_cxsmiles_is_read_as_its_smiles(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text('id,SMILES\n1,"C[C@H](N)C(=O)O |&1:1,3|"\n2,CCO |$_AV:A;B$|\n3,c1ccccc1\n')
    corpus = clean(open_table(path))
    assert corpus.smiles == ["C[C@H](N)C(=O)O", "CCO", "c1ccccc1"]


@pytest.mark.parametrize("cell", ["", " ", "NaN", "nan", "None", "#N/A", "-", "null"])
def test_a_word_for_nothing_is_an_empty_cell(tmp_path, cell):
    path = tmp_path / "in.csv"
    path.write_text(f"id,SMILES\n1,CCO\n2,{cell}\n3,CCN\n")
    assert clean(open_table(path)).counts.rejected == {"empty cell": 1}


def test_a_weak_name_does_not_beat_a_much_better_column(tmp_path):
    path = tmp_path / "in.csv"
    ids = ["C", "N", "CCO", "CN", "NCC", "C", "N", "CN"]
    molecules = [f"{smiles}C(=O)Nc1ccccc1" for smiles in ("C", "CC", "CCC", "CO", "CN", "COC", "CS", "N")]
    path.write_text("compound,x\n" + "".join(f"{a},{b}\n" for a, b in zip(ids, molecules, strict=True)))
    assert open_table(path).smiles_column == "x"
    path.write_text("SMILES,x\n" + "".join(f"{a},{b}\n" for a, b in zip(ids, molecules, strict=True)))
    assert open_table(path).smiles_column == "SMILES"


def test_a_name_behind_the_smiles_is_told(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("id,SMILES\n1,CCO ethanol\n2,CCN\n3,CCC\n4,CCCC\n")
    report = tmp_path / "rejected.csv"
    clean(open_table(path), rejected=report)
    assert "parted by a blank" in report.read_text()
