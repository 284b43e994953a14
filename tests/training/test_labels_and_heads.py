"""Laws of labels and heads: labels count alike however they fall into batches, heads learn and can be stopped."""

from functools import partial

import numpy as np
import pytest
import torch

from molvae import ConfigError, ModelConfig, SmilesTokenizer
from molvae.corpus.batching import TokenizedCorpus
from molvae.model import LabelScale, SmilesVAE
from molvae.training import HeadCheck, Labels, label_scale
from tests.training.test_trainer import SMALL, assert_resumes, assert_same, epochs_of, make, settings, weights

N = 60


@pytest.fixture
def values():
    rng = np.random.default_rng(0)
    values = rng.normal([5.0, -200.0], [2.0, 80.0], (N, 2))
    values[rng.random((N, 2)) < [0.0, 0.6]] = np.nan
    return values


def labels_of(values, rows=None):
    rows = np.arange(len(values)) if rows is None else rows
    scales = [label_scale("x", values[rows, place]) for place in range(values.shape[1])]
    return Labels(values, scales, rows)


@pytest.mark.parametrize("batch_size", [1, 13])
def test_the_losses_of_an_epoch_average_to_the_mean_over_the_labels(values, batch_size):
    labels, rng = labels_of(values), np.random.default_rng(1)
    predicted = torch.from_numpy(rng.normal(size=(N, 2)).astype(np.float32))
    order = rng.permutation(N)
    total = 0.0
    for start in range(0, N, batch_size):
        rows = order[start : start + batch_size]
        total += len(rows) * labels.batch(rows).loss(predicted[rows]).item()
    scaled = (values - np.nanmean(values, 0)) / np.nanstd(values, 0)
    expected = np.nanmean(0.5 * (scaled - predicted.numpy()) ** 2, 0)
    assert total / N == pytest.approx(expected.sum(), rel=1e-5)
    assert labels.weighted_loss(list(expected)) == pytest.approx(expected.sum(), rel=1e-6)


def test_few_labels_count_for_ten_molecules_each(values):
    values[:, 1] = np.nan
    values[:2, 1] = 1.0, 3.0
    labels = labels_of(values)
    assert labels.batch(np.arange(3)).weights.tolist() == [1.0, 10.0]
    assert labels.weighted_loss([0.0, 1.0]) == pytest.approx(20 / N)


def test_a_missing_label_has_no_gradient_and_what_is_missing_no_name(values):
    for missing in (np.nan, np.inf, -np.inf):
        known = np.isfinite(values)
        labels = labels_of(np.where(known, values, missing))
        predicted = torch.zeros(N, 2, requires_grad=True)
        labels.batch(np.arange(N)).loss(predicted).backward()
        assert torch.equal(predicted.grad == 0.0, torch.from_numpy(~known))


def test_a_batch_without_labels_costs_nothing_and_reaches_the_heads(values):
    values[:10] = np.nan
    predicted = torch.ones(10, 2, requires_grad=True)
    loss = labels_of(values, np.arange(10, N)).batch(np.arange(10)).loss(predicted)
    loss.backward()
    assert loss.item() == 0.0 and torch.equal(predicted.grad, torch.zeros(10, 2))


def test_scales_are_those_of_the_training_labels_and_predictions_come_back_in_units(values):
    rows = np.arange(0, N, 2)
    scale = label_scale("x", values[rows, 1])
    assert scale == pytest.approx((np.nanmean(values[rows, 1]), np.nanstd(values[rows, 1])), rel=1e-6)
    labels = labels_of(values, rows)
    back = labels.in_units(labels.batch(np.arange(N)).values.numpy())
    np.testing.assert_allclose(back, values, rtol=1e-5)


def test_labels_that_teach_nothing_are_refused():
    for numbers in ([], [np.nan, np.inf], [3.0, np.nan, 3.0], [1e300, -1e300], [1e-60, 2e-60]):
        with pytest.raises(ConfigError, match="'IC50, nM'"):
            label_scale("IC50, nM", np.array(numbers))


def test_figures_of_heads_are_those_of_their_predictions(canonical_smiles):
    corpus = TokenizedCorpus(canonical_smiles, SmilesTokenizer.from_smiles(canonical_smiles))
    n = len(canonical_smiles)
    torch.manual_seed(0)
    config = ModelConfig(latent_dim=4, embedding_dim=4, encoder_hidden=8, decoder_hidden=8, properties="length,empty")
    model = SmilesVAE(config, len(corpus.tokenizer)).eval()
    torch.nn.init.normal_(model.property_heads()["length"].output.weight)
    values = np.stack([corpus.lengths.astype(float), np.full(n, np.nan)], axis=1)
    values[3, 0] = np.nan
    labels = Labels(values, [LabelScale(20.0, 5.0), LabelScale(0.0, 1.0)], np.arange(n))
    figures = HeadCheck(corpus, np.arange(n), labels)(model)
    batch = corpus.batch(range(n))
    with torch.inference_mode():
        scaled = model.predict(model.encoder(*batch).mean)[:, 0].double().numpy()
    known = np.isfinite(values[:, 0])
    y, p = values[known, 0], 20.0 + 5.0 * scaled[known]
    fit = figures.fits["length"]
    assert fit.r2 == pytest.approx(1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum(), rel=1e-5)
    assert fit.mae == pytest.approx(np.abs(y - p).mean(), rel=1e-5)
    assert fit.loss == pytest.approx((0.5 * ((y - p) / 5.0) ** 2).mean(), rel=1e-5)
    assert (fit.labels, figures.fits["empty"].labels) == (n - 1, 0)
    assert figures.loss == pytest.approx(fit.loss, rel=1e-6)


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
    (epoch,) = epochs_of(canonical_smiles, settings(epochs=1))
    assert "train_properties" not in epoch.flat() and not epoch.fits


@pytest.mark.parametrize("at", [2, 13])
def test_killed_and_resumed_it_ends_with_the_same_weights(canonical_smiles, tmp_path, at):
    config = settings(token_dropout=0.1, checkpoint_seconds=0.0)
    assert_resumes(partial(trainer, canonical_smiles, config), tmp_path / "state.safetensors", at)


def test_the_averaged_model_has_heads_of_its_own(canonical_smiles):
    one = trainer(canonical_smiles, settings(average_decay=0.5))
    best = one.run()
    assert best.property_heads()["length"].scale == one._model.property_heads()["length"].scale
    assert not torch.equal(best.heads[0].hidden.weight, one._model.heads[0].hidden.weight)
