"""Laws of heads: they change nothing beside them, and what they predict survives a change of scale."""

import pytest
import torch

from molvae import ModelConfig
from molvae.model import LabelScale, SmilesVAE, expand_vocabulary, set_property_heads

CONFIG = ModelConfig(latent_dim=6, embedding_dim=5, encoder_hidden=7, decoder_hidden=9, head_hidden=8)
WITH = CONFIG.replace(properties="a,b.c")


def made(corpus, config, seed=0):
    torch.manual_seed(seed)
    return SmilesVAE(config, len(corpus.tokenizer)).eval()


@pytest.fixture
def model(corpus):
    """One whose heads have something to say."""
    model = made(corpus, WITH)
    for place, head in enumerate(model.property_heads().values()):
        torch.nn.init.normal_(head.output.weight)
        head.set_scale(LabelScale(10.0 + place, 3.0))
    return model


def in_units(model, z):
    heads = model.property_heads().values()
    return [head(z).double() * head.scale.std + head.scale.mean for head in heads]


def test_a_seed_gives_the_other_weights_it_gives_without_heads(corpus):
    bare, model = made(corpus, CONFIG).state_dict(), made(corpus, WITH).state_dict()
    assert {name for name in model.keys() - bare.keys() if not name.startswith("heads.")} == set()
    assert all(torch.equal(model[name], value) for name, value in bare.items())


def test_predictions_begin_at_the_mean_and_depend_on_no_other_molecule(corpus, model):
    batch = corpus.batch(range(len(corpus)))
    noise = torch.zeros(len(corpus), 6)
    assert torch.equal(made(corpus, WITH)(*batch, noise).predicted, torch.zeros(len(corpus), 2))
    whole = model(*batch, noise).predicted
    for row in range(len(corpus)):
        torch.testing.assert_close(model(*corpus.batch([row]), noise[:1]).predicted[0], whole[row])
    assert made(corpus, CONFIG)(*batch, noise).predicted is None


def test_the_gradient_reaches_heads_and_encoder_alone(corpus, model):
    model(*corpus.batch(range(5)), torch.zeros(5, 6)).predicted.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == (not name.startswith("decoder."))


def test_heads_that_stay_predict_what_they_did_and_new_ones_the_mean(model):
    z = torch.randn(20, 6, generator=torch.Generator().manual_seed(1))
    before = in_units(model, z)
    tuned = expand_vocabulary(model, model.vocab_size + 2, torch.Generator().manual_seed(0))
    set_property_heads(tuned, {"new": LabelScale(-5.0, 2.0), "b.c": LabelScale(4e3, 1e3)}, hidden=8, seed=0)
    assert tuned.config.heads == ("new", "b.c")
    new, kept = in_units(tuned, z)
    torch.testing.assert_close(kept, before[1], atol=1e-3, rtol=1e-4)
    assert torch.equal(new, torch.full_like(new, -5.0))
    assert tuned.property_heads()["b.c"].scale == LabelScale(4e3, 1e3)
    for mine, own in zip(in_units(model, z), before, strict=True):
        assert torch.equal(mine, own)  # the model itself is left as it is


def test_new_heads_are_those_of_their_seed_and_the_global_generator_is_left_alone(corpus):
    state = torch.get_rng_state()
    weights = []
    for seed in (0, 0, 1):
        model = made(corpus, CONFIG)
        torch.set_rng_state(state)
        set_property_heads(model, {"x": LabelScale(0.0, 1.0)}, hidden=4, seed=seed)
        assert torch.equal(state, torch.get_rng_state())
        weights.append(model.property_heads()["x"].hidden.weight)
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_no_heads_are_left_where_none_are_wanted(model):
    set_property_heads(model, {}, hidden=8, seed=0)
    assert model.config.heads == () and not any(name.startswith("heads.") for name in model.state_dict())
