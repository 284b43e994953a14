"""Model, run and search folders that are damaged or made to harm: one sentence, at once, in little memory."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch

from molvae import MolVAE
from molvae.errors import ModelError, MolVAEError
from molvae.storage.files import read_json, read_tensors, write_tensors
from molvae.training.run import resume
from tests.training.run.test_run import killed


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, canonical_smiles):
    """A run that was killed behind its first epoch."""
    return killed(canonical_smiles, tmp_path_factory.mktemp("runs") / "run", "epoch 1")


@pytest.fixture
def run(stopped, tmp_path):
    return shutil.copytree(stopped, tmp_path / "run")


@pytest.fixture
def model(stopped, tmp_path):
    folder = shutil.copytree(stopped, tmp_path / "model")
    (folder / "checkpoint.safetensors").unlink()
    assert MolVAE.from_pretrained(folder)
    return folder


def refused(folder, match):
    with pytest.raises(ModelError, match=match) as caught:
        MolVAE.from_pretrained(folder)
    assert len(str(caught.value)) < 1_500


def test_a_net_larger_than_its_file_is_never_built(model, monkeypatch):
    config = read_json(model / "config.json")
    config["model"].update(latent_dim=4096, embedding_dim=4096, encoder_hidden=8192, decoder_hidden=8192)
    (model / "config.json").write_text(json.dumps(config))
    limited = """
import pathlib, resource, sys
from molvae import MolVAE
from molvae.errors import MolVAEError
import molvae.model, molvae.pretrained.folder
used = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 29), used + (1 << 29)))
try:
    MolVAE.from_pretrained(sys.argv[1])
except MolVAEError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", limited, model], capture_output=True, text=True, timeout=120)
    assert "does not fit config.json" in done.stdout or "is damaged" in done.stdout, done.stderr


def test_json_that_is_nested_too_deeply_or_beyond_all_measure_is_damaged(model):
    for name in ("config.json", "tokenizer.json"):
        whole = (model / name).read_bytes()
        (model / name).write_text("[" * 100_000 + "]" * 100_000)
        refused(model, f"{name}.*nested too deeply")
        (model / name).write_bytes(whole)
    (model / "tokenizer.json").write_text(json.dumps({"format": "x", "tokens": ["C"] * 1_000_000}))
    refused(model, "more than such a file can have")


def test_weights_that_are_no_numbers_are_named(model):
    weights, metadata = read_tensors(model / "model.safetensors")
    name = sorted(weights)[0]
    for value in (float("nan"), float("inf")):
        weights[name].view(-1)[0] = value
        write_tensors(model / "model.safetensors", weights, metadata)
        refused(model, f"{name} holds NaN or infinite weights")


def test_a_training_set_without_hashes_is_damaged(model):
    for tensors in ({}, {"hashes": torch.ones(3)}, {"hashes": torch.ones(2, 2, dtype=torch.int64)}):
        write_tensors(model / "training_set.safetensors", tensors)
        refused(model, "holds no hashes")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_is_not_waited_for(model):
    for name in ("training_set.safetensors", "model.safetensors", "tokenizer.json", "config.json"):
        (model / name).unlink()
        os.mkfifo(model / name)
        refused(model, name)


def test_a_length_that_no_molecule_has_is_the_default(model):
    config = read_json(model / "config.json")
    for length in (10**18, -1, "long", None):
        config["card"]["max_length"] = length
        (model / "config.json").write_text(json.dumps(config))
        assert MolVAE.from_pretrained(model).sample(0) == []


@pytest.mark.parametrize("key", ["param_groups", "position", "extra"])
def test_the_metadata_of_a_checkpoint_can_be_anything(run, key):
    tensors, metadata = read_tensors(run / "checkpoint.safetensors")
    for value in (None, "x", [], {}, [1, 2], {"best": 1}, {"best": []}, [[]], [None] * 4, [10**400, 0, 0, 0]):
        write_tensors(run / "checkpoint.safetensors", tensors, {**metadata, key: value})
        with pytest.raises(MolVAEError, match="checkpoint"):
            resume(run)


def test_splits_can_be_anything(run):
    rows = ("[]", '{"valid": [[1]], "test": []}', '{"valid": [1e999], "test": []}', '{"valid": [100000], "test": []}')
    for text in ("[]", "{}", "0", "[" * 9_999, *(f'{{"rows": {one}}}' for one in rows)):
        (run / "splits.json").write_text(text)
        with pytest.raises(MolVAEError, match=r"splits\.json"):
            resume(run)


def test_a_request_can_be_anything(run):
    request = {"source": "x.csv", "smiles_column": None, "header": None, "size": None,
               "given": {"model": {}, "training": {}, "cleaning": {}}}  # fmt: skip
    changes = ({"given": 1}, {"given": {}}, {"source": 7}, {"size": "x"}, {"given": {"model": []}})
    (run / "config.toml").unlink()
    for text in (*(json.dumps({**request, **change}) for change in changes), "[]", "{", "null"):
        (run / "request.json").write_text(text)
        with pytest.raises(ModelError, match=r"request\.json is damaged"):
            resume(run)
