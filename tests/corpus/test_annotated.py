"""All columns of a table, kept for what a command adds: as they stand, in order, in every format."""

import gzip
import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from molvae.corpus.reading import AnnotatedTable, open_table
from molvae.corpus.writing import frame_text, write_frames
from molvae.errors import InputError
from tests.corpus.tables import LOGP, MOLECULES, NAMES, as_text, record, written


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


def test_text_is_read_as_it_was_written():
    frame = pd.DataFrame({"a": ['x,"y"', "line\nbreak", ""], "z": np.array([1 / 3, 1e-30, np.nan], dtype=np.float32)})
    again = pd.read_csv(io.StringIO(frame_text(frame, header=True)), keep_default_na=False, na_values={"z": [""]})
    assert list(again["a"]) == list(frame["a"])
    np.testing.assert_array_equal(again["z"].to_numpy(np.float32), frame["z"])
