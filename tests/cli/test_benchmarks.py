"""molvae benchmark optimization and leads: their output, and what they refuse."""

import json

import pytest

from tests.cli.shell import assert_error, molvae, rows


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
    result = molvae(*asked)
    assert result.exit_code == 0, result.stderr
    table = rows(result.stdout)
    assert [(row["method"], row["task"], row["seed"]) for row in table] == [
        ("screening", "qed", "0"),
        ("screening", "median1", "0"),
    ]
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
    result = molvae(*asked)
    assert result.exit_code == 0, result.stderr
    [row] = rows(result.stdout)
    assert row["calls"] == "20"
    assert float(row["improvement"]) >= 0.0
    again = molvae(*asked, "--json")
    found = json.loads(again.stdout, parse_constant=pytest.fail)["summary"]["20"]
    assert found["standard_error"] is None  # of one lead
    assert found["improvement"] == pytest.approx(float(row["improvement"]), abs=1e-4)


def test_outliers_are_a_table_on_stdout(library, tiny_run):
    """Of the tiny model's own file they are nothing to be proud of, but they are there."""
    asked = ["benchmark", "outliers", str(library), "-n", "20", "--model", str(tiny_run), "--importance", "2"]
    result = molvae(*asked)
    assert result.exit_code == 0, result.stderr
    table = {row["others"]: row for row in rows(result.stdout)}
    assert {"one random edit", "three random edits", "peptides"} <= table.keys()
    assert table["peptides"]["molecules"] == "20" and all(10 <= int(row["molecules"]) <= 20 for row in table.values())
    assert all(0.0 <= float(row["per_token"]) <= 1.0 for row in table.values())
    assert float(table["peptides"]["length"]) > 0.7  # two to four residues are of other lengths than the file
    again = json.loads(molvae(*asked, "--json").stdout)
    assert again["peptides"]["elbo"] == pytest.approx(float(table["peptides"]["elbo"]), abs=1e-3)


def test_descriptors_of_a_measured_column(tmp_path, tiny_run, sample_file, monkeypatch):
    monkeypatch.setattr("molvae.benchmarks.descriptors._TREES", 20)
    lines = sample_file.read_text().splitlines()[:81]
    path = tmp_path / "measured.csv"
    path.write_text("\n".join([lines[0], *lines[1:], "[Xe],1,1,1"]) + "\n")
    result = molvae("benchmark", "descriptors", path, "--column", "logp", "--model", tiny_run)
    assert result.exit_code == 0, result.stderr
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
        (["descriptors", "--column", "pIC50"], "--column"),
        (["descriptors", "--column", "a", "-s", "b"], "--column and --smiles-column"),
        (["outliers", "-s", "smiles"], "--smiles-column"),
        (["outliers", "nowhere.csv"], "nowhere.csv"),
        (["outliers", "NONE", "-s", "smiles"], "the file has no molecule"),
    ],
)
def test_unusable_files_are_errors(asked, reason, tmp_path, tiny_run, sample_file):
    (tmp_path / "empty.csv").write_text("smiles,logp\nCCO,\nCCN,\n")
    (tmp_path / "none.csv").write_text("smiles\nnothing\nat all\n")
    places = {"FILE": sample_file, "EMPTY": tmp_path / "empty.csv", "NONE": tmp_path / "none.csv"}
    assert_error(molvae("benchmark", *(places.get(one, one) for one in asked), "--model", tiny_run), reason)
