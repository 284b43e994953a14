"""Laws of growth: old tokens mean what they meant, new ones are rare until they are learned."""

import pytest
import torch

from molvae import ModelConfig
from molvae.model import SmilesVAE, expand_vocabulary

CONFIG = ModelConfig(latent_dim=6, embedding_dim=5, encoder_hidden=7, decoder_hidden=9, decoder_layers=2)
NEW = 3


@pytest.fixture(params=[1.0, 5.0], ids=["young", "opinionated"])
def model(request, corpus):
    torch.manual_seed(0)
    model = SmilesVAE(CONFIG, len(corpus.tokenizer)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(request.param)
    return model


def bigger(model, seed=0, new=NEW, **kwargs):
    return expand_vocabulary(model, model.vocab_size + new, torch.Generator().manual_seed(seed), **kwargs).eval()


def test_old_tokens_mean_what_they_meant(model, corpus):
    batch, large = corpus.batch(range(len(corpus))), bigger(model)
    for mine, own in zip(large.encoder(*batch), model.encoder(*batch), strict=True):
        torch.testing.assert_close(mine, own)
    z = torch.randn(len(corpus), 6, generator=torch.Generator().manual_seed(1))
    logits = large.decoder(batch.tokens, z)
    assert logits.shape[-1] == model.vocab_size + NEW == large.vocab_size
    torch.testing.assert_close(logits[..., : model.vocab_size], model.decoder(batch.tokens, z))
    assert torch.equal(bigger(model, new=0).nll(*batch, z), model.nll(*batch, z))
    with pytest.raises(ValueError, match="cannot shrink"):
        bigger(model, new=-1)


def test_new_tokens_are_rare_in_every_state(model, corpus):
    z = 3.0 * torch.randn(len(corpus), 6, generator=torch.Generator().manual_seed(1))
    logits = bigger(model).decoder(corpus.batch(range(len(corpus))).tokens, z).detach()
    new = logits.softmax(-1)[..., model.vocab_size :]
    assert float(new.min()) > 0.0 and float(new.max()) <= 0.01 / model.vocab_size


def test_the_model_is_left_as_it_was_and_shares_nothing(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    large = bigger(model)
    assert torch.equal(state, torch.get_rng_state())
    with torch.no_grad():
        for parameter in large.parameters():
            parameter.add_(1.0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_new_rows_are_new_and_a_function_of_the_seed(model):
    one, same, other = (bigger(model, seed).encoder.embedding.weight for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert len(one[-NEW:].unique(dim=0)) == NEW
    rest = bigger(model).decoder.to_logits
    assert torch.equal(rest.weight[-1], rest.weight[-2]) and torch.equal(rest.bias[-1], rest.bias[-2])


def test_all_of_it_learns(model, corpus):
    large, batch = bigger(model).train(), corpus.batch(range(len(corpus)))
    large(*batch, torch.zeros(len(corpus), 6)).nll.sum().backward()
    for name, parameter in large.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.abs().sum() > 0), name
    for module in large.modules():
        if isinstance(module, torch.nn.GRU):  # a GPU reads this list, not the parameters
            own = dict(module.named_parameters())
            assert all(own[name] is flat for name, flat in zip(own, module._flat_weights, strict=True))


def test_dropout_is_no_shape(model):
    large = bigger(model, dropout=0.25)
    assert large.config == CONFIG.replace(dropout=0.25) and large.decoder.dropout.p == 0.25
    assert bigger(model).config == CONFIG
