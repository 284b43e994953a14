"""molvae benchmark optimization and leads: their output, and what they refuse."""

import csv
import io
import json

import pytest
from typer.testing import CliRunner

from molvae.cli import app


@pytest.fixture
def library(tmp_path, monkeypatch, sample_file):
    """A small stand-in for ZINC-250k."""
    path = tmp_path / "library.csv"
    path.write_text("\n".join(line.split(",")[0] for line in sample_file.read_text().splitlines()[:201]) + "\n")
    monkeypatch.setattr("molvae.corpus.datasets.find", lambda name: path)
    monkeypatch.chdir(tmp_path)
    return path


def test_runs_are_lines_on_stdout_and_files(library, tmp_path):
    asked = ["--methods", "screening", "--tasks", "qed,median1", "--budget", "20"]
    asked = ["benchmark", "optimization", *asked]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.stderr
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["method"], row["task"], row["seed"]) for row in rows] == [
        ("screening", "qed", "0"),
        ("screening", "median1", "0"),
    ]
    assert (tmp_path / "pmo" / "screening" / "qed-0.csv").exists()
    again = CliRunner().invoke(app, [*asked, "--json"])
    assert json.loads(again.stdout)[0]["calls"] == 20


def test_what_there_is_not_is_one_sentence(library):
    for arguments, reason in (
        (["--tasks", "qad"], "there is no task 'qad'"),
        (["--methods", "magic"], "there is no method 'magic'"),
        (["--model", "nowhere"], "nowhere"),
    ):
        result = CliRunner().invoke(app, ["benchmark", "optimization", "--budget", "20", *arguments])
        assert result.exit_code == 1
        assert reason in result.stderr
        assert "Traceback" not in result.stderr


def test_leads_are_summed_up(library, tiny_run):
    result = CliRunner().invoke(app, ["benchmark", "leads", "-n", "1", "--budget", "20", "--model", str(tiny_run)])
    assert result.exit_code == 0, result.stderr
    [row] = csv.DictReader(io.StringIO(result.stdout))
    assert row["calls"] == "20"
    assert float(row["improvement"]) >= 0.0
    again = CliRunner().invoke(
        app, ["benchmark", "leads", "-n", "1", "--budget", "20", "--model", str(tiny_run), "--json"]
    )
    found = json.loads(again.stdout, parse_constant=pytest.fail)["summary"]["20"]
    assert found["standard_error"] is None  # of one lead
    assert found["improvement"] == pytest.approx(float(row["improvement"]), abs=1e-4)


def test_outliers_are_a_table_on_stdout(library, tiny_run):
    """Of the tiny model's own file they are nothing to be proud of, but they are there."""
    asked = ["benchmark", "outliers", str(library), "-n", "20", "--model", str(tiny_run), "--importance", "2"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.stderr
    rows = {row["others"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
    assert {"one random edit", "three random edits", "peptides"} <= rows.keys()
    assert rows["peptides"]["molecules"] == "20" and all(10 <= int(row["molecules"]) <= 20 for row in rows.values())
    assert all(0.0 <= float(row["per_token"]) <= 1.0 for row in rows.values())
    assert float(rows["peptides"]["length"]) > 0.7  # two to four residues are of other lengths than the file
    again = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert again["peptides"]["elbo"] == pytest.approx(float(rows["peptides"]["elbo"]), abs=1e-3)


def test_descriptors_of_a_measured_column(tmp_path, tiny_run, sample_file, monkeypatch):
    monkeypatch.setattr("molvae.benchmarks.descriptors._TREES", 20)
    lines = sample_file.read_text().splitlines()[:81]
    path = tmp_path / "measured.csv"
    path.write_text("\n".join([lines[0], *lines[1:], "[Xe],1,1,1"]) + "\n")
    result = CliRunner().invoke(
        app, ["benchmark", "descriptors", str(path), "--column", "logp", "--model", str(tiny_run)]
    )
    assert result.exit_code == 0, result.stderr
    assert "80 molecules with logp; 0 cannot be encoded" in result.stderr  # xenon is no element of a clean molecule
    rows = {row["descriptors"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
    assert rows.keys() == {"latent means", "Morgan fingerprints"}
    assert all(-2.0 < float(one) < 1.0 for row in rows.values() for name, one in row.items() if name != "descriptors")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (["descriptors", "FILE"], "which column was measured? give --column"),
        (["descriptors", "FILE", "--column", "pIC50"], "there is no column 'pIC50'"),
        (["descriptors", "EMPTY", "--column", "logp"], "only 0 measured molecules"),
        (["descriptors", "--column", "pIC50"], "--column goes with a file; name the file too"),
        (["descriptors", "--column", "a", "-s", "b"], "--column and --smiles-column go with a file"),
        (["outliers", "-s", "smiles"], "--smiles-column goes with a file"),
        (["outliers", "nowhere.csv"], "nowhere.csv"),
        (["outliers", "NONE", "-s", "smiles"], "the file has no molecule"),
    ],
)
def test_files_that_will_not_do_are_one_sentence(asked, reason, tmp_path, tiny_run, sample_file):
    (tmp_path / "empty.csv").write_text("smiles,logp\nCCO,\nCCN,\n")
    (tmp_path / "none.csv").write_text("smiles\nnothing\nat all\n")
    places = {"FILE": sample_file, "EMPTY": tmp_path / "empty.csv", "NONE": tmp_path / "none.csv"}
    arguments = [str(places.get(one, one)) for one in asked]
    result = CliRunner().invoke(app, ["benchmark", *arguments, "--model", str(tiny_run)])
    assert result.exit_code == 1
    assert reason in result.stderr and "Traceback" not in result.stderr
