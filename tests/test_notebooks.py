"""The notebooks run from a fresh kernel, and are committed as they ran."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LARGEST = 700_000  # bytes; code hosts show no larger ones at once
SMALLER = {
    "01_train_and_sample": {'"epochs": 6': '"epochs": 3', '["smiles"][:2000]': '["smiles"][:500]'},
    "02_latent_space": {"sample(1500": "sample(300"},
    "03_fine_tune_on_your_series": {'"epochs": 8': '"epochs": 2'},
    "06_optimize_a_slow_objective": {"budget=150": "budget=25", "sample(60": "sample(5"},
}
"""What takes long in a notebook, and what stands there where there is little time."""
RUNS = [
    *(pytest.param(path, SMALLER.get(path.stem, {}), id=path.stem) for path in NOTEBOOKS),
    *(
        pytest.param(path, {}, id=f"{path.stem} as it is", marks=pytest.mark.long)
        for path in NOTEBOOKS
        if path.stem in SMALLER
    ),
]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("path", "changes"), RUNS)
def test_it_runs(path, changes, tmp_path, monkeypatch):
    (tmp_path / "data").symlink_to(ROOT / "data")
    folder = tmp_path / "notebooks"
    folder.mkdir()
    text = path.read_text()
    for old, new in changes.items():
        written, instead = (json.dumps(one)[1:-1] for one in (old, new))
        assert text.count(written) == 1
        text = text.replace(written, instead)
    notebook = nbformat.reads(text, as_version=4)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("MOLVAE_CACHE", str(tmp_path / "cache"))
    NotebookClient(notebook, timeout=500, resources={"metadata": {"path": str(folder)}}).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_kept_as_it_ran_and_its_links_lead_somewhere(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert any("image/svg+xml" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output.output_type == "error"]
    assert path.stat().st_size < LARGEST
    text = path.read_text()
    assert str(Path.home()) not in text and "/tmp/" not in text
    for other in NOTEBOOKS:
        assert text.count(f"]({other.stem}.ipynb)") == text.count(f"[{other.stem}]")


def test_they_are_there():
    assert [path.stem[:2] for path in NOTEBOOKS] == [f"{number:02d}" for number in range(1, len(NOTEBOOKS) + 1)]
    assert len(NOTEBOOKS) >= 3
