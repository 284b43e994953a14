"""Tables that are damaged, wherever it is: one sentence, soon, and no more memory than the file deserves."""

import gzip
import os
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from molvae.corpus.latents import open_latents
from molvae.corpus.reading import open_table
from molvae.errors import InputError

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
    np.savez(folder / "good.npz", z=z, smiles=np.array(canonical_smiles), row=np.arange(len(z)))
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


def refused(path, match):
    with pytest.raises(InputError, match=match) as caught:
        for _ in open_latents(path).chunks():
            pass
    assert len(str(caught.value)) < 2_000


def test_a_huge_dimension_takes_no_memory(tmp_path):
    (tmp_path / "z.csv").write_text("z99999999999,z0\n1,2\n")
    refused(tmp_path / "z.csv", "z99999999999 but none for dimension 1")


def test_an_array_that_claims_more_than_is_there_is_refused(tmp_path):
    header = {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 64)}
    with (tmp_path / "z.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    with zipfile.ZipFile(tmp_path / "z.npz", "w") as archive:
        archive.write(tmp_path / "z.npy", "z.npy")
    for kind in ("npy", "npz"):
        refused(tmp_path / f"z.{kind}", "is damaged, or not a numpy file")


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
