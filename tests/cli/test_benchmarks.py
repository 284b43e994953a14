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
    monkeypatch.setattr("molvae.datasets.find", lambda name: path)
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
