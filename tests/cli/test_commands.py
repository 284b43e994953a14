"""The commands as a shell sees them: stdout, stderr, exit codes, files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from rdkit import Chem
from typer.testing import CliRunner

from molvae.cli import app

RUN = CliRunner()
TINY = [
    "--latent-dim",
    "4",
    "--embedding-dim",
    "4",
    "--encoder-hidden",
    "8",
    "--decoder-hidden",
    "16",
    "--epochs",
    "1",
    "--health-samples",
    "10",
    "--pool-size",
    "50",
    "--block-size",
    "25",
    "--precision",
    "fp32",
]


def molvae(*arguments, **kwargs):
    return RUN.invoke(app, [str(one) for one in arguments], **kwargs)


def assert_told(result, *parts):
    """Exit code 1, a message with all parts, nothing on stdout, no traceback."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    for part in ("error: ", *parts):
        assert part in result.stderr


@pytest.fixture
def smiles_file(tmp_path, canonical_smiles):
    path = tmp_path / "in.csv"
    path.write_text("smiles,activity\n" + "".join(f"{one},{i}\n" for i, one in enumerate(canonical_smiles)))
    return path


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["train", "--help"], ["sample", "--help"]])
def test_help(arguments):
    result = molvae(*arguments)
    assert result.exit_code == (0 if arguments else 2)
    assert "Usage:" in result.output


def test_help_has_no_line_break_within_a_paragraph():
    """On a wide terminal a paragraph is a line, whatever the width of the source."""
    import typer

    pending, seen = [typer.main.get_command(app)], 0
    while pending:
        one = pending.pop()
        pending += getattr(one, "commands", {}).values()
        assert one.help and not [part for part in one.help.split("\n\n") if "\n" in part.strip()], one.name
        seen += 1
    assert seen > 20


def test_every_setting_is_an_option_with_its_default():
    from molvae import CleanConfig, ModelConfig, TrainConfig

    text = molvae("train", "--help", env={"COLUMNS": "250", "TERMINAL_WIDTH": "250"}).output
    for section in (ModelConfig, TrainConfig, CleanConfig):
        for name in section.model_fields:
            assert "--" + name.replace("_", "-") in text


def test_version():
    import molvae as package

    assert molvae("--version").stdout == f"molvae {package.__version__}\n"


def test_train_then_sample_finds_the_run(smiles_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOLVAE_MODEL", raising=False)
    trained = molvae("train", smiles_file, *TINY)
    assert trained.exit_code == 0, trained.output
    assert trained.stdout == ""
    for part in ("in column 'smiles'", "32 kept", "custom model", "epoch", "report: molvae-runs", "done: molvae-runs"):
        assert part in trained.stderr
    (page,) = tmp_path.glob("molvae-runs/*/report.html")
    written = molvae("report", "-o", "again.html")
    assert (written.exit_code, written.stdout) == (0, "again.html\n"), written.output
    assert Path("again.html").read_text() == page.read_text()
    sampled = molvae("sample", "--n", "3", "--raw", "--seed", "1")
    assert sampled.exit_code == 0, sampled.output
    assert len(sampled.stdout.splitlines()) == 3
    assert "the newest finished run" in sampled.stderr


def test_sample_prints_molecules_and_nothing_else(tiny_run):
    result = molvae("sample", "--n", "4", "--model", tiny_run, "--seed", "0")
    assert result.exit_code == 0, result.output
    molecules = result.stdout.splitlines()
    assert len(set(molecules)) == 4
    assert all(Chem.MolToSmiles(Chem.MolFromSmiles(one)) == one for one in molecules)
    for part in (str(tiny_run), "valid", "duplicates", "molecules/s"):
        assert part in result.stderr
    again = molvae("sample", "--n", "4", "--model", tiny_run, "--seed", "0", "-b", "100")
    assert again.stdout == result.stdout


def test_model_of_the_environment(tiny_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = molvae("sample", "--n", "1", "--raw", env={"MOLVAE_MODEL": str(tiny_run)})
    assert result.exit_code == 0
    assert "$MOLVAE_MODEL" in result.stderr


def test_unfinished_runs_are_not_taken(tiny_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOLVAE_MODEL", raising=False)
    copy = tmp_path / "molvae-runs" / "half"
    shutil.copytree(tiny_run, copy)
    (copy / "checkpoint.safetensors").write_bytes(b"")
    assert_told(molvae("sample"), "no finished run", "molvae train smiles.csv")


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.smi", "out.sdf", "out.parquet"])
def test_output_by_extension(tiny_run, tmp_path, name):
    path = tmp_path / name
    wanted = [] if name.endswith("smi") else ["--properties"]
    result = molvae("sample", "--n", "3", "--model", tiny_run, "--seed", "0", "-o", path, *wanted)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    expected = molvae("sample", "--n", "3", "--model", tiny_run, "--seed", "0").stdout.splitlines()
    if name.endswith("sdf"):
        with Chem.SDMolSupplier(str(path)) as supplier:
            molecules = list(supplier)
        assert [Chem.MolToSmiles(one) for one in molecules] == expected
        assert float(molecules[0].GetProp("mw")) > 10
        assert [one.GetProp("_Name") for one in molecules] == ["molvae-1", "molvae-2", "molvae-3"]
    elif name.endswith("parquet"):
        assert pd.read_parquet(path)["smiles"].tolist() == expected
    elif name.endswith("smi"):
        assert path.read_text().splitlines() == expected
    else:
        table = pd.read_csv(path, sep="," if name.endswith("csv") else "\t")
        assert table["smiles"].tolist() == expected
        assert {"qed", "logp", "sa", "mw"} <= set(table.columns)


def test_missing_pyarrow_is_told_before_anything_is_drawn(tiny_run, tmp_path, monkeypatch):
    from molvae.corpus import writing

    monkeypatch.setattr(writing, "find_spec", lambda _: None)
    assert_told(molvae("sample", "--model", tiny_run, "-o", tmp_path / "out.parquet"), 'pip install "molvae[parquet]"')


def test_properties_on_stdout_are_csv(tiny_run):
    result = molvae("sample", "--n", "2", "--model", tiny_run, "--properties")
    header, *rows = result.stdout.splitlines()
    assert header.startswith("smiles,")
    assert len(rows) == 2
    assert all(row.count(",") == header.count(",") for row in rows)


@pytest.mark.parametrize(("name", "magic"), [("g.svg", b"<?xml"), ("g.png", b"\x89PNG")])
def test_grid(tiny_run, tmp_path, name, magic):
    result = molvae("sample", "--n", "3", "--model", tiny_run, "--grid", tmp_path / name)
    assert result.exit_code == 0, result.output
    assert (tmp_path / name).read_bytes().startswith(magic)


def test_raw_draws_come_as_they_are(tiny_run):
    result = molvae("sample", "--n", "50", "--model", tiny_run, "--raw", "--seed", "0")
    assert len(result.stdout.splitlines()) == 50


def test_novel_leaves_out_training_molecules(tiny_run):
    from molvae import MolVAE

    result = molvae("sample", "--n", "3", "--model", tiny_run, "--novel")
    assert MolVAE.from_pretrained(tiny_run).training_set.intersection(result.stdout.split()) == set()
    assert "training molecules left out" in result.stderr


def test_who_set_the_pace_is_told(tiny_run):
    result = molvae("sample", "--n", "30", "--model", tiny_run, "--seed", "0")
    assert "decoding set the pace (RDKit was busy" in result.stderr or "RDKit set the pace (RDKit was" in result.stderr


def test_the_seed_is_told_so_that_it_can_be_used_again(tiny_run):
    first = molvae("sample", "--n", "3", "--model", tiny_run)
    seed = first.stderr.split("seed: ")[1].split()[0]
    assert molvae("sample", "--n", "3", "--model", tiny_run, "--seed", seed).stdout == first.stdout


def test_a_full_disk_is_told(tiny_run):
    command = f"{sys.executable} -m molvae sample --n 3 --seed 0 --model {tiny_run} > /dev/full"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, env=os.environ)
    assert result.returncode == 1
    assert "cannot be written: No space left" in result.stderr
    assert "Traceback" not in result.stderr


def test_none_asked_for(tiny_run):
    result = molvae("sample", "--n", "0", "--model", tiny_run)
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--model", "nowhere"], ["nowhere does not exist"]),
        (["-o", "out.xlsx"], ["out.xlsx", ".csv"]),
        (["-o", "no/such/out.csv"], ["no folder no/such"]),
        (["--grid", "out.pdf"], [".svg", ".png"]),
        (["--temperature", "-1"], ["temperature"]),
        (["--top-p", "2"], ["top_p"]),
        (["--raw", "--novel"], ["--raw"]),
        (["--raw", "-o", "out.sdf"], ["--raw"]),
        (["--properties", "-o", "out.smi"], ["a .smi file holds no properties"]),
        (["-o", "/proc/out.csv"], ["/proc/out.csv cannot be written"]),
        (["-o", "/dev/null/out.csv"], ["no folder /dev/null"]),
        (["--device", "cuda:77"], ["cuda:77"]),
        (["--device", "abacus"], ["abacus"]),
    ],
)
def test_what_sample_refuses(tiny_run, tmp_path, monkeypatch, arguments, parts):
    monkeypatch.chdir(tmp_path)
    arguments = arguments if "--model" in arguments else [*arguments, "--model", str(tiny_run)]
    assert_told(molvae("sample", *arguments), *parts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (None, ["does not exist"]),
        (b"", ["empty"]),
        (b"smiles\n", ["no rows"]),
        (b"a,b\nx,y\nz,w\n", ["SMILES"]),
        (bytes(range(256)) * 20, []),
    ],
)
def test_what_train_refuses_to_read(tmp_path, monkeypatch, content, parts):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "in.csv").write_bytes(content)
    assert_told(molvae("train", "in.csv", *TINY), "in.csv", *parts)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["give a file"]),
        (["in.csv", "--resume", "x"], ["give a file"]),
        (["--resume", "x", "--epochs", "3"], ["--resume"]),
        (["--resume", "x", "-o", "y"], ["--resume"]),
        (["--resume", "in.csv"], ["in.csv is a file"]),
        (["in.csv", "--seed", "99999999999999999999"], ["seed"]),
        (["--resume", "x"], ["x does not exist"]),
        (["in.csv", "-s", "drug"], ["drug", "smiles", "activity"]),
        (["in.csv", "-s", "7"], ["7"]),
        (["in.csv", "--config", "none.toml"], ["none.toml"]),
        (["in.csv", "--beta", "-1"], ["beta"]),
        (["in.csv", "--elements", "Xx"], ["Xx"]),
        (["in.csv", "--elements", "He"], ["none of its 32 rows"]),
    ],
)
def test_what_train_refuses_to_do(smiles_file, tmp_path, monkeypatch, arguments, parts):
    monkeypatch.chdir(tmp_path)
    assert_told(molvae("train", *arguments), *parts)


def test_train_reads_standard_input(canonical_smiles, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "".join(f"{one}\n" for one in canonical_smiles)
    result = molvae("train", "-", "-o", "run", *TINY, input=text.encode())
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_usage_errors_end_in_2():
    assert molvae("sample", "--n", "many").exit_code == 2
    assert molvae("nonsense").exit_code == 2


def test_interrupted_training_ends_in_130_and_can_be_resumed(smiles_file, tmp_path, monkeypatch):
    from molvae.cli.progress import TerminalReporter

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(TerminalReporter, "step", interrupt)
        result = molvae("train", smiles_file, "-o", "run", *TINY)
    assert result.exit_code == 130
    assert "molvae train --resume run" in result.stderr
    assert molvae("train", "--resume", "run").exit_code == 0


def test_a_reader_that_leaves_is_no_error(tiny_run):
    command = f"{sys.executable} -m molvae sample --n 30000 --raw --seed 0 --model {tiny_run} | head -n 1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, env=os.environ)
    assert len(result.stdout.splitlines()) == 1
    assert "Traceback" not in result.stderr
    assert "Exception" not in result.stderr


@pytest.mark.parametrize("given", [{"WORLD_SIZE": "abc"}, {"WORLD_SIZE": "2", "RANK": "abc"}])
def test_an_environment_that_counts_in_letters(given):
    script = [sys.executable, "-m", "molvae", "sample", "--n", "1"]
    done = subprocess.run(script, env={**os.environ, **given}, capture_output=True, text=True, timeout=120)
    name = list(given)[-1]
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: the environment variable {name} must be a number, not 'abc'; unset it\n"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "there is not enough memory"),
        (
            ImportError("libtorch_cpu.so: failed to map segment from shared object"),
            "a library cannot be loaded (libtorch",
        ),
    ],
)
def test_a_machine_without_memory(monkeypatch, error, words):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("molvae.cli.models.load_model", fail)
    assert_told(molvae("sample"), words)


def test_a_length_that_no_molecule_has():
    assert_told(
        molvae("sample", "--n", 1, "--max-length", 10**9), "max_length: input should be less than or equal to 10000"
    )
