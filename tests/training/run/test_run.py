"""A run as a user has it: from a file to a folder, stopped and resumed, never overwritten unasked."""

import json
import math
import os
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from molvae import ConfigError, InputError, ModelError, MolVAE, resume, train
from molvae.chem import scaffold
from molvae.corpus.splitting import split_rows
from molvae.storage.latest_run import is_finished, latest_run
from molvae.training import Progress
from molvae.training.checkpoint import write_checkpoint
from molvae.training.run import LineReporter, Reporter

TINY: dict[str, dict[str, Any]] = {
    "model": {"latent_dim": 4, "embedding_dim": 4, "encoder_hidden": 8, "decoder_hidden": 16},
    "training": {
        "epochs": 2,
        "health_samples": 10,
        "pool_size": 20,
        "block_size": 10,
        "precision": "fp32",
        "coupling_start": 0.0,
        "checkpoint_seconds": 0.0,
    },
}


SLOW_SAVES = {**TINY, "training": {**TINY["training"], "checkpoint_seconds": 1e9}}


class Killed(BaseException):
    """Stands for a signal."""


class Watcher(Reporter):
    """Remembers what it is told; kills the run at a place such as "step 3", if one is given."""

    def __init__(self, kill_at=None):
        self.kill_at, self.tables, self.sentences, self.steps = kill_at, [], [], []
        self.tokens, self.measured, self.epochs = None, [], 0

    def table(self, sentence):
        self.tables.append(sentence)

    def plan(self, sentence):
        self.sentences.append(sentence)

    def new_tokens(self, start, molecules):
        self.tokens = start, molecules

    def cleaning(self, rows):
        self._at("cleaning")

    def step(self, progress):
        self.steps.append((progress.step, progress.steps))
        self._at(f"step {progress.step}")

    def epoch(self, epoch, epochs, warning):
        self.epochs += 1
        self._at(f"epoch {epoch.epoch}")

    def memorized(self, measured):
        self.measured.append(measured)
        self._at("memorized")

    def _at(self, place):
        if place == self.kill_at:
            raise Killed


def dying_after(times, unlink):
    """`Path.unlink` that dies at the end of a run, after it has removed so many of its files."""
    done = []

    def dying(path, missing_ok=False):
        if path.suffix == ".safetensors" and not path.name.startswith("."):
            if len(done) == times:
                raise Killed
            done.append(path)
        unlink(path, missing_ok=missing_ok)

    return dying


def killed(source, folder, at, **how):
    """A run that was killed at a place."""
    with pytest.raises(Killed):
        train(source, folder, reporter=Watcher(at), **{**TINY, **how})
    return folder


def content(folder, *without):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in without}


def settings_of(folder):
    return tomllib.loads((folder / "config.toml").read_text())


def assert_same_run(one, other):
    """The same files, but for clocks."""
    changing = ("history.csv", "config.json")
    assert content(one, *changing) == content(other, *changing)
    histories = [pd.read_csv(folder / "history.csv") for folder in (one, other)]
    pd.testing.assert_frame_equal(*(table.drop(columns=["seconds", "tokens_per_second"]) for table in histories))


@pytest.fixture
def messy_file(tmp_path, canonical_smiles):
    """40 good rows, and one of each kind that is not kept."""
    rows = [(f"mol {i}", smiles, str(i / 10)) for i, smiles in enumerate(canonical_smiles)]
    rows += [("twice", "OCC(O)CO", ""), ("salt", "[Na+].CC(=O)[O-]", "7"), ("broken", "c1ccc", "1"), ("empty", "", "2")]
    rows += [("metal", "[Fe]", "3")]
    path = tmp_path / "my series.csv"
    path.write_text("Name;Structure;pIC50\n" + "".join(";".join(row) + "\n" for row in rows))
    return path


def test_the_folder_holds_what_it_says(messy_file, tmp_path, canonical_smiles):
    folder, watcher = tmp_path / "run", Watcher()
    vae = train(messy_file, folder, reporter=watcher, **TINY)
    assert any("are few" in sentence for sentence in watcher.sentences)
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "tokenizer.json", "model.safetensors", "training_set.safetensors",
        "config.toml", "molecules.csv.gz", "rejected.csv", "splits.json", "history.csv",
    }  # fmt: skip
    molecules = pd.read_csv(folder / "molecules.csv.gz")
    assert molecules["smiles"].tolist() == [*canonical_smiles, "CC(=O)O"]
    assert molecules.columns.tolist() == ["smiles", "pIC50"]
    rejected = pd.read_csv(folder / "rejected.csv", keep_default_na=False)
    n = len(canonical_smiles)
    assert rejected["row"].tolist() == [n + 2, n + 4, n + 5, n + 6]
    assert rejected["reason"][0].startswith("duplicate of row ")
    splits = json.loads((folder / "splits.json").read_text())
    assert splits["sizes"]["train"] + splits["sizes"]["valid"] == len(molecules)
    training = molecules["smiles"].drop(splits["rows"]["valid"])
    assert vae.training_set.intersection(molecules["smiles"].tolist()) == set(training)
    history = pd.read_csv(folder / "history.csv")
    assert history["epoch"].tolist() == [1, 2]
    of_valid = ["prior_unique", "prior_novel"]
    assert np.isfinite(history.drop(columns=["best", *of_valid]).to_numpy(dtype=float)).all()
    assert ((history["prior_valid"] > 0) == np.isfinite(history[of_valid]).T).all(axis=None)
    settings = settings_of(folder)
    assert settings["model"]["latent_dim"] == 4
    assert settings["training"]["batch_size"] == 32
    assert settings["cleaning"]["stereo"] is True
    assert MolVAE.from_pretrained(folder).elbo(["CCO"]).equals(vae.elbo(["CCO"]))
    assert is_finished(folder)


def test_what_is_given_goes_before_the_config_file(messy_file, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text("[training]\nepochs = 7\nbeta = 0.3\n[model]\nlatent_dim = 3\n")
    train(messy_file, tmp_path / "run", config=config, **{**TINY, "training": {**TINY["training"], "epochs": 1}})
    settings = settings_of(tmp_path / "run")
    assert (settings["training"]["epochs"], settings["training"]["beta"]) == (1, 0.3)
    assert settings["model"]["latent_dim"] == 4


def test_a_wrong_setting_is_named_before_anything_is_written(messy_file, tmp_path):
    config = tmp_path / "c.toml"
    for text, named in (("[training]\nepoch = 3", "epoch"), ("[train]\nepochs = 3", "train"), ("[training", "TOML")):
        config.write_text(text)
        with pytest.raises(ConfigError, match=named):
            train(messy_file, tmp_path / "run", config=config)
    for given, named in (({"size": "huge"}, "huge"), ({"model": {"latent_dim": 10**8}}, "latent_dim")):
        with pytest.raises(ConfigError, match=named):
            train(messy_file, tmp_path / "run", **given)
    with pytest.raises(InputError, match="table"):
        train(pd.DataFrame({"smiles": ["CCO"]}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_existing_run_is_overwritten_only_when_asked(messy_file, tmp_path):
    train(messy_file, tmp_path / "run", **TINY)
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    with pytest.raises(InputError, match="exists"):
        train(messy_file, tmp_path / "run", **TINY)
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == before
    train(messy_file, tmp_path / "run", overwrite=True, **{**TINY, "training": {**TINY["training"], "seed": 1}})
    assert (tmp_path / "run" / "model.safetensors").read_bytes() != before


def test_a_folder_with_files_of_the_user_is_never_overwritten(messy_file, tmp_path):
    for name in ("thesis.tex", "rejected.csv", "request.json", ".config.toml.swp", "config.toml"):
        folder = tmp_path / f"mine{name}"
        folder.mkdir()
        (folder / name).write_text("[training]\nepochs = 3\n")
        for overwrite in (False, True):
            with pytest.raises(InputError, match="mine"):
                train(messy_file, folder, overwrite=overwrite, **TINY)
        assert list(content(folder)) == [name]


def test_one_process_writes_to_a_run_at_a_time(messy_file, tmp_path):
    class Other(Reporter):
        def epoch(self, epoch, epochs, warning):
            for begins in (lambda: train(messy_file, tmp_path / "run", overwrite=True, **TINY), go_on):
                with pytest.raises(InputError, match=f"run is in use by process {os.getpid()} on "):
                    begins()

    def go_on():
        resume(tmp_path / "run")

    train(messy_file, tmp_path / "run", reporter=Other(), **TINY)
    assert is_finished(tmp_path / "run")
    assert [path.name for path in tmp_path.glob(".*")] == []


@pytest.mark.parametrize("source", ["missing.csv", ["C1CC"]])
def test_a_source_without_molecules_replaces_no_run(messy_file, tmp_path, source):
    train(messy_file, tmp_path / "run", **TINY)
    before = content(tmp_path / "run")
    with pytest.raises(InputError):
        train(tmp_path / source if isinstance(source, str) else source, tmp_path / "run", overwrite=True, **TINY)
    assert content(tmp_path / "run") == before
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["run"]


@pytest.mark.parametrize(("n", "training"), [(1, {}), (30, {"valid": 0.9, "test": 0.9})])
def test_a_split_must_leave_training_molecules(canonical_smiles, tmp_path, n, training):
    with pytest.raises(InputError, match="is left for training"):
        train(canonical_smiles[:n], tmp_path / "run", **{**TINY, "training": training})


@pytest.mark.parametrize("at", ["cleaning", "step 1", "step 3", "epoch 1", "done"])
def test_killed_and_resumed_is_the_uninterrupted_run(messy_file, tmp_path, monkeypatch, at):
    train(messy_file, tmp_path / "whole", **TINY)
    with monkeypatch.context() as patch:
        if at == "done":
            patch.setattr(Path, "unlink", dying_after(0, Path.unlink))
        folder = killed(messy_file, tmp_path / "killed", at)
    assert not is_finished(folder)
    away = messy_file.rename(messy_file.with_name("away.csv"))  # from then on the run has all it needs
    if at == "cleaning":
        (folder / ".molecules.csv.gz.x1_abcde.gz").write_bytes(b"half a file")
        with pytest.raises(InputError, match=r"my series\.csv does not exist"):
            resume(folder)
        away.rename(messy_file)
    resume(folder)
    assert_same_run(folder, tmp_path / "whole")


def test_a_list_killed_during_cleaning_cannot_be_resumed(canonical_smiles, tmp_path):
    folder = killed(canonical_smiles, tmp_path / "run", "cleaning")
    with pytest.raises(ModelError, match="a list or standard input"):
        resume(folder)
    train(canonical_smiles, folder, **TINY)
    assert is_finished(folder)


@pytest.mark.parametrize("resumed", [False, True])
def test_a_run_killed_while_it_replaces_another_loses_neither(messy_file, tmp_path, resumed):
    """What SIGKILL leaves: the finished run set aside, and in its place one killed during cleaning."""
    folder = tmp_path / "run"
    train(messy_file, folder, **TINY)
    folder.rename(folder.with_name(".run.replaced"))
    killed(messy_file, folder.with_name("new"), "cleaning").rename(folder)
    if resumed:
        resume(folder)
    else:
        with pytest.raises(InputError, match="exists"):
            train(messy_file, folder, **TINY)
    assert is_finished(folder) and not (tmp_path / ".run.replaced").exists()


def test_a_file_is_cleaned_once(messy_file, tmp_path, monkeypatch):
    monkeypatch.setattr("molvae.corpus.cache._MIN_ROWS", 1)
    watcher = Watcher()
    for name in ("one", "two"):
        train(messy_file, tmp_path / name, reporter=watcher, **TINY)
    assert [("cleaned before" in sentence) for sentence in watcher.tables] == [False, False, True]
    for name in ("rejected.csv", "molecules.csv.gz", "model.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_what_cannot_be_resumed_is_told(messy_file, tmp_path):
    with pytest.raises(ModelError, match="does not exist"):
        resume(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="holds no run"):
        resume(tmp_path / "empty")
    train(messy_file, tmp_path / "run", **TINY)
    with pytest.raises(ModelError, match="is finished"):
        resume(tmp_path / "run")
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"x")
    (tmp_path / "run" / "molecules.csv.gz").write_bytes(b"x")
    with pytest.raises(ModelError, match="is damaged"):
        resume(tmp_path / "run")
    config = killed(messy_file, tmp_path / "killed", "step 3") / "config.toml"
    other = config.read_text().replace("latent_dim = 4", "latent_dim = 5")
    for text, message in ((other, "another shape"), ("[model]\nlatent_dim = 4\n", "lacks")):
        config.write_text(text)
        with pytest.raises(ModelError, match=message):
            resume(tmp_path / "killed")


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n"])
def test_a_lost_history_does_not_stop_a_run(messy_file, tmp_path, text):
    folder = killed(messy_file, tmp_path / "run", "step 3")
    (folder / "history.csv").write_text(text)
    resume(folder)
    assert is_finished(folder)
    assert pd.read_csv(folder / "history.csv")["epoch"].tolist() == [2]


def test_scaffold_split_shares_no_scaffold(sample_file):
    smiles = [line.split(",")[0] for line in sample_file.read_text().splitlines()[1:1001]]
    parts = split_rows(smiles, "scaffold", valid=0.1, test=0.1, seed=0)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(1000))
    sets = [{scaffold(smiles[row]) for row in part} for part in parts.values()]
    assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])
    assert all(100 <= len(parts[name]) < 200 for name in ("valid", "test"))


@pytest.mark.parametrize(("n", "valid", "test"), [(2, 0.1, 0.0), (10, 0.3, 0.2), (1000, 0.01, 0.0)])
def test_random_split_is_a_partition_of_the_sizes_asked_for(n, valid, test):
    smiles = ["C"] * n
    parts = split_rows(smiles, "random", valid=valid, test=test, seed=0)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(n))
    assert len(parts["valid"]) == max(1, round(n * valid))
    assert len(parts["test"]) == round(n * test)
    again = split_rows(smiles, "random", valid=valid, test=test, seed=0)
    assert all(np.array_equal(parts[name], again[name]) for name in parts)


def test_tensorboard_gets_the_figures_and_if_it_is_missing_nothing_is_written(canonical_smiles, tmp_path, monkeypatch):
    train(canonical_smiles, tmp_path / "run", tensorboard=True, **TINY)
    assert any((tmp_path / "run" / "tensorboard").glob("events*"))
    monkeypatch.setattr("molvae.training.run.runner.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="TensorBoard is not installed"):
        train(canonical_smiles, tmp_path / "other", tensorboard=True, **TINY)
    assert not (tmp_path / "other").exists()


def test_a_verbose_training_prints_its_lines_and_another_is_silent(canonical_smiles, tmp_path, capsys):
    shape = {"latent_dim": 2, "embedding_dim": 2, "encoder_hidden": 4, "decoder_hidden": 4}
    for verbose in (False, True):
        how = {"epochs": 2, "health_samples": 10, "pool_size": 20, "block_size": 10, "precision": "fp32"}
        train(canonical_smiles, tmp_path / str(verbose), model=shape, training=how, verbose=verbose)
        printed = capsys.readouterr()
        assert printed.err == ""
        assert [line.split()[0] for line in printed.out.splitlines()].count("1") == verbose
        assert ("32 kept" in printed.out) == verbose == ("the weights of epoch" in printed.out)


LONG = "NCC(=O)" * 25 + "O"


@pytest.mark.parametrize(("fails_at", "problem"), [(1, Killed), (2, InputError("No space left"))])
def test_a_run_that_ended_before_its_second_state_was_saved_can_go_on(
    messy_file, tmp_path, monkeypatch, fails_at, problem
):
    """However seldom states are saved: what holds a model and no state is taken for a finished run."""
    train(messy_file, tmp_path / "whole", **SLOW_SAVES)
    calls = []

    def failing(*given):
        calls.append(given)
        if len(calls) == fails_at:
            raise problem
        write_checkpoint(*given)

    monkeypatch.setattr("molvae.training.trainer.write_checkpoint", failing)
    with pytest.raises((Killed, InputError)):
        train(messy_file, tmp_path / "run", **SLOW_SAVES)
    assert (tmp_path / "run" / "model.safetensors").exists() == (fails_at == 2)
    assert not is_finished(tmp_path / "run")
    monkeypatch.undo()
    resume(tmp_path / "run")
    assert_same_run(tmp_path / "run", tmp_path / "whole")


def test_a_model_knows_how_long_its_training_molecules_could_be(canonical_smiles, tmp_path):
    with pytest.raises(InputError):
        train([LONG] * 2, tmp_path / "short", **TINY)
    vae = train([*canonical_smiles, LONG], tmp_path / "run", cleaning={"max_length": 200}, **TINY)
    again = MolVAE.from_pretrained(tmp_path / "run")
    assert vae.max_length == again.max_length == 200
    again.save_pretrained(tmp_path / "copy")
    assert MolVAE.from_pretrained(tmp_path / "copy").max_length == 200
    card = json.loads((tmp_path / "copy" / "config.json").read_text())
    del card["card"]["max_length"]  # as earlier versions wrote it
    (tmp_path / "copy" / "config.json").write_text(json.dumps(card))
    assert MolVAE.from_pretrained(tmp_path / "copy").max_length == 120


def test_what_a_model_folder_says_is_json_whatever_was_measured(canonical_smiles, tmp_path):
    vae = train(canonical_smiles, tmp_path / "run", **TINY)
    vae.card["figures"] |= {"kl": math.nan, "elbo": -math.inf, "test": {"kl": math.nan, "valid": 0.5}}
    vae.card["memorization"] = {"held_out": {"mean": math.nan}}
    vae.save_pretrained(tmp_path / "copy")
    text = (tmp_path / "copy" / "config.json").read_text()
    told = json.loads(text, parse_constant=pytest.fail)["card"]
    assert told["figures"]["kl"] is told["figures"]["test"]["kl"] is told["memorization"]["held_out"]["mean"] is None
    card = MolVAE.from_pretrained(tmp_path / "copy").card
    assert math.isnan(card["figures"]["kl"]) and math.isnan(card["memorization"]["held_out"]["mean"])
    assert math.isnan(card["figures"]["test"]["kl"]) and card["figures"]["test"]["valid"] == 0.5
    json.loads((tmp_path / "run" / "config.json").read_text(), parse_constant=pytest.fail)


def finished(folder, time):
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"")
    os.utime(folder / "model.safetensors", (time, time))
    return folder


def test_the_newest_run_is_none_that_is_hidden_or_may_not_be_seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert latest_run() is None
    mine = [finished(Path("molvae-runs") / name, time) for name, time in [("a", 1), ("b", 3), ("c", 2)]]
    assert latest_run() == mine[1]
    finished(Path("molvae-runs/.b.replaced"), 9)
    (finished(Path("molvae-runs/unfinished"), 9) / "checkpoint.safetensors").write_bytes(b"")
    Path("molvae-runs/file").write_text("")
    assert latest_run() == mine[1]
    stat = Path.stat
    for error in (PermissionError(13, "denied"), FileNotFoundError(2, "gone")):

        def asked(path, error=error, **given):
            if path.parent.name == "b":
                raise error
            return stat(path, **given)

        monkeypatch.setattr(Path, "stat", asked)
        assert latest_run() == mine[2]


def test_a_long_epoch_reports_every_two_minutes(monkeypatch):
    lines, now = [], [0.0]
    monkeypatch.setattr("molvae.training.run.console_reporter.time.monotonic", lambda: now[0])
    reporter = LineReporter(lambda text, style="": lines.append((now[0], text)))
    for step in range(1, 101):
        reporter.step(Progress(step, 1_000, 15_600.0))
        now[0] += 2.5 if step <= 50 else 10.0
    assert [when for when, _ in lines] == [120.0, 245.0, 365.0, 485.0, 605.0]
    assert lines[0][1] == "step 49 of 1,000, 15.6 ktok/s, 39:38 left at this pace"  # 951 steps of 2.5 seconds
    assert lines[-1][1].startswith("step 99 of 1,000, 15.6 ktok/s, 2h30m left")  # 901 of 10


@pytest.mark.parametrize(("best", "hinted"), [(2, True), (1, False)])
def test_a_run_whose_last_epoch_is_the_best_is_told_to_train_longer(canonical_smiles, tmp_path, best, hinted):
    lines = []

    class Telling(LineReporter):
        def done(self, folder, _):
            super().done(folder, best)

    train(
        canonical_smiles,
        tmp_path / "run",
        **TINY,
        from_scratch=True,
        reporter=Telling(lambda text, style="": lines.append(text)),
    )
    epochs = len(pd.read_csv(tmp_path / "run" / "history.csv"))
    assert epochs == 2 and any("longer training (--epochs, --minutes)" in one for one in lines) == hinted


def test_minutes_become_steps_that_are_saved(canonical_smiles, tmp_path):
    folder, watcher = tmp_path / "run", Watcher()
    train(canonical_smiles, folder, **TINY, minutes=0.03, from_scratch=True, reporter=watcher)
    how, steps = settings_of(folder)["training"], watcher.steps
    assert how["minutes"] == 0.03 and how["steps"] == steps[-1][0] == steps[-1][1] == len(steps)
    assert pd.read_csv(folder / "history.csv")["epoch"].is_monotonic_increasing


def test_only_a_stable_run_can_be_given_another_end(canonical_smiles, tmp_path):
    stable = {**TINY["training"], "schedule": "stable", "steps": 100_000}
    folder = killed(canonical_smiles, tmp_path / "run", "step 9", training=stable, from_scratch=True)
    resumed = Watcher()
    vae = resume(folder, minutes=0.03, reporter=resumed)
    after = settings_of(folder)["training"]
    assert resumed.steps[0][0] == 9 and after["steps"] == resumed.steps[-1][0] < 100_000
    assert after["decay"] == pytest.approx((after["steps"] - 8) / after["steps"])
    assert is_finished(folder) and vae.card["training"]["steps"] == after["steps"]
    folder = killed(canonical_smiles, tmp_path / "cosine", "step 2", from_scratch=True)
    with pytest.raises(ConfigError, match="--schedule stable"):
        resume(folder, minutes=1)
    assert resume(folder).card["molecules"] > 0
