"""A model that is fine-tuned during a search learns the best, leaves the original alone, and can be resumed."""

import numpy as np
import pytest
import torch

from molvae import MolVAE
from molvae.model import expand_vocabulary
from molvae.optimization.online_finetuning import OnlineModel
from molvae.pretrained.folder import StoredModel

ELITES = ["CCOc1ccccc1", "CCNc1ccccc1", "CCOc1ccncc1"]
WEIGHTS = np.array([0.5, 0.3, 0.2])
CHAIN = [f"{'C' * length}Oc1ccccc1" for length in range(1, 40)]


def moved(vae, *, elites=ELITES, steps=3, seed=0, rate=1e-3):
    model = OnlineModel(vae, seed=0, learning_rate=rate)
    model.finetune(elites, WEIGHTS[: len(elites)], steps=steps, rng=np.random.default_rng(seed))
    return model


def test_it_begins_as_the_model_and_leaves_it_alone(vae):
    before = {name: value.clone() for name, value in vae.model.state_dict().items()}
    model = OnlineModel(vae, seed=0, learning_rate=1e-3)
    np.testing.assert_allclose(model.encode(ELITES), vae.encode(ELITES), atol=1e-6)
    model.finetune(ELITES, WEIGHTS, steps=2, rng=np.random.default_rng(0))
    assert np.abs(model.encode(ELITES) - vae.encode(ELITES)).max() > 0
    for name, value in vae.model.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("bf16", [False, True])
def test_it_learns_what_it_follows(vae, monkeypatch, bf16):
    monkeypatch.setattr("molvae.optimization.online_finetuning.profits_from_bf16", lambda device: bf16)
    model = moved(vae, steps=60, rate=5e-3)
    terms = [
        each.codec.elbo_terms(ELITES, draws=4, seed=0).nll.mean()
        for each in (OnlineModel(vae, seed=0, learning_rate=1e-3), model)
    ]
    assert terms[1] < 0.5 * terms[0]


def test_new_tokens_are_learned_and_old_ones_keep_their_meaning(vae):
    strange = "CP(C)(=O)[SeH]"
    model = OnlineModel(vae, seed=0, learning_rate=1e-3)
    assert not model.knows(strange)
    assert np.isnan(model.encode([strange])).all()
    model.finetune([strange], WEIGHTS[:1], steps=1, rng=np.random.default_rng(0))
    assert model.knows(strange)
    assert np.isfinite(model.encode([strange])).all()
    assert model.tokenizer.tokens[: len(vae.tokenizer)] == vae.tokenizer.tokens


def test_a_point_hardly_depends_on_what_is_encoded_beside_it(vae):
    together = OnlineModel(vae, seed=0, learning_rate=1e-3).encode(CHAIN)
    apart = OnlineModel(vae, seed=0, learning_rate=1e-3)
    np.testing.assert_allclose(np.concatenate([apart.encode([one]) for one in CHAIN]), together, atol=1e-5)


def test_who_goes_on_has_the_same_points_to_the_last_bit(vae):
    first, copy = moved(vae, elites=["CP(C)C", *ELITES[:2]]), OnlineModel(vae, seed=0, learning_rate=1e-3)
    known, strange = CHAIN[:20], "CP(C)(=O)[SeH]"
    for one in [*known, strange]:
        first.encode([one])
    copy.restore(*first.state())
    points = copy.encode([*CHAIN, strange])
    assert np.array_equal(points, first.encode([*CHAIN, strange]), equal_nan=True)
    assert np.isnan(points[-1]).all() and np.isfinite(points[:-1]).all()
    z = np.zeros((4, copy.latent_dim), np.float32)
    texts = []
    for each in (first, copy):
        each.finetune(ELITES, WEIGHTS, steps=2, rng=np.random.default_rng(7))
        texts.append(each.decode(z, temperature=1.0, rng=np.random.default_rng(3)))
    np.testing.assert_array_equal(first.encode([*CHAIN, "CP(C)C"]), copy.encode([*CHAIN, "CP(C)C"]))
    assert texts[0] == texts[1]
    assert np.abs(copy.encode(CHAIN) - points[:-1]).max() > 0  # learning makes old points worthless


def test_the_same_seed_moves_the_same_way_though_the_model_was_trained_with_dropout(vae):
    model = expand_vocabulary(vae.model, len(vae.tokenizer), torch.Generator(), dropout=0.5)
    dropping = MolVAE(StoredModel(model, vae.tokenizer, vae.known, vae.card))
    first, second, other = moved(dropping), moved(dropping), moved(dropping, seed=1)
    np.testing.assert_array_equal(first.encode(ELITES), second.encode(ELITES))
    assert np.abs(first.encode(ELITES) - other.encode(ELITES)).max() > 0


def test_strings_begin_with_their_prefixes(vae):
    model = OnlineModel(vae, seed=0, learning_rate=1e-3)
    z = np.zeros((3, model.latent_dim), np.float32)
    texts = model.decode(z, temperature=1.0, rng=np.random.default_rng(0), prefixes=[["c", "1"], [], ["C", "N", "C"]])
    assert texts[0].startswith("c1")
    assert texts[2].startswith("CNC")
