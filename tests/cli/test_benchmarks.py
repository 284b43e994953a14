"""``molvae benchmark`` and ``evaluate``: their output, and what they refuse."""

import gzip
import json

import numpy as np
import pytest

from molvae.cli.figures import print_figures
from molvae.cli.progress import ProgressDisplay
from molvae.metrics.chemnet import has_chemnet
from tests.cli.shell import assert_error, molvae, rows, works


@pytest.fixture
def library(tmp_path, monkeypatch, sample_file):
    """A small stand-in for ZINC-250k."""
    path = tmp_path / "library.csv"
    path.write_text("\n".join(line.split(",")[0] for line in sample_file.read_text().splitlines()[:201]) + "\n")
    monkeypatch.setattr("molvae.corpus.datasets.find", lambda name: path)
    monkeypatch.chdir(tmp_path)
    return path


def test_runs_are_lines_on_stdout_and_files(library, tmp_path):
    asked = ["benchmark", "optimization", "--methods", "screening", "--tasks", "qed,median1", "--budget", "20"]
    result = works(*asked)
    table = [(row["method"], row["task"], row["seed"]) for row in rows(result.stdout)]
    assert table == [("screening", "qed", "0"), ("screening", "median1", "0")]
    assert (tmp_path / "pmo" / "screening" / "qed-0.csv").exists()
    again = molvae(*asked, "--json")
    assert json.loads(again.stdout)[0]["calls"] == 20
    several = rows(molvae(*asked[:-1], "30,10").stdout)
    assert [float(row["budget"]) for row in several] == [10, 10, 30, 30]
    assert (tmp_path / "pmo" / "10" / "screening" / "qed-0.csv").exists()
    assert all(0 < float(row["top10_diverse"]) <= float(row["top10"]) for row in several)


def test_unknown_names_are_errors(library):
    for arguments, reason in (
        (["--tasks", "qad"], "there is no task 'qad'"),
        (["--methods", "magic"], "there is no method 'magic'"),
        (["--model", "nowhere"], "nowhere"),
        (["--budget", "20,none"], "--budget takes numbers of calls"),
    ):
        assert_error(molvae("benchmark", "optimization", "--budget", "20", *arguments), reason)


def test_leads_are_summed_up(library, tiny_run):
    asked = ["benchmark", "leads", "-n", "1", "--budget", "20", "--model", tiny_run]
    result = works(*asked)
    [row] = rows(result.stdout)
    assert row["calls"] == "20"
    assert float(row["improvement"]) >= 0.0
    again = molvae(*asked, "--json")
    found = json.loads(again.stdout, parse_constant=pytest.fail)["summary"]["20"]
    assert found["standard_error"] is None  # of one lead
    assert found["improvement"] == pytest.approx(float(row["improvement"]), abs=1e-4)


def test_outliers_are_told(library, tiny_run):
    """Of the tiny model's own file they are nothing to be proud of, but they are there."""
    asked = ["benchmark", "outliers", library, "-n", "20", "--model", tiny_run, "--importance", "2"]
    table = {row["others"]: row for row in rows(works(*asked).stdout)}
    assert {"one random edit", "three random edits", "peptides"} <= table.keys()
    assert table["peptides"]["molecules"] == "20" and all(10 <= int(row["molecules"]) <= 20 for row in table.values())
    assert all(0.0 <= float(row["per_token"]) <= 1.0 for row in table.values())
    assert float(table["peptides"]["length"]) > 0.7  # two to four residues are of other lengths than the file


def test_descriptors_of_a_measured_column(tmp_path, tiny_run, sample_file, monkeypatch):
    monkeypatch.setattr("molvae.benchmarks.descriptors._TREES", 20)
    path = tmp_path / "measured.csv"
    path.write_text("\n".join([*sample_file.read_text().splitlines()[:81], "[Xe],1,1,1"]) + "\n")
    result = works("benchmark", "descriptors", path, "--column", "logp", "--model", tiny_run)
    assert "80 molecules with logp; 0 cannot be encoded" in result.stderr  # xenon is no element of a clean molecule
    table = {row["descriptors"]: row for row in rows(result.stdout)}
    assert table.keys() == {"latent means", "Morgan fingerprints"}
    assert all(-2.0 < float(one) < 1.0 for row in table.values() for name, one in row.items() if name != "descriptors")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (["descriptors", "FILE"], "--column"),
        (["descriptors", "FILE", "--column", "pIC50"], "there is no column 'pIC50'"),
        (["descriptors", "EMPTY", "--column", "logp"], "0 measured molecules"),
        (["descriptors", "--column", "a", "-s", "b"], "--column and --smiles-column"),
        (["outliers", "-s", "smiles"], "--smiles-column"),
        (["outliers", "NONE", "-s", "smiles"], "the file has no molecule"),
    ],
)
def test_unusable_files_are_errors(asked, reason, tmp_path, tiny_run, sample_file):
    (tmp_path / "empty.csv").write_text("smiles,logp\nCCO,\nCCN,\n")
    (tmp_path / "none.csv").write_text("smiles\nnothing\nat all\n")
    places = {"FILE": sample_file, "EMPTY": tmp_path / "empty.csv", "NONE": tmp_path / "none.csv"}
    assert_error(molvae("benchmark", *(places.get(one, one) for one in asked), "--model", tiny_run), reason)


@pytest.fixture
def files(tmp_path, sample_file):
    rows = [line.split(",")[0] for line in sample_file.read_text().splitlines()[1:200]]
    paths = {"sample": [*rows[:40], "C1CC", rows[0]], "train": rows[30:120], "test": rows[120:]}
    for name, smiles in paths.items():
        (tmp_path / f"{name}.csv").write_text("smiles\n" + "\n".join(smiles) + "\n")
    return tmp_path


def test_lines_for_programs(files):
    result = works("evaluate", files / "sample.csv", "--train", files / "train.csv", "--test", files / "test.csv")
    figures = dict(line.split(",") for line in result.stdout.splitlines())
    assert figures["samples"] == "42" and float(figures["valid"]) == pytest.approx(41 / 42, abs=1e-5)
    assert float(figures["Novelty"]) == 0.75
    assert ("FCD/Test" in figures) == has_chemnet()
    figures = json.loads(molvae("evaluate", files / "sample.csv", "--json").stdout)
    assert figures["valid"] == 41 / 42 and "SNN/Test" not in figures and "Novelty" not in figures


def test_a_table_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "250")
    print_figures({"mine": {"valid": 1.0}}, as_json=False, published=True)
    header, row = capsys.readouterr().out.splitlines()
    assert "mine" in header and "MOSES train" in header and "CharRNN" in header and row.startswith("valid")


def test_missing_and_empty_files(files):
    assert_error(molvae("evaluate", files / "none.csv"), "none.csv")
    (files / "empty.csv").write_text("")
    assert_error(molvae("evaluate", files / "empty.csv"), "empty.csv")


def test_benchmark_moses(files, tiny_run, monkeypatch):
    for name in ("train", "test"):
        with gzip.open(files / f"moses_{name}.csv.gz", "wt") as file:
            file.write((files / f"{name}.csv").read_text())
    monkeypatch.setenv("MOLVAE_DATA", str(files))
    options = ("--n", 50, "--test-molecules", 30, "--repair", "--flow", "--json")
    result = works("benchmark", "moses", "--model", tiny_run, *options)
    rows = json.loads(result.stdout)
    assert rows["molvae"]["samples"] == rows["repaired"]["samples"] == rows["flow"]["samples"] == 50
    assert np.isfinite(rows["flow"]["KL(q(z), p(z)), at least"])
    assert rows["repaired"]["valid"] >= rows["molvae"]["valid"]
    assert 0 <= rows["molvae"]["exact reconstruction"] <= 1 and rows["molvae"]["reconstructed molecules"] == 30
    assert rows["molvae"]["KL(q(z|x), p(z))"] > 0
    monkeypatch.setenv("MOLVAE_DATA", str(files / "nowhere"))
    monkeypatch.setenv("MOLVAE_CACHE", "off")
    assert_error(molvae("benchmark", "moses", "--model", tiny_run), "molvae download moses")


def test_a_long_evaluation_prints_a_line_a_minute_where_there_is_no_terminal(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr("molvae.cli.progress.time.monotonic", lambda: now[0])
    with ProgressDisplay() as show:
        for done in range(10):
            show("sampling", 1_000 * done, 30_000)
            now[0] += 25.0
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"sampling: {done},000 of 30,000" for done in (3, 6, 9)]
