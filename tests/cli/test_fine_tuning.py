"""Fine-tuning and the bundled model as a shell sees them."""

import pytest

from molvae.storage.latest_run import is_finished
from tests.cli.test_commands import assert_told, molvae

FAST = [
    *("--epochs", "1", "--batch-size", "10", "--health-samples", "10", "--pool-size", "20", "--block-size", "10"),
    *("--precision", "fp32"),
    "--no-report",
]


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    monkeypatch.setattr("molvae.training.run.runner._READOUT", 10)


@pytest.fixture
def series(tmp_path, canonical_smiles):
    path = tmp_path / "series.smi"
    path.write_text("".join(f"{one}\n" for one in canonical_smiles))
    return path


@pytest.fixture
def bundle(tiny_run, monkeypatch):
    monkeypatch.setattr("molvae.pretrained._FOLDER", tiny_run)


def test_it_tells_what_it_starts_from_what_is_new_and_what_was_memorized(tiny_run, series, tmp_path):
    result = molvae("train", series, "-o", tmp_path / "run", "--init-from", tiny_run, *FAST)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    table = lines[lines.index(f"fine-tuning {tiny_run}") + 1 :]
    assert table[0].split() == ["new", "token", "molecules"]
    assert ["[C@H]", "1"] in [line.split() for line in table]
    names = [line[:10].rstrip() for line in lines]
    for row in ("this model", "its start", "held out"):
        assert names.count(row) == 1
    assert len(lines[names.index("held out")].split()) == 6
    assert is_finished(tmp_path / "run")


def test_few_molecules_start_from_the_bundled_model_unless_told_otherwise(bundle, series, tmp_path):
    tuned = molvae("train", series, "-o", tmp_path / "tuned", *FAST)
    assert "32 molecules: starting from the bundled model" in tuned.stderr
    assert "fine-tuning bundled" in tuned.stderr
    tiny = ["--latent-dim", "4", "--embedding-dim", "4", "--encoder-hidden", "8", "--decoder-hidden", "16"]
    for options in (["--from-scratch"], []):
        plain = molvae("train", series, "-o", tmp_path / f"plain{len(options)}", *options, *tiny, *FAST)
        assert plain.exit_code == 0, plain.output
        assert "fine-tuning" not in plain.stderr and "held out  " not in plain.stderr
        assert ("training from scratch, because the shape of a model was given" in plain.stderr) == (not options)


def test_what_contradicts_itself_is_told(tiny_run, series, tmp_path):
    run = ["train", series, "-o", tmp_path / "run"]
    assert_told(molvae(*run, "--init-from", tiny_run, "--from-scratch"), "give one of them")
    assert_told(molvae(*run, "--init-from", tiny_run, "--size", "small"), "contradicts the model", "--from-scratch")
    assert_told(molvae(*run, "--init-from", tmp_path / "none"), "none does not exist (this is the model to start from)")
    assert_told(molvae(*run, "--init-from", "bundled"), "has no bundled model")
    assert_told(
        molvae("train", "--resume", tmp_path, "--from-scratch"), "of the other options it takes --minutes alone"
    )
    assert not (tmp_path / "run").exists()


def test_where_there_is_no_run_the_bundled_model_is_taken(bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOLVAE_MODEL", raising=False)
    for more in ([], ["--model", "bundled"]):
        result = molvae("sample", "--n", "2", "--raw", "--seed", "0", *more)
        assert result.exit_code == 0, result.output
        assert "model: bundled (" in result.stderr
        assert ("it comes with molvae; there is no finished run" in result.stderr) == (not more)
    assert molvae("info", "bundled").exit_code == 0


def test_without_it_a_command_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOLVAE_MODEL", raising=False)
    assert_told(molvae("sample"), "no finished run", "molvae train smiles.csv")
