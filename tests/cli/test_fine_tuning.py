"""Fine-tuning and the bundled model as a shell sees them."""

import pytest

from molvae.storage.latest_run import is_finished
from tests.cli.shell import assert_error, molvae

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


def test_the_output_of_fine_tuning(tiny_run, series, tmp_path):
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


def test_few_molecules_start_from_the_bundled_model_by_default(bundled_run, series, tmp_path):
    tuned = molvae("train", series, "-o", tmp_path / "tuned", *FAST)
    assert "--from-scratch" in tuned.stderr
    assert "fine-tuning medchem" in tuned.stderr
    tiny = ["--latent-dim", "4", "--embedding-dim", "4", "--encoder-hidden", "8", "--decoder-hidden", "16"]
    for options in (["--from-scratch"], []):
        plain = molvae("train", series, "-o", tmp_path / f"plain{len(options)}", *options, *tiny, *FAST)
        assert plain.exit_code == 0, plain.output
        assert "fine-tuning" not in plain.stderr and "held out  " not in plain.stderr
        assert ("because the shape of a model" in plain.stderr) == (not options)


def test_contradictory_options_are_errors(tiny_run, series, tmp_path):
    run = ["train", series, "-o", tmp_path / "run"]
    assert_error(molvae(*run, "--init-from", tiny_run, "--from-scratch"), "give one of them")
    assert_error(molvae(*run, "--init-from", tiny_run, "--size", "small"), "contradicts the model", "--from-scratch")
    assert_error(molvae(*run, "--init-from", tmp_path / "none"), "none does not exist")
    assert_error(molvae(*run, "--init-from", "bundled"), "has no medchem model")
    assert_error(molvae("train", "--resume", tmp_path, "--from-scratch"), "--minutes")
    assert not (tmp_path / "run").exists()


def test_where_there_is_no_run_the_bundled_model_is_taken(bundled_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOLVAE_MODEL", raising=False)
    for more in ([], ["--model", "bundled"]):
        result = molvae("sample", "--n", "2", "--raw", "--seed", "0", *more)
        assert result.exit_code == 0, result.output
        assert f"model: {'bundled' if more else 'medchem'} (" in result.stderr
        assert ("there is no finished run" in result.stderr) == (not more)
    assert molvae("info", "bundled").exit_code == 0
