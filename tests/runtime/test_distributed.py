"""Several processes, as torchrun starts them, train what one process trains."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molvae.runtime import distributed
from molvae.storage.files import read_tensors

SETTINGS = [
    *("--epochs", "3", "--batch-size", "33", "--latent-dim", "8", "--embedding-dim", "8", "--encoder-hidden", "16"),
    *("--decoder-hidden", "32", "--health-samples", "20", "--pool-size", "110", "--block-size", "20"),
    *("--token-dropout", "0.1", "--free-bits", "0.05", "--precision", "fp32", "--checkpoint-seconds", "0"),
    *("--device", "cpu"),
    "--no-report",
]
TORCHRUN = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"]


def run(folder: Path, *arguments: str, processes: int = 2, signal_at: str = "") -> subprocess.CompletedProcess[str]:
    launcher = [*TORCHRUN, "--rdzv-endpoint", "localhost:0", "--rdzv-backend", "c10d"] if processes > 1 else []
    command = [sys.executable, *launcher, "-m", "molvae", "train", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if signal_at:
        deadline = time.monotonic() + 100
        while not (folder / signal_at).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
    out, said = process.communicate(timeout=200)
    return subprocess.CompletedProcess(command, process.returncode, out, said)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, sample_file: Path) -> Path:
    path = tmp_path_factory.mktemp("jobs") / "molecules.csv"
    path.write_text("".join(f"{line}\n" for line in sample_file.read_text().splitlines()[:243]))
    return path


@pytest.fixture(scope="module")
def alone(table: Path) -> Path:
    folder = table.with_name("alone")
    done = run(folder, str(table), "-o", str(folder), *SETTINGS, processes=1)
    assert done.returncode == 0, done.stderr
    return folder


def assert_same_training(folder: Path, other: Path) -> None:
    """The same files; figures and weights but for the order of sums."""
    assert {path.name for path in folder.iterdir()} == {path.name for path in other.iterdir()}
    curves = [pd.read_csv(one / "history.csv") for one in (folder, other)]
    for name in ("train_reconstruction", "train_kl", "train_prior", "reconstruction", "kl", "prior"):
        np.testing.assert_allclose(curves[0][name], curves[1][name], rtol=1e-3, err_msg=name)
    weights = [read_tensors(one / "model.safetensors")[0] for one in (folder, other)]
    for name, value in weights[0].items():
        np.testing.assert_allclose(value.numpy(), weights[1][name].numpy(), atol=2e-3, err_msg=name)
    for name in ("molecules.csv.gz", "splits.json", "config.toml", "tokenizer.json", "rejected.csv"):
        assert (folder / name).read_bytes() == (other / name).read_bytes()


@pytest.mark.slow
def test_two_processes_train_what_one_trains(table, alone):
    folder = table.with_name("together")
    done = run(folder, str(table), "-o", str(folder), *SETTINGS)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("epochs on 2 x cpu in fp32") == 1  # one of them tells
    assert_same_training(folder, alone)


@pytest.mark.parametrize(
    "processes", [pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.long)]
)
def test_interrupted_they_save_one_state_and_any_number_goes_on(table, alone, processes):
    folder = table.with_name(f"interrupted-{processes}")
    stopped = run(folder, str(table), "-o", str(folder), *SETTINGS, signal_at="checkpoint.safetensors")
    assert stopped.returncode != 0
    assert f"molvae train --resume {folder}" in stopped.stderr
    done = run(folder, "--resume", str(folder), "--no-report", processes=processes)
    assert done.returncode == 0, done.stderr
    assert_same_training(folder, alone)


@pytest.mark.long
def test_two_processes_fine_tune_what_one_fine_tunes(table, alone):
    """From the run of one, with spellings drawn anew; interrupted, too, though the model is gone."""
    model = table.with_name("model")
    shutil.copytree(alone, model)
    how = ["--init-from", str(model), "--epochs", "3", "--batch-size", "33", "--pool-size", "110", "--block-size", "20"]
    how += ["--health-samples", "20", "--checkpoint-seconds", "0", "--precision", "fp32", *SETTINGS[-3:]]
    one, two = table.with_name("tuned"), table.with_name("tuned-together")
    done = run(one, str(table), "-o", str(one), *how, processes=1)
    assert done.returncode == 0, done.stderr
    stopped = run(two, str(table), "-o", str(two), *how, signal_at="checkpoint.safetensors")
    assert stopped.returncode != 0
    shutil.rmtree(model)
    done = run(two, "--resume", str(two), "--no-report")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("its start") == 1
    assert_same_training(two, one)


@pytest.mark.long
def test_two_processes_train_the_heads_that_one_trains(table):
    """Labels of the file, with gaps that leave a process without any at some steps, and labels of RDKit."""
    labelled = table.with_name("labelled.csv")
    lines = table.read_text().splitlines()
    rows = [line if n % 8 == 0 else line.split(",")[0] + ",,," for n, line in enumerate(lines)]
    labelled.write_text("\n".join([lines[0], *rows[1:]]) + "\n")
    one, two = table.with_name("heads"), table.with_name("heads-together")
    for folder, processes in ((one, 1), (two, 2)):
        what = (str(labelled), "-o", str(folder), *SETTINGS, "--properties", "logp,mw", "--batch-size", "5")
        done = run(folder, *what, processes=processes)
        assert done.returncode == 0, done.stderr
    assert_same_training(two, one)
    curves = [pd.read_csv(folder / "history.csv") for folder in (one, two)]
    for name in ("train_properties", "objective", "logp_mae", "mw_mae"):
        np.testing.assert_allclose(curves[0][name], curves[1][name], rtol=1e-3, err_msg=name)


@pytest.mark.slow
def test_an_error_of_the_main_process_ends_them_all(table):
    done = run(table.parent, str(table.with_name("missing.csv")), "-o", str(table.with_name("none")))
    assert done.returncode == 1
    assert done.stderr.count("missing.csv does not exist") == 1


def test_a_plain_process_is_a_job_of_one():
    assert (distributed.world_size(), distributed.rank(), distributed.is_main()) == (1, 0, True)
    assert distributed.broadcast([1]) == [1] and distributed.gather("x") == ["x"]
    assert distributed.on_main(lambda: 3) == 3


PROCESS = """
import atexit, sys
from molvae.runtime.distributed import run_process
def program():
    atexit.register(print, "bye")
    sys.exit({code})
class Late:
    def __del__(self):
        print("taken down")
late = Late()
run_process(program)
"""


@pytest.mark.parametrize(("code", "expected"), [("0", 0), ("None", 0), ("130", 130), ("'sorry'", 1)])
def test_a_process_of_several_ends_with_its_exit_code_and_python_is_not_taken_down(code, expected):
    said = {}
    for size in ("1", "2"):
        environment = {**os.environ, "WORLD_SIZE": size}
        command = [sys.executable, "-c", PROCESS.format(code=code)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == expected
        said[size] = done.stdout.split("\n")
    assert said == {"1": ["bye", "taken down", ""], "2": ["bye", ""]}
