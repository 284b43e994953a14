"""Laws of training with heads: they learn, and a training with them can be stopped anywhere."""

from functools import partial

import numpy as np
import pytest
import torch

from molvae import SmilesTokenizer
from molvae.corpus.batching import TokenizedCorpus
from molvae.training import HeadCheck, Labels, label_scale
from tests.training.test_trainer import SMALL, assert_resumes, assert_same, make, settings, weights

WITH = SMALL.replace(properties="length,rings", head_hidden=16)


def trainer(smiles, config, *, missing=0.3, **kwargs):
    corpus = TokenizedCorpus(smiles, SmilesTokenizer.from_smiles(smiles))
    rows = np.arange(len(smiles))
    values = np.array([[len(one), 100.0 * one.count("1")] for one in smiles], dtype=np.float64)
    values[np.random.default_rng(0).random(values.shape) < missing] = np.nan
    scales = [label_scale(name, column) for name, column in zip(WITH.heads, values.T, strict=True)]
    labels = Labels(values, scales, rows)
    check = HeadCheck(corpus, rows, labels)
    return make(smiles, config, model_config=WITH, labels=labels, check_heads=check, **kwargs)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_they_learn(canonical_smiles, precision):
    epochs = []
    how = {"learning_rate": 2e-2, "beta": 0.02, "average_decay": 0.9, "pool_size": 100, "property_weight": 10.0}
    config = settings(epochs=40, precision=precision, **how)
    trainer(canonical_smiles, config, on_epoch=lambda epoch, _: epochs.append(epoch)).run()
    assert epochs[-1].train_properties < 0.3 * epochs[0].train_properties
    assert min(fit.r2 for fit in epochs[-1].fits.values()) > 0.5
    flat = epochs[-1].flat()
    assert (flat["rings_r2"], flat["rings_mae"]) == (epochs[-1].fits["rings"].r2, epochs[-1].fits["rings"].mae)


def test_the_objective_has_them_in_it(canonical_smiles):
    epochs = []
    config = settings(epochs=1, property_weight=3.0)
    trainer(canonical_smiles, config, missing=0.0, on_epoch=lambda epoch, _: epochs.append(epoch)).run()
    without = epochs[0].health.objective(config)
    charge = sum(fit.loss for fit in epochs[0].fits.values())
    assert epochs[0].objective == pytest.approx(without + 3.0 * charge)


def test_a_weight_of_zero_trains_the_model_without_them(canonical_smiles):
    """Encoder and decoder come out bit for bit as they do where there are no heads."""
    config = settings(property_weight=0.0, clip_norm=1e9)
    with_heads = weights(trainer(canonical_smiles, config).run())
    bare = weights(make(canonical_smiles, config).run())
    assert_same({name: with_heads[name] for name in bare}, bare)


def test_without_heads_nothing_is_told_of_them(canonical_smiles):
    epochs = []
    make(canonical_smiles, settings(epochs=1), on_epoch=lambda epoch, _: epochs.append(epoch)).run()
    assert "train_properties" not in epochs[0].flat() and not epochs[0].fits


@pytest.mark.parametrize("at", [2, 9, 13])
def test_killed_and_resumed_it_ends_with_the_same_weights(canonical_smiles, tmp_path, at):
    config = settings(token_dropout=0.1, checkpoint_seconds=0.0)
    assert_resumes(partial(trainer, canonical_smiles, config), tmp_path / "state.safetensors", at)


def test_the_averaged_model_has_heads_of_its_own(canonical_smiles):
    one = trainer(canonical_smiles, settings(average_decay=0.5))
    best = one.run()
    assert best.property_heads()["length"].scale == one._model.property_heads()["length"].scale
    assert not torch.equal(best.heads[0].hidden.weight, one._model.heads[0].hidden.weight)
