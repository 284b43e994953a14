"""The model that comes with the package: small, described, and as good as its card says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import molvae
from molvae import Decoding, ModelConfig, ModelError, MolVAE, SmilesTokenizer
from molvae.benchmarks.bundle import bundle
from molvae.chem import canonical
from molvae.cli import app
from molvae.model import LabelScale, SmilesVAE
from molvae.pretrained.folder import StoredModel, write_model
from molvae.pretrained.hub import find_model, full_name

ROOM = Path(molvae.__file__).parent / "pretrained"
FOLDER, MEDCHEM = ROOM / "moses", ROOM / "medchem"


@pytest.fixture(scope="module")
def vae():
    return MolVAE.from_pretrained(FOLDER)


def test_it_reconstructs_as_the_card_says(vae, sample_file):
    smiles = [line.split(",")[0] for line in sample_file.read_text().splitlines()[1:601]]
    exact = sum(a == b for a, b in zip(vae.reconstruct(smiles), smiles, strict=True)) / len(smiles)
    # Three quarters of these molecules were trained on; the card's are not.
    assert exact >= vae.card["figures"]["molvae"]["exact reconstruction"] - 0.08


def test_it_samples_where_no_model_has_been_trained(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOLVAE_MODEL", raising=False)
    monkeypatch.setattr("molvae.pretrained._FOLDER", ROOM)
    result = CliRunner().invoke(app, ["sample", "--n", "12", "--seed", "0"])
    assert result.exit_code == 0 and "medchem" in result.stderr
    molecules = result.stdout.split()
    assert len(set(molecules)) == 12 and all(canonical(one) == one for one in molecules)
    assert MolVAE.from_pretrained().sample(12, seed=0) == molecules


def bundled(run, folder, monkeypatch, largest=16_000_000):
    folder.mkdir(exist_ok=True)
    monkeypatch.setattr("molvae.benchmarks.bundle._FOLDER", folder)
    monkeypatch.setattr("molvae.benchmarks.bundle._LARGEST", largest)
    monkeypatch.setattr("molvae.benchmarks.bundle.moses_rows", lambda vae, **_: {"molvae": {"valid": 1 / 3}})
    bundle(run, command="molvae train")


def test_what_is_bundled_keeps_the_scale_of_its_labels(tmp_path, monkeypatch, canonical_smiles):
    """Beyond half precision; the weights are rounded to it."""
    config = ModelConfig(properties="x", latent_dim=4, embedding_dim=4, encoder_hidden=4, decoder_hidden=4)
    tokenizer = SmilesTokenizer.from_smiles(canonical_smiles)
    model = SmilesVAE(config, len(tokenizer))
    model.property_heads()["x"].set_scale(LabelScale(308.27, 80_000.0))
    write_model(tmp_path / "run", StoredModel(model, tokenizer, None, {"max_length": 77}))
    bundled(tmp_path / "run", tmp_path / "to", monkeypatch)
    again = MolVAE.from_pretrained(tmp_path / "to")
    assert again.model.property_heads()["x"].scale == model.property_heads()["x"].scale
    for one, other in zip(again.model.parameters(), model.parameters(), strict=True):
        assert torch.equal(one, other.half().float())
    assert again.max_length == 77 and again.card["figures"]["molvae"]["valid"] == 0.33333


def test_a_model_that_is_too_large_replaces_none(tiny_run, tmp_path, monkeypatch):
    bundled(tiny_run, tmp_path / "to", monkeypatch)
    before = {path.name: path.read_bytes() for path in (tmp_path / "to").iterdir()}
    assert "training_set.safetensors" in before
    with pytest.raises(ModelError, match=r"the model takes [\d,]+ bytes; 1,000 may be bundled"):
        bundled(tiny_run, tmp_path / "to", monkeypatch, largest=1_000)
    assert {path.name: path.read_bytes() for path in (tmp_path / "to").iterdir()} == before


DRUGS = (
    "COc1ccc2cc([C@H](C)C(=O)O)ccc2c1",  # naproxen
    "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1",  # gefitinib
    "CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O",  # penicillin G
    "CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21",  # diazepam
    "O=[N+]([O-])c1ccc(O)cc1",
)


@pytest.fixture(scope="module")
def medchem():
    return MolVAE.from_pretrained(MEDCHEM)


def test_they_are_small_say_where_they_come_from_and_are_as_valid_as_their_cards_say(vae, medchem):
    for one, folder, measured in ((vae, FOLDER, "molvae"), (medchem, MEDCHEM, "held-out scaffolds")):
        assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) <= 16_000_000
        assert {"data", "licence", "command", "date", "figures", "molecules"} <= one.card.keys()
        texts = next(iter(one.draws(Decoding(), seed=123)))
        valid = sum(canonical(text) is not None for text in texts) / len(texts)
        assert valid == pytest.approx(one.card["figures"][measured]["valid"], abs=0.05)  # four standard errors
    assert "repaired" in vae.card["figures"]
    assert "ChEMBL" in medchem.card["data"] and "CC BY-SA" in medchem.card["licence"]


def test_it_reads_stereo_acids_and_charges(medchem):
    smiles = [canonical(one) for one in DRUGS]
    assert not np.isnan(medchem.encode(smiles)).any()
    back = medchem.reconstruct(smiles)
    assert sum(map(bool, back)) >= 4 and sum(a == b for a, b in zip(back, smiles, strict=True)) >= 3


def test_models_that_come_with_the_package_are_found_by_name_anywhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("molvae.pretrained._FOLDER", ROOM)
    assert find_model("medchem") == find_model("bundled") == MEDCHEM and find_model("moses") == FOLDER
    assert full_name("bundled") == "medchem" and full_name("moses") == "moses"
    monkeypatch.setattr("molvae.pretrained._FOLDER", tmp_path)
    with pytest.raises(ModelError, match="has no medchem model"):
        find_model("medchem")
