"""README is short, and its commands and code run."""

import hashlib
import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import molvae
from molvae.chem import property_table
from molvae.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *(ROOT / "molvae").rglob("README.md")]
LONG = {
    "molvae train smiles.csv": "--epochs 1 --size small --health-samples 20 --no-report",
    "molvae train smiles.csv -o my-run --minutes 30": "--minutes 0.05 --size small --health-samples 20",
    "molvae train series.csv -o tuned --properties pIC50": "--epochs 1 --health-samples 20 --no-report",
    "molvae sample --n 30000 --raw --seed 0 -o raw.csv": "--n 300",
    "molvae optimize qed --start series.csv --keep c1ccncc1 --window mw 250 450 --budget 200 -o search": "--budget 12",
    "molvae optimize docking.py:score --budget 200 --jobs 8": "--budget 12",
    "molvae optimize predict:pIC50 --model tuned --start series.csv --budget 100": "--budget 12",
    "molvae suggest series.csv --column pIC50 --n 30": "--n 3",
}
"""Commands that take long, and what makes them quick."""


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    parts = [part.strip() for line in lines for part in line.split("  #")[0].split("&&")]
    return [part for part in parts if part.startswith("molvae ")]


@pytest.fixture
def files(tmp_path, monkeypatch, sample_file):
    """The files that README names, and the models that come with molvae."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("molvae.pretrained._FOLDER", Path(molvae.__file__).parent / "pretrained")
    smiles = pd.read_csv(sample_file)["smiles"][:400].tolist()
    values = property_table(smiles)["qed"]
    pd.DataFrame({"smiles": smiles}).to_csv("smiles.csv", index=False)
    pd.DataFrame({"smiles": smiles[:100], "pIC50": values[:100] * 10}).to_csv("series.csv", index=False)
    pd.DataFrame({"smiles": smiles[100:120]}).to_csv("new.csv", index=False)
    shutil.copy("smiles.csv", "train.csv")
    shutil.copy("smiles.csv", "test.csv")
    Path("docking.py").write_text("def score(smiles):\n    return [len(one) for one in smiles]\n")
    return tmp_path


def test_it_is_short_and_its_links_lead_somewhere():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 220
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page}: {link}"


def test_the_sample_is_the_one_that_its_page_describes(sample_file):
    digest = hashlib.sha256(sample_file.read_bytes()).hexdigest()
    assert digest in (ROOT / "data" / "README.md").read_text(encoding="utf-8")


def test_every_command_is_in_the_table():
    table = (ROOT / "README.md").read_text().split("## All commands")[1].split("\n## ")[0]
    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert names | {"benchmark"} == set(re.findall(r"`([a-z]+)`", "".join(re.findall(r"^\| ([^|]*) \|", table, re.M))))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_its_commands_run(files):
    asked = commands(ROOT / "README.md")
    assert set(LONG) <= set(asked)
    for command in asked:
        words = [*shlex.split(command)[1:], *shlex.split(LONG.get(command, ""))]
        if command.startswith("molvae train smiles.csv") and "--resume" not in words and "-o" not in words:
            words += ["-o", "first"]
        done = CliRunner().invoke(app, words)
        finished = done.exit_code == 0 or "is finished" in done.stderr
        assert finished, f"{command}: {done.stderr[-2000:]}"


@pytest.mark.slow
def test_its_python_runs(files):
    for code in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL):
        exec(code.replace("n=50", "n=3"), {})
