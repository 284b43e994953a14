"""Laws of randomized spellings: the same molecules, a function of the seed, seen by the encoder alone."""

from functools import partial

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
from tests.training.test_trainer import SMALL, assert_resumes, make, settings, weights


def randomization(smiles, longest=200, more=()):
    return SmilesRandomization(smiles, SmilesTokenizer.from_smiles([*smiles, *more]), longest)


def written(randomize, rows, seeds):
    batch = randomize(np.array(rows), np.array(seeds))
    return [randomize.tokenizer.decode(ids[1:].tolist()) for ids in batch.tokens]


def test_a_spelling_is_of_the_same_molecule(canonical_smiles):
    for seed in range(1, 6):
        others = [random_spelling(one, seed) for one in canonical_smiles]
        assert [canonical(one) for one in others] == canonical_smiles
        assert others == [random_spelling(one, seed) for one in canonical_smiles]
        assert sum(other != one for other, one in zip(others, canonical_smiles, strict=True)) > 20
    assert random_spelling("C1CC", 1) is None and random_spelling("", 1) is None


def test_seed_0_is_the_spelling_of_the_corpus(canonical_smiles):
    n = len(canonical_smiles)
    randomize = randomization(canonical_smiles)
    assert written(randomize, range(n), [0] * n) == canonical_smiles
    others = written(randomize, range(n), [7] * n)
    assert others != canonical_smiles
    assert [canonical(one) for one in others] == canonical_smiles


def test_rows_and_seeds_are_taken_one_by_one(canonical_smiles):
    randomize = randomization(canonical_smiles)
    together = written(randomize, [5, 0, 5], [3, 1, 9])
    assert together == [written(randomize, [row], [seed])[0] for row, seed in ((5, 3), (0, 1), (5, 9))]


@pytest.mark.parametrize(
    ("molecule", "more", "longest"),
    [
        ("C[C@H](N)O", [], 200),  # of [C@H] and [C@@H] the vocabulary has one
        ("CC(C)Cc1ccc(cc1)C(C)C(=O)O", [], 20),  # a spelling with more branches is longer
    ],
)
def test_what_the_model_cannot_read_is_left_canonical(molecule, more, longest):
    smiles = [canonical(molecule)]
    randomize = randomization(smiles, longest, more)
    seen = {written(randomize, [0], [seed])[0] for seed in range(1, 60)}
    assert smiles[0] in seen
    for one in seen - set(smiles):
        assert len(randomize.tokenizer.encode(one)) <= longest


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
    randomize = randomization(canonical_smiles)
    given, plain = (
        partial(make, canonical_smiles, settings(randomized=share, checkpoint_seconds=0.0), randomize=randomize)
        for share in (0.5, 0.0)
    )
    assert_resumes(given, tmp_path / "state.safetensors", 9)
    one, other = weights(given().run()), weights(plain().run())
    assert any(not torch.equal(one[name], other[name]) for name in one)
