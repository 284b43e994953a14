"""Tables of latent points: what is written is what is read, and what is none says so."""

import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from molvae.corpus.latents import latent_columns, open_latents, write_archive
from molvae.errors import InputError
from tests.corpus.tables import written

Z = np.random.default_rng(0).standard_normal((5, 11)).astype(np.float32)
Z[3] = np.nan


def read(path):
    table = open_latents(path, size=2)
    points, cells = zip(*table.chunks(), strict=True)
    return table, np.concatenate(points), pd.concat(cells, ignore_index=True)


@pytest.mark.parametrize("name", ["z.csv", "z.tsv", "z.csv.gz", "z.parquet"])
def test_points_and_other_columns_come_back(tmp_path, name):
    frame = pd.DataFrame(Z, columns=latent_columns(11)).assign(**dict.fromkeys(latent_columns(11, spread=True), 1.0))
    frame.insert(0, "id", ["007", "a,b", "", "NA", "x"])
    if name.endswith("parquet"):
        frame.to_parquet(tmp_path / name)
    else:
        frame.to_csv(tmp_path / name, index=False, sep="\t" if "tsv" in name else ",")
    table, points, cells = read(tmp_path / name)
    np.testing.assert_array_equal(points, Z)
    assert table.latent_dim == 11 and list(table.types) == ["id"] and list(cells["id"]) == list(frame["id"])


@pytest.mark.parametrize("head", ["IC50, nM", "a\tb", "two\nlines", '5" x', "z, or not", " padded "])
def test_any_head_and_any_cell_come_back(tmp_path, head):
    for name, place in itertools.product(["z.csv", "z.tsv"], [0, 11]):
        frame = pd.DataFrame(Z, columns=latent_columns(11))
        frame.insert(place, head, ["a, b", "two\nlines, and more", '"x"', "", "a\tb"])
        frame.to_csv(tmp_path / name, index=False, sep="\t" if "tsv" in name else ",")
        table, points, cells = read(tmp_path / name)
        np.testing.assert_array_equal(points, Z)
        assert list(table.types) == list(cells) == [head.strip()] and list(cells[head.strip()]) == list(frame[head])


def test_a_row_with_too_many_cells_is_refused(tmp_path):
    for before, row in ((0, "CCO,0.1,0.2,"), (1, "CCO,0.1,0.2,9"), (5, "CCO,x,0.1,0.2")):
        path = written(tmp_path, "smiles,z0,z1\n" + "CC,1,2\n" * before + row + "\nCC,1,2\n")
        with pytest.raises(InputError, match=rf"line {before + 2}: 4 cells, but the header has 3"):
            read(path)


def test_a_row_that_is_short_lacks_its_last_cells(tmp_path):
    _, points, cells = read(written(tmp_path, "smiles,z0,id,z1\nCCO,1\n\nCCN,2,x,3\n"))
    np.testing.assert_array_equal(points, [[1, np.nan], [2, 3]])
    assert cells.to_dict("list") == {"smiles": ["CCO", "CCN"], "id": ["", "x"]}


def test_an_archive_is_what_numpy_reads(tmp_path):
    path = tmp_path / "z.npz"
    with write_archive(path, ["z", "std"], 11) as write:
        write([Z[:2], Z[:2]], ["CCO", "a\nb"], [2, 3])
        write([Z[2:], Z[2:]], ["", "C" * 50, "é"], [4, 5, 7])
    arrays = np.load(path)
    np.testing.assert_array_equal(arrays["z"], Z)
    np.testing.assert_array_equal(arrays["std"], Z)
    assert arrays["z"].dtype == np.float32 and arrays["row"].tolist() == [2, 3, 4, 5, 7]
    assert arrays["smiles"].tolist() == ["CCO", "a b", "", "C" * 50, "é"]
    _, points, cells = read(path)
    np.testing.assert_array_equal(points, Z)
    assert list(cells.columns) == ["smiles", "row"] and list(cells["row"]) == [2, 3, 4, 5, 7]
    assert list(tmp_path.iterdir()) == [path]


def test_an_array_alone_and_columns_in_another_order(tmp_path):
    np.save(tmp_path / "z.npy", Z)
    table, points, cells = read(tmp_path / "z.npy")
    np.testing.assert_array_equal(points, Z)
    assert table.types == {} and cells.shape == (5, 0)
    _, points, _ = read(written(tmp_path, "z1,id,z0\n2,a,1\n,b,\n"))
    np.testing.assert_array_equal(points, [[1, 2], [np.nan, np.nan]])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("z.csv", b"smiles\nCCO\n", "has no columns z0, z1"),
        ("z.csv", b"smiles,z0,z2\nCCO,1,2\n", "a column z2 but none for dimension 1"),
        ("z.csv", b"z0,id\n1,a\n1,a\nx,b\n", "line 4: could not convert"),
        ("z.csv", b"z0,id,id\n1,a,b\n", "two columns 'id'"),
        ("z.csv", b"z0,z00\n1,1\n", "two columns"),
        ("z.npz", b"half", "is damaged"),
        ("z.parquet", b"PAR1half", "is not a readable Parquet file"),
    ],
)
def test_what_holds_no_points_is_told_in_one_sentence(tmp_path, name, content, message):
    path = written(tmp_path, content, name)
    with pytest.raises(InputError, match=message) as caught:
        read(path)
    assert len(str(caught.value).splitlines()) == 1


def test_pickles_other_shapes_and_columns_that_are_there_twice_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", z=np.array([{}], dtype=object))
    np.savez(tmp_path / "b.npz", z=np.zeros(3))
    np.savez(tmp_path / "c.npz", points=np.zeros((3, 2)))
    for name, columns in {"e": ["z0", "z00"], "f": ["z0", "z1", "x", "x"]}.items():
        table = pa.Table.from_arrays([pa.array([1.0])] * len(columns), names=columns)
        parquet.write_table(table, tmp_path / f"{name}.parquet")
    for name, message in {
        "a.npz": "is damaged", "b.npz": "no array z", "c.npz": "no array z", "d.npz": "does not exist",
        "e.parquet": "two columns", "f.parquet": "two columns",
    }.items():  # fmt: skip
        with pytest.raises(InputError, match=message):
            read(tmp_path / name)
