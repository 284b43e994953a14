"""The benchmark measures what it says it measures."""

import json
import os

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner

from molvae import ModelConfig, SmilesTokenizer
from molvae.benchmarks.textbook import TextbookVAE
from molvae.benchmarks.throughput import TrainingSpeed, rates
from molvae.cli import app
from molvae.corpus.batching import TokenizedCorpus
from molvae.training import Trainer

TINY = ModelConfig(latent_dim=4, embedding_dim=4, encoder_hidden=8, decoder_hidden=16, decoder_layers=2)


@pytest.fixture
def corpus(canonical_smiles):
    return TokenizedCorpus(canonical_smiles, SmilesTokenizer.from_smiles(canonical_smiles))


@pytest.fixture
def table(tmp_path, canonical_smiles):
    path = tmp_path / "molecules.csv"
    path.write_text("smiles\n" + "".join(f"{one}\n" for one in canonical_smiles))
    return path


def molecules_of(corpus):
    rows = sorted(range(len(corpus)), key=lambda row: -corpus.lengths[row])
    return [corpus.batch([row]).tokens[0] for row in rows]


def test_the_textbook_model_learns(corpus):
    torch.manual_seed(0)
    model = TextbookVAE(TINY, len(corpus.tokenizer), corpus.tokenizer.pad_id)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = model.loss(molecules_of(corpus), 0.01)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    assert model.sample(torch.zeros(3, 4), corpus.tokenizer.bos_id, steps=7).shape == (3, 7)


def test_work_is_what_torch_counts_for_the_textbook_model(corpus):
    """Of two molecules of one length, so that packing leaves no padding out; the small linear maps are not counted."""
    same = [row for row in range(len(corpus)) if corpus.lengths[row] == corpus.lengths[0]][:2]
    tokens = corpus.batch(same).tokens
    speed = TrainingSpeed(corpus, TINY, 1, 1, 1, "cpu")
    speed.corpus.lengths = corpus.lengths[same]
    model = TextbookVAE(TINY, len(corpus.tokenizer), corpus.tokenizer.pad_id)
    with FlopCounterMode(display=False) as counter:
        model.loss(list(tokens), 0.1).backward()
    assert speed._work() * len(same) == pytest.approx(counter.get_total_flops(), rel=0.15)


def test_contenders_take_turns_and_the_first_round_does_not_count():
    order, values = [], iter([100.0, 1.0, 2.0, 3.0])

    def first():
        order.append("first")
        return next(values)

    def second():
        order.append("second")
        return 7.0

    assert rates({"first": first, "second": second}, 3) == {"first": 2.0, "second": 7.0}
    assert order == ["first", "second"] * 4


def test_the_command_prints_figures(table):
    arguments = ["benchmark", "throughput", str(table), "-b", "4", "--steps", "2", "--rounds", "1", "--device", "cpu"]
    result = CliRunner().invoke(app, [*arguments, "--part", "training", "--part", "cleaning", "--json"])
    assert result.exit_code == 0, result.output
    figures = {one["name"]: one["value"] for one in json.loads(result.stdout)}
    assert all(value > 0 for value in figures.values())
    ratio = figures["training, ELBO"] / figures["training, textbook"]
    assert figures["training, ELBO, against the textbook"] == pytest.approx(ratio)
    assert ">= 80" in result.stderr


def test_sampling_and_starting_need_a_model(table, tiny_run, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    arguments = ["benchmark", "throughput", str(table), "--part", "sampling", "--rounds", "1", "--device", "cpu"]
    without = CliRunner().invoke(app, arguments)
    assert without.exit_code == 0 and without.stdout == ""
    result = CliRunner().invoke(app, [*arguments, "--model", str(tiny_run), "-n", "5"])
    assert result.exit_code == 0, result.output
    assert "sampling, valid and distinct," in result.stdout


def test_every_step_has_as_many_molecules_as_are_counted(corpus, monkeypatch):
    """Though the file has fewer."""
    sizes = []

    class Counting(Trainer):
        def _step(self, rows, draws):
            sizes.append(len(rows))
            super()._step(rows, draws)

    monkeypatch.setattr("molvae.benchmarks.throughput.Trainer", Counting)
    speed = TrainingSpeed(corpus, TINY, 64, 4, 1, "cpu")
    assert speed._own_rate(coupled=False, block_size=1) > 0
    assert sizes == [64] * 8


def test_what_transport_costs_can_be_told_of_few_molecules(corpus):
    assert len(TrainingSpeed(corpus, TINY, 8, 7, 1, "cpu").transport()) == 3
