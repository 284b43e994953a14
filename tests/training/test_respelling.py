"""Laws of randomized spellings: the same molecules, a function of the seed, seen by the encoder alone."""

import numpy as np
import pytest
import torch

from molvae import SmilesTokenizer
from molvae.chem import canonical, random_spelling
from molvae.corpus.batching import TokenizedCorpus
from molvae.model import SmilesVAE
from molvae.training import SmilesRandomization
from molvae.training.batch_inputs import BatchInputs
from molvae.training.plan import Plan
from tests.training.test_trainer import SMALL, Killed, assert_same, make, settings, weights


def respelling(smiles, longest=200, more=()):
    return SmilesRandomization(smiles, SmilesTokenizer.from_smiles([*smiles, *more]), longest)


def spelled(respell, rows, seeds):
    batch = respell(np.array(rows), np.array(seeds))
    return [respell.tokenizer.decode(ids[1:].tolist()) for ids in batch.tokens]


def test_a_spelling_is_of_the_same_molecule(canonical_smiles):
    for seed in range(1, 6):
        others = [random_spelling(one, seed) for one in canonical_smiles]
        assert [canonical(one) for one in others] == canonical_smiles
        assert others == [random_spelling(one, seed) for one in canonical_smiles]
        assert sum(other != one for other, one in zip(others, canonical_smiles, strict=True)) > 20
    assert random_spelling("C1CC", 1) is None and random_spelling("", 1) is None


def test_seed_0_is_the_spelling_of_the_corpus(canonical_smiles):
    n = len(canonical_smiles)
    respell = respelling(canonical_smiles)
    assert spelled(respell, range(n), [0] * n) == canonical_smiles
    others = spelled(respell, range(n), [7] * n)
    assert others != canonical_smiles
    assert [canonical(one) for one in others] == canonical_smiles


def test_rows_and_seeds_are_taken_one_by_one(canonical_smiles):
    respell = respelling(canonical_smiles)
    together = spelled(respell, [5, 0, 5], [3, 1, 9])
    assert together == [spelled(respell, [row], [seed])[0] for row, seed in ((5, 3), (0, 1), (5, 9))]


@pytest.mark.parametrize(
    ("molecule", "more", "longest"),
    [
        ("C[C@H](N)O", [], 200),  # of [C@H] and [C@@H] the vocabulary has one
        ("CC(C)Cc1ccc(cc1)C(C)C(=O)O", [], 20),  # a spelling with more branches is longer
    ],
)
def test_what_the_model_cannot_read_is_left_canonical(molecule, more, longest):
    smiles = [canonical(molecule)]
    respell = respelling(smiles, longest, more)
    seen = {spelled(respell, [0], [seed])[0] for seed in range(1, 60)}
    assert smiles[0] in seen
    for one in seen - set(smiles):
        assert len(respell.tokenizer.encode(one)) <= longest


def feed(smiles, config):
    corpus = TokenizedCorpus(smiles, SmilesTokenizer.from_smiles(smiles))
    plan = Plan(np.arange(len(smiles)), corpus.lengths, config)
    return BatchInputs(corpus, plan, 4, SmilesRandomization(smiles, corpus.tokenizer, 200))


def test_the_decoder_writes_the_canonical_spelling_whatever_the_encoder_reads(canonical_smiles):
    given, plain = feed(canonical_smiles, settings(randomized=0.5)), feed(canonical_smiles, settings())
    rows = np.arange(len(canonical_smiles))
    for step in range(3):
        inputs, expected = given.at(step, rows, rows, None), plain.at(step, rows, rows, None)
        for name in ("tokens", "lengths", "noise", "decoder_tokens"):
            assert torch.equal(getattr(inputs, name), getattr(expected, name))
        assert expected.encoder_tokens is None
        decode = given.corpus.tokenizer.decode
        read = [decode(ids[1:].tolist()) for ids in inputs.encoder_tokens]
        assert [canonical(one) for one in read] == canonical_smiles
        assert 5 < sum(one != other for one, other in zip(read, canonical_smiles, strict=True)) < 25


def test_a_process_spells_its_share_as_one_process_would(canonical_smiles):
    given = feed(canonical_smiles, settings(randomized=0.7))
    rows = np.arange(len(canonical_smiles))
    whole = given.at(4, rows, rows, None)
    for start in range(3):
        mine = rows[start::3]
        part = given.at(4, rows, mine, None)
        T = part.encoder_tokens.shape[1]
        assert torch.equal(part.encoder_tokens, whole.encoder_tokens[mine][:, :T])
        assert torch.equal(part.encoder_lengths, whole.encoder_lengths[mine])


def test_the_encoder_reads_its_own_tokens_and_the_decoder_is_scored_on_the_others(canonical_smiles):
    corpus = TokenizedCorpus(canonical_smiles, SmilesTokenizer.from_smiles(canonical_smiles))
    model = SmilesVAE(SMALL, len(corpus.tokenizer)).eval()
    batch, noise = corpus.batch(range(8)), torch.zeros(8, SMALL.latent_dim)
    other = SmilesRandomization(canonical_smiles, corpus.tokenizer, 200)(np.arange(8), np.full(8, 3))
    output = model(*batch, noise, encoder_tokens=other.tokens, encoder_lengths=other.lengths)
    torch.testing.assert_close(output.posterior.mean, model.encoder(*other).mean)
    torch.testing.assert_close(output.nll, model.nll(*batch, output.posterior.mean))


def test_killed_and_resumed_ends_with_the_same_weights(canonical_smiles, tmp_path):
    config = settings(randomized=0.5, checkpoint_seconds=0.0)
    respell = respelling(canonical_smiles)
    whole = weights(make(canonical_smiles, config, randomize=respell).run())
    plain = make(canonical_smiles, settings(), randomize=respell).run()
    assert any(not torch.equal(whole[name], value) for name, value in plain.state_dict().items())
    for at in (2, 9):
        path = tmp_path / f"{at}.safetensors"

        def kill(progress, at=at):
            if progress.step == at:
                raise Killed

        with pytest.raises(Killed):
            make(canonical_smiles, config, randomize=respell, checkpoint=path, on_step=kill).run()
        assert_same(weights(make(canonical_smiles, config, seed=9, randomize=respell, checkpoint=path).run()), whole)
