"""``molvae encode``, ``decode``, ``reconstruct`` and ``score`` as a shell runs them: every row comes out again."""

import gzip
import io
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from molvae import MolVAE
from tests.cli.shell import assert_error, molvae, works

BAD = {"C1CC": "not valid SMILES", "[Pt]": "does not know the element Pt", "": "empty"}


@pytest.fixture(scope="module")
def smiles(sample_file):
    return [line.split(",")[0] for line in sample_file.read_text().splitlines()[1:30]]


@pytest.fixture
def table(tmp_path, smiles):
    path = tmp_path / "in.csv"
    rows = [*smiles[:10], *BAD, *smiles[10:]]
    path.write_text("id,smiles,note\n" + "".join(f'00{n},{one},"a, b"\n' for n, one in enumerate(rows)))
    return path


@pytest.fixture
def run(tiny_run, monkeypatch):
    monkeypatch.setenv("MOLVAE_MODEL", str(tiny_run))

    return molvae


def read(path):
    return pd.read_csv(
        path, dtype={"id": str}, keep_default_na=False, na_values=dict.fromkeys([f"z{n}" for n in range(8)], "")
    )


def test_encode_keeps_rows_columns_and_order(run, table, tmp_path, tiny_run):
    result = works("encode", table, "-o", tmp_path / "z.csv", "--std")
    before, after = read(table), read(tmp_path / "z.csv")
    assert after[list(before.columns)].equals(before)
    mean, _ = MolVAE.from_pretrained(tiny_run).posterior(list(before["smiles"]))
    columns = [f"z{n}" for n in range(8)]
    assert list(after.columns[3:]) == columns + [f"{name}_std" for name in columns]
    np.testing.assert_allclose(after[columns], mean, rtol=1e-5, atol=1e-6)
    assert np.isnan(mean).any(1).sum() == 3
    assert "3 of 32 rows cannot be encoded" in result.stderr
    for row, (text, reason) in enumerate(BAD.items(), start=12):
        assert f"row {row}: {text}" in result.stderr and reason in result.stderr


@pytest.mark.parametrize("name", ["z.csv", "z.tsv", "z.parquet", "z.npz"])
def test_decode_takes_what_encode_wrote(run, table, tmp_path, tiny_run, name):
    works("encode", table, "-o", tmp_path / name)
    result = works("decode", tmp_path / name, "-o", tmp_path / "out.csv")
    before, after = read(table), read(tmp_path / "out.csv")
    assert list(after["smiles"]) == list(before["smiles"])
    expected = MolVAE.from_pretrained(tiny_run).reconstruct(list(before["smiles"]))
    assert [one or None for one in after["decoded"]] == expected
    assert f"{32 - expected.count(None)} molecule" in result.stderr and "3 without a point" in result.stderr
    kept = ["smiles", "row", "decoded"] if name == "z.npz" else ["id", "smiles", "note", "decoded"]
    assert list(after.columns) == kept


def test_through_a_pipe(run, table, smiles):
    encoded = works("encode", "-", input=gzip.compress(table.read_bytes()))
    assert encoded.stdout.count("\n") == 33
    decoded = works("decode", "-", input=encoded.stdout)
    assert decoded.stdout.splitlines()[0] == "id,smiles,note,decoded"


def test_decode_draws_by_seed_and_not_by_chunk(run, tmp_path, tiny_run):
    z = np.random.default_rng(0).standard_normal((2_100, 8)).astype(np.float32)
    np.save(tmp_path / "z.npy", z)
    works("decode", tmp_path / "z.npy", "--temperature", 1, "--seed", 7, "-o", tmp_path / "a.smi")
    expected = MolVAE.from_pretrained(tiny_run).decode(z, temperature=1.0, seed=7)
    lines = (tmp_path / "a.smi").read_text().split("\n")[:-1]
    assert [one or None for one in lines] == expected and len(set(lines)) > 10


def test_decode_gives_several_distinct_molecules_for_a_point(run, tmp_path, tiny_run):
    z = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)
    z[1] = np.nan
    np.savez(tmp_path / "z.npz", z=z, name=np.array(["a", "b", "c"]))
    result = works("decode", tmp_path / "z.npz", "-n", 4, "--draws", 100, "--seed", 7, "-o", "-")
    assert "written" not in result.stderr
    table = read(io.StringIO(result.stdout))
    assert list(table.columns) == ["name", "decoded", "count"]
    drawn = MolVAE.from_pretrained(tiny_run).decode(np.repeat(z, 100, axis=0), temperature=1.0, seed=7)
    for place, name in enumerate("abc"):
        counts = Counter(filter(None, drawn[100 * place : 100 * (place + 1)]))
        found = table[table["name"] == name]
        assert found["count"].tolist() == [n for _, n in counts.most_common(4)] or (name, len(found)) == ("b", 1)
        assert all(counts[one] == n for one, n in zip(found["decoded"], found["count"], strict=True))
        assert len(set(found["decoded"])) == len(found)
    assert table[table["name"] == "b"].values.tolist() == [["b", "", 0]]
    assert run("decode", tmp_path / "z.npz", "-n", 4, "--draws", 100, "--seed", 7).stdout == result.stdout


@pytest.mark.parametrize("temperature", [0, 1])
def test_constrained_decoding_gives_a_molecule_for_every_point(run, tmp_path, temperature):
    np.save(tmp_path / "z.npy", 2 * np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32))
    written = {}
    for flag in ("--constrained", "--free", None):
        path = tmp_path / f"{flag}.smi"
        given = ("decode", tmp_path / "z.npy", "--temperature", temperature, "--seed", 7, "-o", path)
        result = run(*given, *([flag] if flag else []))
        assert result.exit_code == 0, result.stderr
        written[flag] = path.read_text().split("\n")[:-1]
    constrained, free = written["--constrained"], written["--free"]
    assert len(constrained) == 60 and all(constrained) and constrained == written[None]
    assert not all(free) and all(one == two for one, two in zip(free, constrained, strict=True) if one)


def test_reconstruct_gives_figures_table_and_picture(run, table, tmp_path, tiny_run):
    out, grid = tmp_path / "rec.csv", tmp_path / "worst.svg"
    result = works("reconstruct", table, "-o", out, "--grid", grid, "--worst", 3, "--json")
    figures, rows = json.loads(result.stdout), read(out)
    assert figures["molecules"] == 30 and figures["encoded"] == pytest.approx(29 / 30)
    assert "1 molecule that the model cannot encode count" in " ".join(result.stderr.split())
    assert rows["exact"].tolist().count("True") == round(figures["exact reconstruction"] * 30)
    expected = MolVAE.from_pretrained(tiny_run).reconstruct(list(rows["smiles"]))
    assert [one or None for one in rows["reconstruction"]] == expected
    changed = sum(one is not None for one in expected) - rows["exact"].tolist().count("True")
    assert result.stderr.count(", Tanimoto ") == min(3, changed) and grid.exists() == bool(changed)
    lines = run("reconstruct", table).stdout.splitlines()
    assert lines[0] == "molecules,30" and all(len(line.split(",")) == 2 for line in lines)
    free = json.loads(run("reconstruct", table, "--free", "--json").stdout)
    assert free["exact reconstruction"] == figures["exact reconstruction"]
    assert free["valid reconstruction"] < figures["valid reconstruction"] == pytest.approx(29 / 30)
    streamed = run("reconstruct", table, "-o", "-")
    assert streamed.stdout == out.read_text() and "\n".join(lines) in streamed.stderr


def test_score_in_the_order_of_the_file_or_the_strangest_first(run, table, tmp_path, tiny_run):
    result = works("score", table, "--importance", 3)
    rows = pd.read_csv(io.StringIO(result.stdout))
    figures = MolVAE.from_pretrained(tiny_run).score(list(read(table)["smiles"]), importance=3)
    np.testing.assert_allclose(rows[list(figures.columns)], figures, atol=1e-3)
    for name, least_first in (("bound", True), ("per_token", False)):
        path = tmp_path / "out.csv"
        works("score", table, "--importance", 3, "--sort", name, "-o", path)
        ordered = pd.read_csv(path)[name]
        values = ordered.dropna().to_list()
        assert values == sorted(values, reverse=not least_first) and len(values) == 29 and ordered[29:].isna().all()


@pytest.mark.parametrize("verb", ["encode", "score"])
def test_molecules_in_another_form(run, tmp_path, verb):
    path = tmp_path / "salts.csv"
    path.write_text("smiles\nC[C@H](N)C(=O)Nc1ccccc1\nCCO\nCC(=O)[O-].[Na+]\n")
    refused = run(verb, path)
    assert "2 of 3 rows" in refused.stderr and "--standardize --no-stereo would admit more" in refused.stderr
    assert "1 of 3 rows" in run(verb, path, "--no-stereo").stderr
    assert "rows cannot" not in run(verb, path, "--no-stereo", "--standardize").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("encode", "none.csv"), "none.csv does not exist"),
        (("encode", "in.csv", "-o", "z.xlsx"), ".csv, .tsv, .parquet, .npz"),
        (("encode", "bad.csv", "-o", "z.csv"), "none of the 2 rows of bad.csv can be encoded"),
        (("score", "in.csv", "--sort", "bound"), "--importance"),
        (("reconstruct", "in.csv", "--grid", "worst.pdf"), ".svg, .png"),
        (("decode", "in.csv"), "has no columns z0, z1"),
        (("decode", "few.csv"), "few.csv has 2 latent dimensions"),
        (("decode", "taken.csv"), "taken.csv has a column 'decoded' already"),
        (("decode", "few.csv", "--draws", 3), "--draws"),
        (("reconstruct", "in.csv", "-o", "-", "--json"), "-o -"),
    ],
)
def test_bad_input_ends_in_one_sentence_and_leaves_nothing(run, table, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.csv").write_text("smiles\nC1CC\n[Pt]\n")
    (tmp_path / "few.csv").write_text("z0,z1\n1,2\n")
    (tmp_path / "taken.csv").write_text("decoded," + ",".join(f"z{n}" for n in range(8)) + "\nx" + ",0" * 8 + "\n")
    before = set(tmp_path.iterdir())
    assert_error(run(*arguments), message)
    assert set(tmp_path.iterdir()) == before
