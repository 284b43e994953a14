"""What all commands share, and ``molvae train`` and ``sample``: stdout, stderr, exit codes, files."""

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from rdkit import Chem

from molvae import CleanConfig, ModelConfig, MolVAE, TrainConfig, __version__
from molvae.chem import canonical
from molvae.cli import app
from molvae.cli.console import print_result, writable
from molvae.errors import InputError, ModelError
from molvae.pretrained.hub import find_model
from tests.cli.shell import assert_error, molvae, works

FAST = ["--epochs", "1", "--health-samples", "10", "--pool-size", "50", "--block-size", "25", "--precision", "fp32"]
TINY = ["--latent-dim", "4", "--embedding-dim", "4", "--encoder-hidden", "8", "--decoder-hidden", "16", *FAST]


@pytest.fixture
def smiles_file(tmp_path, canonical_smiles):
    path = tmp_path / "in.csv"
    path.write_text("smiles,activity\n" + "".join(f"{one},{i}\n" for i, one in enumerate(canonical_smiles)))
    return path


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder, where no model is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOLVAE_MODEL", raising=False)
    return tmp_path


def test_help_version_and_usage():
    for arguments in ([], ["--help"], ["-h"], ["train", "--help"], ["sample", "--help"]):
        result = molvae(*arguments)
        assert result.exit_code == (0 if arguments else 2) and "Usage:" in result.output
    assert molvae("--version").stdout == f"molvae {__version__}\n"
    assert molvae("sample", "--n", "many").exit_code == molvae("nonsense").exit_code == 2


def test_help_has_no_line_break_within_a_paragraph():
    """On a wide terminal a paragraph is one line, whatever the width of the source."""
    pending, seen = [typer.main.get_command(app)], 0
    while pending:
        one = pending.pop()
        pending += getattr(one, "commands", {}).values()
        assert one.help and not [part for part in one.help.split("\n\n") if "\n" in part.strip()], one.name
        seen += 1
    assert seen > 20


def test_every_setting_is_an_option():
    text = molvae("train", "--help", env={"COLUMNS": "250", "TERMINAL_WIDTH": "250"}).output
    for section in (ModelConfig, TrainConfig, CleanConfig):
        for name in section.model_fields:
            assert "--" + name.replace("_", "-") in text


@pytest.mark.parametrize("delay", [0.05, 0.2])
def test_ctrl_c_at_the_start_ends_quietly(here, delay):
    script = [sys.executable, "-c", "import sys; from molvae.__main__ import main; sys.stderr.write('.'); main()"]
    running = subprocess.Popen([*script, "sample"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert running.stderr.read(1) == "."
    time.sleep(delay)
    running.send_signal(signal.SIGINT)
    stdout, stderr = running.communicate(timeout=60)
    assert running.returncode in (1, 130) and stdout == "" and "Traceback" not in stderr
    assert running.returncode == 130 or "no finished run" in stderr  # it had ended before


def test_train_then_sample_finds_the_run(smiles_file, here):
    trained = molvae("train", smiles_file, *TINY)
    assert (trained.exit_code, trained.stdout) == (0, ""), trained.output
    for fact in ("'smiles'", "32 kept", "epoch", "report: molvae-runs", "done: molvae-runs"):
        assert fact in trained.stderr
    (page,) = here.glob("molvae-runs/in-*/report.html")
    written = molvae("report", "-o", "again.html")
    assert (written.exit_code, written.stdout) == (0, "again.html\n"), written.output
    assert Path("again.html").read_text() == page.read_text()
    sampled = works("sample", "--n", "3", "--raw", "--seed", "1")
    assert len(sampled.stdout.splitlines()) == 3
    assert "the newest finished run" in sampled.stderr


def test_sample_prints_molecules_and_nothing_else(tiny_run):
    result = works("sample", "--n", "4", "--model", tiny_run, "--seed", "0")
    molecules = result.stdout.splitlines()
    assert len(set(molecules)) == 4
    assert all(Chem.MolToSmiles(Chem.MolFromSmiles(one)) == one for one in molecules)
    for fact in (str(tiny_run), "valid", "duplicates", "molecules/s", "RDKit"):
        assert fact in result.stderr
    again = molvae("sample", "--n", "4", "--model", tiny_run, "--seed", "0", "-b", "100")
    assert again.stdout == result.stdout
    table = molvae("sample", "--n", "4", "--model", tiny_run, "--seed", "0", "-o", "-")
    assert table.stdout == "smiles\n" + result.stdout and "written" not in table.stderr


def test_the_model_is_named_with_its_quality(tiny_run, here):
    result = molvae("sample", "--n", "1", "--raw", env={"MOLVAE_MODEL": str(tiny_run)})
    figures = MolVAE.from_pretrained(tiny_run).card["figures"]
    line = next(line for line in result.stderr.splitlines() if line.startswith("model: "))
    assert "$MOLVAE_MODEL" in line and f"{100 * figures['prior_valid']:.1f} % of raw samples valid" in line
    assert f"{100 * figures['exact']:.1f} % of held-out molecules reconstructed" in line


def test_unfinished_runs_are_not_used(tiny_run, here):
    shutil.copytree(tiny_run, here / "molvae-runs" / "half")
    (here / "molvae-runs" / "half" / "checkpoint.safetensors").write_bytes(b"")
    assert_error(molvae("sample"), "no finished run", "molvae train smiles.csv")


def test_other_outputs_of_sample(tiny_run, tmp_path):
    common = ["sample", "--model", tiny_run, "--n"]
    table = molvae(*common, "3", "--seed", "0", "--properties", "-o", tmp_path / "out.sdf")
    assert (table.exit_code, table.stdout) == (0, ""), table.output
    with Chem.SDMolSupplier(str(tmp_path / "out.sdf")) as molecules:
        assert [one.GetProp("smiles") for one in molecules if float(one.GetProp("mw")) > 10] == (
            molvae(*common, "3", "--seed", "0").stdout.splitlines()
        )
    header, *lines = molvae(*common, "2", "--properties").stdout.splitlines()
    assert header.startswith("smiles,") and len(lines) == 2
    assert all(line.count(",") == header.count(",") for line in lines)
    for name, magic in (("g.svg", b"<?xml"), ("g.png", b"\x89PNG")):
        works(*common, "3", "--grid", tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(magic)
    raw = molvae(*common, "50", "--raw", "--seed", "0")
    strings = raw.stdout.splitlines()
    valid = sum(canonical(one) is not None for one in strings)
    assert len(strings) == 50 and f"50 raw strings: {valid / 50:.1%} valid" in raw.stderr
    assert molvae(*common, "0").stdout == ""
    novel = molvae(*common, "3", "--novel")
    vae = MolVAE.from_pretrained(tiny_run)
    assert not vae.known.holds(novel.stdout.split()).any()
    novel = molvae(*common, "3", "--novel-tautomers")
    assert not vae.known.holds(novel.stdout.split(), "tautomers").any()
    first = molvae(*common, "3")
    seed = first.stderr.split("seed: ")[1].split()[0]
    assert molvae(*common, "3", "--seed", seed).stdout == first.stdout


def test_a_full_disk_and_a_reader_that_stops(tiny_run):
    for command, code in (("--n 3 > /dev/full", 1), ("--n 5000 --raw | head -n 1", 0)):
        command = f"{sys.executable} -m molvae sample --seed 0 --model {tiny_run} {command}"
        result = subprocess.run(command, shell=True, capture_output=True, text=True, env=os.environ)
        assert result.returncode == code and len(result.stdout.splitlines()) == 1 - code
        assert "Traceback" not in result.stderr and "Exception" not in result.stderr
        assert ("cannot be written: No space left" in result.stderr) == bool(code)


def test_errors_of_sample(tiny_run, here):
    for arguments, fact in (
        (["-o", "out.xlsx"], "out.xlsx: the extension"),
        (["-o", "no/such/out.csv"], "no folder no/such"),
        (["--grid", "out.pdf"], ".svg, .png"),
        (["--temperature", "-1"], "temperature"),
        (["--raw", "--novel"], "--raw"),
        (["--properties", "-o", "out.smi"], ".smi"),
        (["--device", "cuda:77"], "cuda:77"),
        (["--device", "abacus"], "abacus"),
        (["--max-length", 10**9], "max_length"),
        (["--model", "nowhere"], "nowhere does not exist"),
    ):
        assert_error(molvae("sample", "--model", tiny_run, *arguments), fact)
    assert list(here.iterdir()) == []


def test_errors_of_train(smiles_file, here):
    for arguments, fact in (
        ([], "give a file"),
        (["--resume", "x", "--epochs", "3"], "--resume"),
        (["--resume", "x", "-o", "y"], "--resume"),
        (["--resume", "x", "--from-scratch"], "--minutes"),
        (["none.csv"], "none.csv does not exist"),
        (["--resume", "x"], "x does not exist"),
        (["in.csv", "-s", "drug"], "'drug'"),
        (["in.csv", "--config", "none.toml"], "none.toml"),
        (["in.csv", "--beta", "-1"], "beta"),
        (["in.csv", "--elements", "He"], "none of its 32 rows"),
    ):
        assert_error(molvae("train", *arguments), fact)


def test_the_output_of_fine_tuning(tiny_run, series, tmp_path, few_draws):
    result = molvae("train", series, "-o", tmp_path / "run", "--init-from", tiny_run, *FAST)
    assert (result.exit_code, result.stdout) == (0, ""), result.output
    lines = result.stderr.splitlines()
    table = lines[lines.index(f"fine-tuning {tiny_run}") + 1 :]
    assert table[0].split() == ["new", "token", "molecules"]
    assert ["[C@H]", "1"] in [line.split() for line in table]
    names = [line[:10].rstrip() for line in lines]
    assert all(names.count(row) == 1 for row in ("this model", "its start", "held out"))
    assert len(lines[names.index("held out")].split()) == 6


def test_where_there_is_no_run_the_bundled_model_is_taken(bundled_run, here):
    for more in ([], ["--model", "bundled"]):
        result = works("sample", "--n", "2", "--raw", "--seed", "0", *more)
        assert f"model: {'bundled' if more else 'medchem'} (" in result.stderr
        assert ("there is no finished run" in result.stderr) == (not more)
    works("info", "bundled")


def test_train_reads_standard_input(canonical_smiles, here):
    text = "".join(f"{one}\n" for one in canonical_smiles)
    works("train", "-", "-o", "run", *TINY, input=text.encode())
    assert (here / "run" / "model.safetensors").exists()


@pytest.mark.parametrize("given", [{"WORLD_SIZE": "abc"}, {"WORLD_SIZE": "2", "RANK": "abc"}])
def test_a_world_size_that_is_no_number(given):
    script = [sys.executable, "-m", "molvae", "sample", "--n", "1"]
    done = subprocess.run(script, env={**os.environ, **given}, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert list(given)[-1] in done.stderr and "'abc'" in done.stderr


@pytest.mark.parametrize(
    ("error", "fact"),
    [(MemoryError(), "not enough memory"), (ImportError("libtorch.so: failed to map segment"), "libtorch.so")],
)
def test_a_machine_without_memory(monkeypatch, error, fact):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("molvae.cli.models.load_model", fail)
    assert_error(molvae("sample"), fact)


TEXT = "Δx,µM,CCO\n\udce4"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "utf-16"])
def test_characters_outside_the_encoding_are_escaped(monkeypatch, encoding):
    bytes_ = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(bytes_, encoding, newline=""))
    print_result(TEXT)
    text = bytes_.getvalue().decode(encoding)
    assert text == writable(TEXT) == writable(text)
    assert text.endswith("M,CCO\n\\udce4") and (r"\u0394x" in text) == (encoding in ("ascii", "latin-1"))


def test_a_text_without_an_encoding_is_as_it_is(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    print_result("Δx\n")
    assert sys.stdout.getvalue() == "Δx\n"


def test_a_closed_stdout_is_an_error(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(InputError, match="standard output is closed"):
        print_result("x")


@pytest.mark.parametrize("name", ["shut/m", "./shut/m"])
def test_a_model_folder_without_permission_or_with_too_long_a_name_is_an_error(monkeypatch, name):
    with pytest.raises(ModelError, match="File name too long"):
        find_model("x" * 300 + "/m")

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.exists", denied)
    with pytest.raises(ModelError, match="shut/m cannot be read: Permission denied"):
        find_model(name)


def test_missing_pyarrow_is_an_error_before_anything_is_drawn(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr("molvae.corpus.writing.find_spec", lambda _: None)
    assert_error(molvae("sample", "--model", tiny_run, "-o", tmp_path / "out.parquet"), "molvae[parquet]")
