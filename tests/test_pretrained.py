"""The model that comes with the package: small, described, and as good as its card says."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import molvae
from molvae import Decoding, MolVAE
from molvae.chem import canonical
from molvae.cli import app

FOLDER = Path(molvae.__file__).parent / "pretrained"


@pytest.fixture(scope="module")
def vae():
    return MolVAE.from_pretrained(FOLDER)


def test_it_is_small_and_says_where_it_comes_from(vae):
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) <= 16_000_000
    assert {"data", "licence", "command", "date", "figures", "molecules"} <= vae.card.keys()
    assert {"molvae", "repaired"} <= vae.card["figures"].keys()


def test_its_draws_are_as_valid_as_the_card_says(vae):
    texts = next(iter(vae.draws(Decoding(), seed=123)))
    valid = sum(canonical(text) is not None for text in texts) / len(texts)
    assert valid == pytest.approx(vae.card["figures"]["molvae"]["valid"], abs=0.05)  # four standard errors


def test_it_reconstructs_as_the_card_says(vae, sample_file):
    smiles = [line.split(",")[0] for line in sample_file.read_text().splitlines()[1:601]]
    exact = sum(a == b for a, b in zip(vae.reconstruct(smiles), smiles, strict=True)) / len(smiles)
    # A quarter of these molecules were trained on; the card's are not.
    assert exact >= vae.card["figures"]["molvae"]["exact reconstruction"] - 0.08


def test_it_samples_where_no_model_has_been_trained(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOLVAE_MODEL", raising=False)
    monkeypatch.setattr("molvae.pretrained._FOLDER", FOLDER)
    result = CliRunner().invoke(app, ["sample", "--n", "12", "--seed", "0"])
    assert result.exit_code == 0 and "bundled" in result.stderr
    molecules = result.stdout.split()
    assert len(set(molecules)) == 12 and all(canonical(one) == one for one in molecules)
    assert MolVAE.from_pretrained().sample(12, seed=0) == molecules
