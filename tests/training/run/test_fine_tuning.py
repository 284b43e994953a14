"""Fine-tuning as a user has it: what it starts from, what is new to it, how it goes on, what it learned by heart."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from molvae import ConfigError, ModelError, MolVAE, resume, train
from molvae.chem import random_spelling
from molvae.config import TrainConfig, default_fine_tuning
from molvae.corpus.tokenizer import scan
from molvae.storage.latest_run import is_finished
from molvae.training.run.memorization import memorization
from tests.training.run.test_run import TINY as TINY_RUN
from tests.training.run.test_run import Killed, Watcher, content, dying_after, settings_of

TRAINING = {
    "epochs": 2,
    "batch_size": 10,
    "health_samples": 10,
    "block_size": 10,
    "pool_size": 20,
    "precision": "fp32",
    "checkpoint_seconds": 0.0,
}
TINY = TINY_RUN["model"]
Killer = Listener = Watcher
pytestmark = pytest.mark.usefixtures("few_draws")


def test_it_starts_from_the_model_and_grows_its_vocabulary(tiny_run, series, tmp_path, canonical_smiles):
    heard, start = Listener(), MolVAE.from_pretrained(tiny_run)
    vae = train(series, tmp_path / "run", init_from=tiny_run, training=TRAINING, reporter=heard)
    known = len(start.tokenizer)
    assert vae.tokenizer.tokens[:known] == start.tokenizer.tokens
    new = vae.tokenizer.tokens[known:]
    assert {"[C@H]", "[N+]"} <= set(new)
    held = {token: sum(token in scan(one) for one in canonical_smiles) for token in new}
    assert heard.tokens == (str(tiny_run), held)
    assert list(heard.tokens[1].values()) == sorted(held.values(), reverse=True)
    assert vae.config == start.config
    assert not any("are few" in sentence for sentence in heard.sentences)
    settings = settings_of(tmp_path / "run")
    assert settings["training"]["init_from"] == str(tiny_run)
    assert settings["model"] == start.config.model_dump()
    assert settings["training"]["coupling_start"] == default_fine_tuning(30)["coupling_start"]
    card = MolVAE.from_pretrained(tmp_path / "run").card
    assert (card["fine_tuned_from"], card["new_tokens"]) == (str(tiny_run), held)
    assert card["memorization"]["tuned"]["samples"] == 10 == heard.measured[0].start.samples
    assert vae.training_set.intersection(canonical_smiles)
    assert is_finished(tmp_path / "run")
    assert not (tmp_path / "run" / "init.safetensors").exists()


def test_the_weights_of_the_model_are_what_it_starts_from(tiny_run, series, tmp_path, canonical_smiles):
    """With a learning rate of next to nothing the old molecules are where they were."""
    slow = {**TRAINING, "learning_rate": 1e-12, "epochs": 1}
    vae, start = train(series, tmp_path / "run", init_from=tiny_run, training=slow), MolVAE.from_pretrained(tiny_run)
    before = start.encode(canonical_smiles)
    there = np.isfinite(before).all(1)
    assert 5 < there.sum() < len(canonical_smiles)
    np.testing.assert_allclose(vae.encode(canonical_smiles)[there], before[there], atol=1e-4)
    assert np.isfinite(vae.encode(canonical_smiles)).all()


@pytest.mark.parametrize("at", ["cleaning", "step 3", "memorized", "unlink 1", "unlink 2"])
def test_killed_and_resumed_it_ends_as_undisturbed_though_the_model_is_gone(
    tiny_run, series, tmp_path, monkeypatch, at
):
    copy = shutil.copytree(tiny_run, tmp_path / "model")
    whole = train(series, tmp_path / "whole", init_from=copy, training=TRAINING)
    with monkeypatch.context() as patch:
        if at.startswith("unlink"):
            patch.setattr(Path, "unlink", dying_after(int(at[-1]) - 1, Path.unlink))
        with pytest.raises(Killed):
            train(series, tmp_path / "run", init_from=copy, training=TRAINING, reporter=Killer(at))
    assert not is_finished(tmp_path / "run")
    if at == "cleaning":
        away = copy.rename(tmp_path / "away")
        with pytest.raises(ModelError, match=r"model does not exist"):
            resume(tmp_path / "run")
        away.rename(copy)
    else:
        shutil.rmtree(copy)
        series.unlink()
    resumed = resume(tmp_path / "run")
    changing = ("history.csv", "config.json")
    assert content(tmp_path / "run", *changing) == content(tmp_path / "whole", *changing)
    assert repr(resumed.card["memorization"]) == repr(whole.card["memorization"])  # NaN differs from itself
    assert is_finished(tmp_path / "run")


def test_a_lost_or_damaged_start_is_told(tiny_run, series, tmp_path):
    with pytest.raises(Killed):
        train(series, tmp_path / "run", init_from=tiny_run, training=TRAINING, reporter=Killer("step 3"))
    path = tmp_path / "run" / "init.safetensors"
    whole = path.read_bytes()
    for wrong in ((tiny_run / "model.safetensors").read_bytes(), whole[:1000]):
        path.write_bytes(wrong)
        with pytest.raises(ModelError, match=r"init\.safetensors is"):
            resume(tmp_path / "run")
    path.write_bytes(whole)
    settings = tmp_path / "run" / "config.toml"
    settings.write_text(settings.read_text().replace("latent_dim = 8", "latent_dim = 9"))
    with pytest.raises(ModelError, match="is damaged, or of another shape"):
        resume(tmp_path / "run")
    path.unlink()
    with pytest.raises(ModelError, match="does not exist"):
        resume(tmp_path / "run")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": "large"}, "size large"),
        ({"model": {"latent_dim": 9}}, "latent_dim 9 .* 8"),
        ({"from_scratch": True}, "from_scratch"),
    ],
)
def test_what_contradicts_the_model_is_told_before_anything_is_written(tiny_run, series, tmp_path, wrong, message):
    with pytest.raises(ModelError, match="does not exist"):
        train(series, tmp_path / "run", init_from=tmp_path / "model", training=TRAINING)
    for named in ({"init_from": tiny_run}, {"training": {**TRAINING, "init_from": str(tiny_run)}}):
        with pytest.raises(ConfigError, match=message):
            train(series, tmp_path / "run", **{"training": TRAINING, **named, **wrong})
    assert not (tmp_path / "run").exists()


def test_what_agrees_with_the_model_is_taken(tiny_run, series, tmp_path):
    shape = {"latent_dim": 8, "dropout": 0.1}
    vae = train(series, tmp_path / "run", init_from=tiny_run, model=shape, training=TRAINING)
    assert vae.config == MolVAE.from_pretrained(tiny_run).config.replace(dropout=0.1)


def test_its_config_is_a_config_file(tiny_run, series, tmp_path, bundled_run):
    train(series, tmp_path / "one", init_from=tiny_run, training=TRAINING)
    train(series, tmp_path / "two", config=tmp_path / "one" / "config.toml")
    for name in ("config.toml", "model.safetensors", "tokenizer.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_few_molecules_start_from_the_bundled_model(bundled_run, series, tmp_path, canonical_smiles):
    heard = Listener()
    vae = train(series, tmp_path / "run", training=TRAINING, reporter=heard)
    n = len(canonical_smiles)
    assert any(f"{n} molecules: starting from the bundled model" in sentence for sentence in heard.sentences)
    assert vae.card["fine_tuned_from"] == "medchem" == settings_of(tmp_path / "run")["training"]["init_from"]


@pytest.mark.parametrize(
    "how", [{"from_scratch": True}, {"model": TINY}, {"size": "small"}, {"training": {"epochs": 1}}]
)
def test_when_few_molecules_do_not(bundled_run, series, tmp_path, monkeypatch, how):
    if how.keys() == {"training"}:  # a thousand are many here
        monkeypatch.setattr("molvae.training.run.finetune_source._FEW", 10)
    heard = Listener()
    vae = train(series, tmp_path / "run", reporter=heard, **{**how, "training": {**TRAINING, "epochs": 1}})
    assert "fine_tuned_from" not in vae.card and heard.measured == [] and heard.tokens is None
    assert settings_of(tmp_path / "run")["training"]["init_from"] == ""
    explained = any("training from scratch, because" in sentence for sentence in heard.sentences)
    assert explained == bool(how.keys() & {"model", "size"})


def test_without_a_bundled_model_few_molecules_train_from_scratch(series, tmp_path):
    vae = train(series, tmp_path / "run", model=TINY, training=TRAINING)
    assert "fine_tuned_from" not in vae.card
    with pytest.raises(ModelError, match="has no medchem model"):
        train(series, tmp_path / "other", init_from="bundled", training=TRAINING)
    with pytest.raises(ModelError, match="has no medchem model"):
        MolVAE.from_pretrained()


def test_few_molecules_are_shown_often_and_many_seldom():
    given = [TrainConfig(**default_fine_tuning(n)) for n in (20, 200, 2_000, 20_000, 200_000, 2_000_000)]
    assert [one.epochs for one in given] == sorted((one.epochs for one in given), reverse=True)
    assert all(one.patience for one in given)


def saying(vae, texts, monkeypatch):
    monkeypatch.setattr(vae, "draws", lambda *_, **__: iter([texts] * 3))
    return vae


def test_memorization_tells_copies_from_new_molecules(tiny_run, canonical_smiles, monkeypatch):
    training, others = canonical_smiles[:16], canonical_smiles[16:]
    copier, other = MolVAE.from_pretrained(tiny_run), MolVAE.from_pretrained(tiny_run)
    copies = [random_spelling(one, 3) for one in training[:8]] + ["C1CC", "not one"]
    saying(copier, copies, monkeypatch)
    saying(other, others[:10], monkeypatch)
    measured = memorization(copier, other, training, others, seed=0, samples=10)
    assert (measured.tuned.samples, measured.tuned.valid, measured.tuned.distinct) == (10, 0.8, 1.0)
    assert measured.tuned.known == 1.0 and measured.start.known == 0.0
    assert "100%" in str(measured.warning())
    assert memorization(other, copier, training, others, seed=0, samples=10).warning() is None
    assert measured.tuned.nearness.mean == measured.tuned.nearness.median == 1.0
    assert 0.0 < measured.start.nearness.mean < 0.9 and 0.0 < measured.held_out.mean < 0.9
    assert measured.held_out.tenth < measured.held_out.median < measured.held_out.ninetieth


def test_memorization_of_a_model_that_gives_nothing(tiny_run, canonical_smiles, monkeypatch):
    vae = saying(MolVAE.from_pretrained(tiny_run), ["C1CC"] * 10, monkeypatch)
    measured = memorization(vae, vae, canonical_smiles[:5], [], seed=0, samples=10)
    assert measured.tuned.valid == 0.0
    assert np.isnan([measured.tuned.distinct, measured.tuned.known, measured.tuned.nearness.mean]).all()
    assert np.isnan(measured.held_out.mean) and measured.warning() is None
