"""Files of molecules are what the whole table would be, never half there, and keep all columns of what was read."""

import csv
import gzip
import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem.rdDepictor import Compute2DCoords

from molvae.corpus.reading import AnnotatedTable, open_table
from molvae.corpus.writing import check_output, csv_writer, frame_text, to_text, write_file, write_frames
from molvae.errors import InputError
from tests.corpus.tables import LOGP, MOLECULES, NAMES, as_text, record, written

COLUMNS = ["qed", "charge"]


@pytest.fixture
def table(canonical_smiles):
    rng = np.random.default_rng(0)
    qed = rng.random(len(canonical_smiles))
    qed[3] = np.nan
    return pd.DataFrame({"smiles": canonical_smiles, "qed": qed, "charge": np.round(rng.normal(size=len(qed)) * 1e6)})


def write(path, table, columns, size):
    numbers = table[columns].to_numpy(dtype=np.float64)
    with write_file(path, columns) as add:
        for at in range(0, len(table), size):
            add(table["smiles"].tolist()[at : at + size], numbers[at : at + size])


@pytest.mark.parametrize(
    ("size", "kind", "separator", "columns"),
    [(1, "csv", ",", []), (5, "csv", ",", COLUMNS), (1000, "tsv", "\t", COLUMNS)],
)
def test_delimited_text_is_that_of_pandas(tmp_path, table, size, kind, separator, columns):
    table.loc[4, "smiles"] = ""  # raw draws
    table.loc[5, "smiles"] = 'C,"C'
    path = tmp_path / f"out.{kind}"
    write(path, table, columns, size)
    expected = table[["smiles", *columns]].to_csv(index=False, sep=separator, float_format="%.5g", lineterminator="\n")
    assert path.read_bytes() == expected.encode()
    numbers = table[columns].to_numpy(dtype=np.float64)
    text = to_text(table["smiles"].tolist(), numbers, separator=separator)
    assert separator.join(["smiles", *columns]) + "\n" + text == expected


def test_smi_is_smiles_alone(tmp_path, table):
    write(tmp_path / "out.smi", table, [], 7)
    assert (tmp_path / "out.smi").read_text() == "".join(f"{one}\n" for one in table["smiles"])


def test_sdf_is_that_of_rdkit(tmp_path, table):
    write(tmp_path / "out.sdf", table, COLUMNS, 7)
    expected = io.StringIO()
    with Chem.SDWriter(expected) as writer:
        for number, row in enumerate(table.itertuples(), start=1):
            mol = Chem.MolFromSmiles(row.smiles)
            Compute2DCoords(mol)
            mol.SetProp("_Name", f"molvae-{number}")
            mol.SetProp("smiles", row.smiles)
            mol.SetProp("qed", f"{row.qed:.5g}")
            mol.SetProp("charge", f"{row.charge:.5g}")
            writer.write(mol)
    # The second line of a record holds the time.
    lines = [text.splitlines() for text in ((tmp_path / "out.sdf").read_text(), expected.getvalue())]
    stamped = [[line for line in text if "RDKit" not in line] for text in lines]
    assert stamped[0] == stamped[1]


@pytest.mark.parametrize("size", [5, 1000])
def test_parquet_is_that_of_pandas(tmp_path, table, size, monkeypatch):
    from pyarrow.parquet import ParquetFile

    monkeypatch.setattr("molvae.corpus.writing._ROW_GROUP", 10)
    write(tmp_path / "out.parquet", table, COLUMNS, size)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), table)
    with ParquetFile(tmp_path / "out.parquet") as file:
        assert file.num_row_groups == -(-len(table) // 10)
        assert file.schema_arrow.field("smiles").type == "large_string"


def test_no_molecules_are_an_empty_file(tmp_path):
    for kind, expected in {"csv": b"smiles\n", "tsv": b"smiles\n", "smi": b"", "sdf": b"", "parquet": None}.items():
        with write_file(tmp_path / f"out.{kind}", []):
            pass
        assert expected is None or (tmp_path / f"out.{kind}").read_bytes() == expected
    assert pd.read_parquet(tmp_path / "out.parquet").shape == (0, 1)


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "out.sdf"
    path.write_text("old")
    with pytest.raises(ValueError), write_file(path, []) as add:
        add(["CC", "CCO"], np.empty((1, 0)))
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_told_before(tmp_path, monkeypatch):
    (tmp_path / "folder.csv").mkdir()
    for name in ("x" * 300 + ".csv", "x" * 245 + ".csv", "no/o.csv", "folder.csv", "o.txt"):
        with pytest.raises(InputError, match=r"cannot be written|extension"):
            check_output(tmp_path / name)
    check_output(tmp_path / "o.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    for of in ("tempfile.NamedTemporaryFile", "pathlib.Path.is_dir"):
        monkeypatch.setattr(of, denied)
        with pytest.raises(InputError, match=r"o\.csv cannot be written: Permission denied"):
            check_output(tmp_path / "o.csv")


CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0") | st.sampled_from('\r\n\r",;\t \x0b\x0c\x1c\x85\u2028')
)


@given(
    st.lists(st.tuples(CELLS, CELLS, st.floats(allow_nan=False, allow_infinity=False)), min_size=1),
    st.sampled_from(",\t"),
)
def test_what_frames_hold_is_read_again_by_python_and_by_pandas(rows, separator):
    """Every cell is where it was, whatever a reader takes for the end of a line."""
    frame = pd.DataFrame(rows, columns=["a", 'b\r"c"', "d"])
    text = frame_text(frame, separator=separator, header=True)
    by_python = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    assert by_python[0] == list(frame.columns)
    assert [(a, b, float(c)) for a, b, c in by_python[1:]] == rows
    by_pandas = pd.read_csv(io.StringIO(text, newline=""), sep=separator, dtype=str, keep_default_na=False)
    assert by_pandas.to_numpy().tolist() == by_python[1:]


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1))
def test_rows_of_text_are_read_again_by_python_and_by_pandas(rows):
    file = io.StringIO()
    csv_writer(file).writerows(rows)
    assert list(csv.reader(io.StringIO(file.getvalue(), newline=""))) == rows
    table = pd.read_csv(io.StringIO(file.getvalue(), newline=""), dtype=str, keep_default_na=False, header=None)
    assert table.to_numpy().tolist() == rows


def annotated(path, **options):
    table = AnnotatedTable(open_table(path), **options)
    chunks = list(table.chunks(2))
    return table, chunks, pd.concat([chunk.cells for chunk in chunks], ignore_index=True)


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_every_cell_is_kept_as_it_stands(tmp_path, delimiter):
    table, chunks, cells = annotated(written(tmp_path, gzip.compress(as_text(delimiter).encode()), "t.csv.gz"))
    assert table.types == {"Name": str, "SMILES": str, "logP": float}
    assert [list(cells[name]) for name in cells] == [NAMES, MOLECULES, LOGP]
    assert [text for chunk in chunks for text in chunk.smiles] == MOLECULES
    assert [row for chunk in chunks for row in chunk.rows] == [2, 3, 4, 5, 6]


def test_rows_that_are_too_short_or_too_long_lose_nothing(tmp_path):
    path = written(tmp_path, "smiles,note\nCCO,a\nCCN\nCCC,b,c,d\n")
    (tmp_path / "copy.csv").write_text("smiles,note\n" + "CCO,a\n" * 300 + "CCC,b,c,d\n")
    assert list(annotated(path)[2].iloc[1]) == ["CCN", "", "", ""]
    assert list(annotated(tmp_path / "copy.csv")[2].iloc[-1]) == ["CCC", "b,c,d"]


def test_a_file_without_a_header_gets_a_name_for_its_molecules(tmp_path):
    table, chunks, _ = annotated(written(tmp_path, "CCO one\nCCN |x|\n", "t.smi"))
    assert list(table.types) == ["smiles", "column_2"] and chunks[0].smiles == ["CCO", "CCN"]


def test_structures_of_an_sd_file_become_a_column(tmp_path):
    second = record("CCN", id="b", smi="x").replace("<smi>", "<smiles>")
    table, _, cells = annotated(written(tmp_path, record("OCC", id="a", logP=1) + second, "t.sdf"))
    assert list(table.types) == ["smiles", "id", "logP", "smiles_2"]
    assert cells.to_numpy().tolist() == [["CCO", "a", "1", ""], ["CCN", "b", "", "x"]]


def test_parquet_keeps_its_types(tmp_path):
    frame = pd.DataFrame({"n": pd.array([1, None, 3], dtype="Int64"), "smiles": ["CCO", None, "CCN"], "x": [0.5, 1, 2]})
    frame.to_parquet(tmp_path / "t.parquet")
    table, chunks, cells = annotated(tmp_path / "t.parquet")
    assert table.types["n"] == pa.int64() and chunks[0].smiles == ["CCO", ""]
    with write_frames(tmp_path / "u.parquet", table.types) as write:
        assert write(cells[:1]) == write(cells[1:]) == 0
    again, first = (pd.read_parquet(tmp_path / f"{one}.parquet", dtype_backend="numpy_nullable") for one in "ut")
    assert again.to_dict("list") == first.to_dict("list")


def test_the_form_asked_for(tmp_path):
    path = written(tmp_path, "smiles,id\nC[C@H](N)C(=O)[O-].[Na+],1\nC1C,2\n")
    assert annotated(path, stereo=False)[1][0].smiles[0] == "CC(N)C(=O)[O-].[Na+]"
    assert annotated(path, standardize=True)[1][0].smiles == ["C[C@H](N)C(=O)O", "C1C"]
    assert annotated(path, standardize=True, stereo=False)[1][0].smiles == ["CC(N)C(=O)O", "C1C"]


def test_a_column_that_is_there_is_not_written_over(tmp_path):
    table = annotated(written(tmp_path, "smiles,kl\nCCO,1\n"))[0]
    assert list(table.extended({"elbo": float})) == ["smiles", "kl", "elbo"]
    with pytest.raises(InputError, match="has a column 'kl' already"):
        table.extended({"elbo": float, "kl": float})
