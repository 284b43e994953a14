"""A quote that is never closed, or closed too late, loses no row."""

import pytest

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
