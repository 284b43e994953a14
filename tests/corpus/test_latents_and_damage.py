"""Tables of latent points are read as written; a table damaged anywhere is one sentence, soon, in little memory."""

import gzip
import itertools
import os
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from molvae.corpus.latents import latent_columns, open_latents, write_archive
from molvae.corpus.reading import open_table
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
        ("z.csv", b"z99999999999,z0\n1,2\n", "z99999999999 but none for dimension 1"),  # takes no memory
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


READS = """
import pathlib, random, resource, signal, sys
from molvae.corpus.reading import AnnotatedTable
from molvae.corpus.cleaning import clean
from molvae.corpus.latents import open_latents
from molvae.corpus.reading import open_table
from molvae.errors import MolVAEError

folder, places, rng = pathlib.Path(sys.argv[1]), int(sys.argv[2]), random.Random(0)


def read(kind, bad):
    if kind == "decode":
        for _ in open_latents(bad).chunks():
            pass
    elif kind == "train":
        clean(open_table(bad), workers=1)
    else:
        for _ in AnnotatedTable(open_table(bad)).chunks():
            pass


def kinds(path):
    return ["decode"] if path.suffix in (".npy", ".npz") else ["train", "encode", "decode"]

good = sorted(folder.glob("good.*"))
for path in good:  # what is imported late needs room, too
    for kind in kinds(path):
        try:
            read(kind, path)
        except MolVAEError as error:
            print("undamaged:", path.name, kind, error)
used = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), used + (1 << 30)))
for path in good:
    data, bad = path.read_bytes(), path.with_name(path.name.replace("good", "bad"))
    for number in range(places):
        damaged, at = bytearray(data), rng.randrange(len(data))
        if number % 4 == 0:
            damaged[at] ^= 1 << rng.randrange(8)
        elif number % 4 == 1:
            damaged[at : at + 8] = rng.randbytes(8)
        elif number % 4 == 2:
            del damaged[at : at + rng.randrange(1, 40)]
        else:
            del damaged[at:]
        bad.write_bytes(damaged)
        for kind in kinds(path):
            signal.alarm(20)
            try:
                read(kind, bad)
            except MolVAEError as error:
                assert len(str(error)) < 3_000 and "\\x1b" not in str(error), str(error)
            except BaseException:
                print("damaged:", path.name, number, at, kind, flush=True)
                raise
            signal.alarm(0)
print("done")
"""


@pytest.fixture(scope="module")
def good(tmp_path_factory, canonical_smiles):
    """A good file of each format, by its extensions."""
    from rdkit import Chem

    folder = tmp_path_factory.mktemp("good")
    rng = np.random.default_rng(0)
    z = rng.normal(size=(len(canonical_smiles), 12)).astype(np.float32)
    frame = pd.DataFrame(z, columns=[f"z{place:02d}" for place in range(12)])
    frame.insert(0, "smiles", canonical_smiles)
    frame["name"] = [f'molecule {place}, "tested"' for place in range(len(frame))]
    frame.to_csv(folder / "good.csv", index=False)
    frame.to_csv(folder / "good.tsv", index=False, sep="\t")
    (folder / "good.csv.gz").write_bytes(gzip.compress((folder / "good.csv").read_bytes()))
    frame.to_parquet(folder / "good.parquet")
    (folder / "good.parquet.gz").write_bytes(gzip.compress((folder / "good.parquet").read_bytes()))
    (folder / "good.smi").write_text("".join(f"{one}\tx{place}\n" for place, one in enumerate(canonical_smiles)))
    np.save(folder / "good.npy", z)
    np.savez_compressed(folder / "good.npz", z=z, smiles=np.array(canonical_smiles), row=np.arange(len(z)))
    with Chem.SDWriter(str(folder / "good.sdf")) as writer:
        for one in canonical_smiles:
            writer.write(Chem.MolFromSmiles(one))
    return folder


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs limits of memory")
@pytest.mark.parametrize("places", [pytest.param(12), pytest.param(200, marks=pytest.mark.long)])
@pytest.mark.timeout(1000)
def test_a_file_damaged_anywhere_is_read_or_refused_in_a_sentence(good, places):
    command = [sys.executable, "-W", "ignore", "-c", READS, good, str(places)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MOLVAE_CACHE": "off"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("done\n"), done.stdout + done.stderr


def test_an_array_that_claims_more_than_is_there_is_refused(tmp_path):
    header = {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 64)}
    with (tmp_path / "z.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    with zipfile.ZipFile(tmp_path / "z.npz", "w") as archive:
        archive.write(tmp_path / "z.npy", "z.npy")
    for kind in ("npy", "npz"):
        with pytest.raises(InputError, match="is damaged, or not a numpy file"):
            read(tmp_path / f"z.{kind}")


@pytest.mark.parametrize("name", ["t.csv.gz", "t.smi.gz", "t.sdf.gz"])
def test_a_small_file_with_a_line_of_gigabytes_is_refused(tmp_path, name):
    head = "smiles,x\nCCO,1\n" if "sdf" not in name else "\n\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n$$$$\n"
    (tmp_path / name).write_bytes(gzip.compress(head.encode() * 2) + gzip.compress(b"C" * (1 << 20)) * 40)
    with pytest.raises(InputError, match="characters"):
        for _ in open_table(tmp_path / name).chunks():
            pass


@pytest.mark.parametrize("text", ["C" * 20_000, "\x1b[31mred", "a\u202eb", "\n" * 500, "\ud800"])
def test_a_message_is_cut_and_sends_no_controls(text):
    said = str(InputError(f"what stands there is {text}; mend it"))
    assert len(said) < 1_500 and said.replace("\n", "").isprintable() and said.count("\n") <= 30
