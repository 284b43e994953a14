"""The report of a run: whole, of one file, and true to the run."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pandas as pd
import pytest

from molvae import MolVAE
from molvae.errors import InputError, ModelError
from molvae.training.report import write_report
from molvae.training.report.report_data import gather
from tests.html_page import Page

SECTIONS = ["Samples", "Properties", "Novelty", "Structural alerts", "Latent space", "Training", "Input"]


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_run):
    """A run whose model gives molecules: those of its training set, in turns with new ones and broken strings."""
    return shutil.copytree(tiny_run, tmp_path_factory.mktemp("reports") / "<b>run & co")


@pytest.fixture
def speaking(monkeypatch, canonical_smiles, run):
    texts = [*pd.read_csv(run / "molecules.csv.gz")["smiles"][:8], *canonical_smiles[:12], "C1CC", "CCO("]
    monkeypatch.setattr(MolVAE, "draws", lambda *_, **__: iter([texts] * 100))
    return texts


def test_it_is_one_file_with_everything_and_always_the_same(run, speaking, tmp_path):
    path = write_report(run, tmp_path / "page.html")
    text = path.read_text()
    page = Page(text)
    assert page.open == []
    assert re.findall(r"<h2>(.*?)</h2>", text) == SECTIONS
    assert all(link.startswith(("#", "data:")) for link in page.loads)
    assert not re.search(r"url\((?!#|\"#)|@import", text)
    assert len(page.ids) == len(set(page.ids))
    assert "<b>run" not in text and "&lt;b&gt;run &amp; co" in text
    assert write_report(run, tmp_path / "again.html").read_text() == text


def test_its_figures_are_those_of_the_run(run, speaking):
    facts = gather(run)
    training = set(pd.read_csv(run / "molecules.csv.gz")["smiles"][facts.start.parts["train"].tolist()])
    drawn = (speaking * 28)[:600]
    assert (facts.drawn, facts.valid) == (600, sum(text not in ("C1CC", "CCO(") for text in drawn))
    assert len(facts.samples) == len(set(facts.samples)) == 20
    assert facts.novel == pytest.approx(np.mean([one not in training for one in facts.samples]))
    copies = [one in training for one in facts.samples]
    assert (facts.similarity[copies] == 1.0).all()
    assert [facts.nearest[row] for row in np.flatnonzero(copies)] == [one for one in facts.samples if one in training]
    assert facts.plane.shape == (len(facts.compared) + len(facts.samples), 2)
    assert set(facts.compared) <= training


def test_rejected_rows_are_shown_and_escaped(run, speaking, tmp_path):
    folder = shutil.copytree(run, tmp_path / "run")
    reason = "no valid SMILES"
    rows = [(2, "<script>alert(1)</script>", reason), (9, "x" * 500, reason)]
    rows += [(row, "CCO", f"duplicate of row {row - 1}") for row in range(10, 16)]
    pd.DataFrame(rows, columns=["row", "text", "reason"]).to_csv(folder / "rejected.csv", index=False)
    facts = gather(folder)
    assert facts.reasons == [("duplicate of an earlier row", 6), (reason, 2)] and len(facts.examples) == 4
    text = write_report(folder).read_text()
    assert "<script>alert" not in text and "&lt;script&gt;alert(1)" in text and "x" * 200 not in text
    words = Page(text).words
    assert f"{len(facts.start.smiles) + 8:,} rows, {len(facts.start.smiles):,} kept" in words


def test_a_model_that_gives_no_molecule_has_a_report_without_samples(run, monkeypatch, tmp_path):
    monkeypatch.setattr(MolVAE, "draws", lambda *_, **__: iter([["C1CC"] * 300] * 10))
    text = write_report(run, tmp_path / "page.html").read_text()
    assert re.findall(r"<h2>(.*?)</h2>", text) == ["Samples", "Latent space", "Training", "Input"]
    assert "None of 600 strings" in text


def test_what_was_lost_is_left_out(run, speaking, tmp_path):
    folder = shutil.copytree(run, tmp_path / "run")
    (folder / "history.csv").unlink()
    (folder / "rejected.csv").unlink()
    (folder / "training_set.safetensors").unlink()
    text = write_report(folder).read_text()
    assert "<h2>Training</h2>" not in text and "nan" not in Page(text).words.lower().replace("nanometre", "")


def test_a_folder_without_a_run_is_an_error(tmp_path, run, speaking):
    with pytest.raises(ModelError, match="holds no run"):
        write_report(tmp_path)
    with pytest.raises(InputError, match="nowhere"):
        write_report(run, tmp_path / "nowhere" / "page.html")
