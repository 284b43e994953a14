"""Laws of training: it learns, can be stopped anywhere, the same seed and any spellings give the same weights."""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import torch

from molvae import ConfigError, ModelConfig, ModelError, SmilesTokenizer, TrainConfig
from molvae.chem import canonical, random_spelling
from molvae.chem.molecule_set import MoleculeSet
from molvae.corpus.batching import TokenizedCorpus
from molvae.model import SmilesVAE
from molvae.runtime.device import kept_memory
from molvae.training import HealthCheck, SmilesRandomization, Trainer
from molvae.training.batch_inputs import BatchInputs
from molvae.training.plan import Plan
from tests.parrot import parrot

SMALL = ModelConfig(latent_dim=16, embedding_dim=8, encoder_hidden=24, decoder_hidden=64)


def make(smiles, config, *, seed=0, model_config=SMALL, held=slice(None), **kwargs):
    corpus = TokenizedCorpus(smiles, SmilesTokenizer.from_smiles(smiles))
    rows = np.arange(len(smiles))
    torch.manual_seed(seed)
    model = SmilesVAE(model_config, len(corpus.tokenizer))
    known = MoleculeSet.from_smiles(smiles)
    check = HealthCheck(corpus, rows[held], smiles[held], known.intersection, config)
    return Trainer(model, corpus, rows, config, check=check, **kwargs)


def settings(**changes):
    base = {"epochs": 3, "batch_size": 8, "pool_size": 10, "block_size": 5, "health_samples": 10, "precision": "fp32"}
    return TrainConfig(**{**base, "device": "cpu", "coupling_start": 0.0, **changes})


def epochs_of(smiles, config, **how):
    """What the epochs of a training tell that are measured."""
    epochs = []
    make(smiles, config, on_epoch=lambda epoch, _: epochs.append(epoch), **how).run()
    return epochs


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_overfits_a_small_set(canonical_smiles):
    config = settings(epochs=60, learning_rate=2e-2, beta=0.02, average_decay=0.9, pool_size=100, coupling_weight=0.2)
    epochs = epochs_of(canonical_smiles, config)
    last = epochs[-1].health
    assert last.exact >= 0.9
    assert last.reconstruction < 0.1 * epochs[0].health.reconstruction
    assert last.active_units >= 4 and last.warning(config, 16) is None


def test_coupled_term_learns_the_molecules_of_the_prior(canonical_smiles):
    health = {}
    for weight in (0.0, 1.0):
        how = {"average_decay": 0.9, "pool_size": 100, "check_epochs": 60}
        config = settings(epochs=60, learning_rate=2e-2, coupling_weight=weight, **how)
        health[weight] = epochs_of(canonical_smiles, config)[-1]
    assert health[1.0].health.prior < 0.8 * health[0.0].health.prior
    assert np.isnan(health[0.0].train_prior) and health[1.0].train_prior > 0


def test_collapse_is_called_by_its_name(canonical_smiles):
    config = settings(epochs=30, beta=50.0, beta_schedule="constant", check_epochs=30)
    assert "POSTERIOR COLLAPSE" in str(epochs_of(canonical_smiles, config)[-1].health.warning(config, 16))


def test_same_seed_same_weights_and_another_seed_others(canonical_smiles):
    runs = [make(canonical_smiles, settings(seed=s), seed=0).run() for s in (0, 0, 1)]
    assert_same(weights(runs[0]), weights(runs[1]))
    assert any(not torch.equal(a, b) for a, b in zip(runs[0].parameters(), runs[2].parameters(), strict=True))


class Killed(BaseException):
    """Stands for a signal."""


def assert_resumes(make_trainer, path, at):
    """A training killed after step `at`, with a checkpoint after every step, ends as one that was not killed."""
    histories = [], []
    whole = make_trainer(on_epoch=lambda epoch, _: histories[0].append(epoch.flat())).run()

    def kill(progress):
        if progress.step == at:
            raise Killed

    with pytest.raises(Killed):
        make_trainer(on_step=kill, checkpoint=path).run()
    resumed = make_trainer(seed=99, checkpoint=path, on_epoch=lambda epoch, _: histories[1].append(epoch.flat()))
    assert_same(weights(resumed.run()), weights(whole))
    clocks = {"seconds", "tokens_per_second"}
    last, expected = ({k: v for k, v in history[-1].items() if k not in clocks} for history in histories)
    assert last == expected


@pytest.mark.parametrize(("at", "dropout"), [(2, 0.2), (9, 0.0), (13, 0.2), (17, 0.0)])
def test_killed_and_resumed_ends_with_the_same_weights(canonical_smiles, tmp_path, at, dropout):
    config = settings(token_dropout=0.1, checkpoint_seconds=0.0)
    make_trainer = partial(make, canonical_smiles, config, model_config=SMALL.replace(dropout=dropout))
    assert_resumes(make_trainer, tmp_path / "state.safetensors", at)


@pytest.mark.parametrize(("at", "number"), [(1, signal.SIGINT), (7, signal.SIGTERM), (12, signal.SIGINT)])
def test_interrupted_it_ends_the_step_and_saves_it(canonical_smiles, tmp_path, at, number):
    """Nothing of what was done is done again, and the end is that of the uninterrupted training."""
    whole = make(canonical_smiles, settings()).run()
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]

    def interrupt(progress):
        if progress.step == at:
            signal.raise_signal(number)

    path, told = tmp_path / "state.safetensors", []
    how = {"on_step": interrupt, "on_interrupt": lambda: told.append(1)}
    with pytest.raises(KeyboardInterrupt):
        make(canonical_smiles, settings(), checkpoint=path, **how).run()
    assert told == [1]
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
    steps = []
    resumed = make(canonical_smiles, settings(), checkpoint=path, on_step=lambda p: steps.append(p.step))
    assert resumed.steps_done == at
    assert_same(weights(resumed.run()), weights(whole))
    assert steps == list(range(at + 1, resumed.plan.steps + 1))


@pytest.mark.parametrize("steps", [1, 7, 12])
def test_so_many_steps_and_the_last_is_measured(canonical_smiles, steps):
    seen, epochs = [], []
    how = {"on_step": lambda p: seen.append(p.step), "on_epoch": lambda e, _: epochs.append(e.epoch)}
    trainer = make(canonical_smiles, settings(steps=steps, check_epochs=2), **how)
    per = trainer.plan.steps_per_epoch
    trainer.run()
    last = -(-steps // per)
    assert seen == list(range(1, steps + 1))
    assert epochs == [epoch for epoch in range(1, last + 1) if epoch == last or epoch % 2 == 0]
    assert trainer.epochs_done == trainer.plan.epochs == last


def test_a_rehearsal_measures_and_tells_nobody(canonical_smiles):
    told = []
    how = {"on_step": told.append, "on_epoch": lambda *_: told.append(1)}
    pace = make(canonical_smiles, settings(), **how).rehearse(10.0)
    assert pace.step > 0.0 and pace.check > 0.0 and not told


def test_batches_are_made_where_the_corpus_is(corpus):
    """On a device as on the CPU: nothing of a step is made elsewhere and moved."""
    batch, here = corpus.to(torch.device("meta")).batch(np.arange(5)), corpus.batch(np.arange(5))
    assert batch.tokens.device.type == batch.lengths.device.type == "meta"
    assert (batch.tokens.shape, batch.tokens.dtype) == (here.tokens.shape, here.tokens.dtype)


def test_a_second_signal_ends_at_once(canonical_smiles, tmp_path, monkeypatch):
    def interrupt(progress):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)  # the same key press, passed on by a parent
        monkeypatch.setattr("molvae.runtime.interruption._SAME", 0.0)
        signal.raise_signal(signal.SIGINT)

    path = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        make(canonical_smiles, settings(), checkpoint=path, on_step=interrupt).run()
    assert not path.exists()


def test_it_trains_in_another_thread_too(canonical_smiles):
    with ThreadPoolExecutor(1) as threads:
        there = threads.submit(make(canonical_smiles, settings()).run).result()
    assert_same(weights(there), weights(make(canonical_smiles, settings()).run()))


def test_patience_stops_and_gives_the_best_weights(canonical_smiles):
    epochs, snapshots = [], []

    def on_epoch(epoch, model):
        epochs.append(epoch)
        snapshots.append(weights(model))

    config = settings(epochs=40, learning_rate=0.5, clip_norm=100.0, patience=3)  # diverges
    best = make(canonical_smiles, config, on_epoch=on_epoch).run()
    index = int(np.argmin([epoch.objective for epoch in epochs]))
    assert len(epochs) == index + 1 + 3 < 40
    assert [epoch.best for epoch in epochs].count(True) >= 1 and epochs[index].best
    assert_same(weights(best), snapshots[index])


def test_patience_is_judged_where_the_model_is_measured(canonical_smiles):
    config = settings(epochs=12, learning_rate=0.5, clip_norm=100.0, patience=2, check_epochs=5)
    epochs = epochs_of(canonical_smiles, config)
    assert [epoch.epoch for epoch in epochs] in ([5, 10], [5, 10, 12])
    assert any(epoch.best for epoch in epochs)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_divergence_is_told(canonical_smiles, weight):
    trainer = make(canonical_smiles, settings(learning_rate=1e30, clip_norm=1e30, coupling_weight=weight))
    with pytest.raises(ConfigError, match=r"diverged before step \d+: lower learning_rate"):
        trainer.run()


def test_a_training_leaves_the_global_generator_alone_and_health_is_the_same_each_time(canonical_smiles):
    trainer, before = make(canonical_smiles, settings()), torch.get_rng_state()
    model = trainer.run()
    mode = model.training
    assert trainer._check(model) == trainer._check(model)
    assert torch.equal(before, torch.get_rng_state()) and model.training == mode


def test_health_of_one_molecule(canonical_smiles):
    (epoch,) = epochs_of(canonical_smiles, settings(epochs=1), held=slice(1))
    assert np.isfinite(list(epoch.health._replace(prior_unique=0.0, prior_novel=0.0))).all()
    tokenizer = SmilesTokenizer.from_smiles(canonical_smiles)
    speaking = parrot(SmilesVAE(SMALL, len(tokenizer)), tokenizer, "CCO", ends=True)
    assert np.isfinite(list(health_of(canonical_smiles[:1], speaking, tokenizer))).all()


def health_of(smiles, model, tokenizer, **settings_of_check):
    corpus = TokenizedCorpus(smiles, tokenizer)
    known = MoleculeSet.from_smiles(smiles).intersection
    return HealthCheck(corpus, np.arange(len(smiles)), smiles, known, settings(), **settings_of_check)(model)


@pytest.mark.parametrize("length", [119, 120, 121])
def test_what_has_no_end_is_no_molecule(canonical_smiles, length):
    tokenizer = SmilesTokenizer.from_smiles(canonical_smiles)
    model = parrot(SmilesVAE(SMALL, len(tokenizer)), tokenizer, "C" * length, ends=True)
    written = health_of(canonical_smiles, model, tokenizer)
    assert written.prior_valid == written.midpoint_valid == (length <= 120)
    longer = health_of(canonical_smiles, model, tokenizer, max_length=200)
    assert longer.prior_valid == 1.0 and longer.prior_unique == 0.1 and longer.prior_novel == 1.0
    endless = health_of(canonical_smiles, parrot(model, tokenizer, "C" * length, ends=False), tokenizer)
    assert endless.prior_valid == endless.midpoint_valid == 0.0
    assert np.isnan([endless.prior_unique, endless.prior_novel]).all()  # of nothing


def test_health_looks_at_so_many_molecules_as_it_is_told(canonical_smiles):
    tokenizer = SmilesTokenizer.from_smiles(canonical_smiles)
    torch.manual_seed(0)
    model = SmilesVAE(SMALL, len(tokenizer))
    first, all_of_them = (health_of(smiles, model, tokenizer) for smiles in (canonical_smiles[:10], canonical_smiles))
    assert list(map(str, first)) == list(map(str, all_of_them))


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
def test_after_a_training_small_tensors_are_no_fresh_mappings():
    import resource

    def faults():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(50):
            torch.empty(1_000_000).fill_(1.0)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    with kept_memory():
        faults()
    faults()
    assert faults() < 50 * 100  # of a thousand pages each


def test_a_damaged_checkpoint_is_refused(canonical_smiles, tmp_path):
    path = tmp_path / "state.safetensors"
    for content in (b"", b"not a checkpoint", b"\x10\x00\x00\x00\x00\x00\x00\x00{}"):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"state\.safetensors is"):
            make(canonical_smiles, settings(), checkpoint=path)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_trains_on_cuda(canonical_smiles):
    epochs = epochs_of(canonical_smiles, settings(epochs=20, device="cuda"))
    assert epochs[-1].health.reconstruction < 0.9 * epochs[0].health.reconstruction


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


def test_killed_and_resumed_with_spellings_drawn_anew_it_ends_with_the_same_weights(canonical_smiles, tmp_path):
    randomize = randomization(canonical_smiles)
    given, plain = (
        partial(make, canonical_smiles, settings(randomized=share, checkpoint_seconds=0.0), randomize=randomize)
        for share in (0.5, 0.0)
    )
    assert_resumes(given, tmp_path / "state.safetensors", 9)
    one, other = weights(given().run()), weights(plain().run())
    assert any(not torch.equal(one[name], other[name]) for name in one)
