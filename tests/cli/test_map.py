"""``molvae map`` as a shell runs it: any file in, several files out, every row accounted for."""

import gzip
import io
import re

import pandas as pd
import pytest

from tests.cli import shell
from tests.cli.shell import assert_error

ROWS = [
    ("CCO", "1.5", "a"),
    ("c1ccccc1", "", "b"),
    ("C1CC", "3", "a"),
    ("CC(=O)Nc1ccccc1", "4", "</script>"),
    ("[Pt]", "5", "a"),
    ("", "6", "NA"),
    ("CCN", "7", 'with "quotes", and commas'),
]


def molvae(*arguments, **kwargs):
    return shell.molvae("map", *arguments, **kwargs)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "in.csv"
    pd.DataFrame(ROWS, columns=["smiles", "pIC50", "class"]).to_csv(path, index=False)
    return path


def test_the_table_goes_to_stdout(file, tiny_run):
    result = molvae(file, "--model", tiny_run, "--color-by", "class", "-c", "qed")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(io.StringIO(result.stdout), keep_default_na=False)
    assert list(table.columns) == ["row", "x", "y", "smiles", "class", "pIC50", "qed"]
    assert table["row"].tolist() == [2, 3, 5, 8]  # the lines of the file
    assert table["class"].tolist() == ["a", "b", "</script>", 'with "quotes", and commas']
    assert table["pIC50"].astype(str).tolist() == ["1.5", "", "4.0", "7.0"]
    for fact in ("row 4: C1CC", "row 6: [Pt]", "row 7: empty", "3 rows", "4 molecules"):
        assert fact in result.stderr


def test_several_files_of_one_map(file, tiny_run, tmp_path):
    paths = [tmp_path / f"map.{kind}" for kind in ("html", "png", "svg", "csv")]
    options = [part for path in paths for part in ("-o", path)]
    result = molvae(file, "--model", tiny_run, *options)
    assert (result.exit_code, result.stdout) == (0, ""), result.output
    assert all(path.stat().st_size and f"written: {path}" in result.stderr for path in paths)
    assert sorted(tmp_path.iterdir()) == sorted([file, *paths])
    assert "<title>in.csv</title>" in paths[0].read_text(encoding="utf-8")
    table = molvae(file, "--model", tiny_run).stdout
    assert paths[3].read_text(encoding="utf-8") == table == molvae(file, "--model", tiny_run, "-o", "-").stdout


def test_a_long_file_is_subsampled(sample_file, tiny_run, tmp_path):
    lines = sample_file.read_text().splitlines(keepends=True)[:301]
    (tmp_path / "in.csv.gz").write_bytes(gzip.compress("".join(lines).encode()))
    common = ["--model", tiny_run, "--max-points", "40"]
    result = molvae(tmp_path / "in.csv.gz", *common)
    assert "40 of 300 rows" in result.stderr
    piped = molvae("-", *common, input="".join(lines))
    assert piped.stdout == result.stdout
    table = pd.read_csv(io.StringIO(result.stdout))
    lost = int((re.search(r"; (\d+) more could not be encoded", result.stderr) or ["", "0"])[1])
    assert len(table) + lost == 40 and table["row"].is_monotonic_increasing
    assert table["smiles"].tolist() == [lines[row - 1].split(",")[0] for row in table["row"]]
    assert molvae(tmp_path / "in.csv.gz", *common, "--seed", "1").stdout != result.stdout


def test_molecules_in_standard_form(tiny_run, tmp_path):
    (tmp_path / "in.smi").write_text("CCN.Cl\nCC(=O)[O-].[Na+]\n")
    table = pd.read_csv(io.StringIO(molvae(tmp_path / "in.smi", "--model", tiny_run, "--standardize").stdout))
    assert table["smiles"].tolist() == ["CCN", "CC(=O)O"]


def test_errors_come_before_any_file(file, tiny_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good = ["--model", tiny_run]
    assert_error(molvae(file, *good, "-c", "foo"), "no column 'foo'")
    assert_error(molvae(file, *good, "--method", "lda"), "tsne")
    assert_error(molvae(file, *good, "-o", "map.pdf"), "map.pdf")
    assert_error(molvae(file, *good, "-o", "good.csv", "-o", "no/map.html"), "no folder no")
    assert_error(molvae(file, *good, "-s", "drug"), "no column 'drug'")
    assert_error(molvae(file, "--model", "nowhere"), "nowhere does not exist")
    for text, fact in (("", "is empty"), ("smiles,v\n", "no rows"), ("smiles\n[Pt]\n[Pt]\n", "none of the 2")):
        file.write_text(text)
        assert_error(molvae(file, *good, "-o", "map.html"), fact)
    assert list(tmp_path.iterdir()) == [file]


def test_numbers_with_bounds_among_them_are_colours_and_codes_are_not(tiny_run, tmp_path):
    (tmp_path / "in.csv").write_text("smiles,IC50,lot\nCCO,850,007\nCCN,>10000,008\nCCC,12.5,009\nCCF,3,010\n")
    result = molvae(tmp_path / "in.csv", "--model", tiny_run, "-c", "IC50", "-c", "lot")
    assert result.exit_code == 0 and "IC50 is shown as numbers" in result.stderr and "lot is" not in result.stderr
    table = pd.read_csv(io.StringIO(result.stdout), dtype={"lot": str})
    assert table["IC50"].dropna().tolist() == [850, 12.5, 3] and table["lot"].tolist() == ["007", "008", "009", "010"]
