"""``molvae evaluate`` and ``molvae benchmark moses`` as a user runs them."""

import gzip
import json

import numpy as np
import pytest

from molvae.cli.figures import print_figures
from molvae.cli.progress import ProgressDisplay
from molvae.metrics.chemnet import has_chemnet
from tests.cli.shell import assert_error, molvae, works


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
