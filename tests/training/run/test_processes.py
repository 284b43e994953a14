"""Trainings in processes of their own, killed, interrupted and several at a time: they end with the same weights."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from molvae.runtime import distributed
from molvae.storage.files import read_tensors
from molvae.storage.latest_run import is_finished

SETTINGS = [
    *("--epochs", "3", "--batch-size", "33", "--latent-dim", "8", "--embedding-dim", "8", "--encoder-hidden", "24"),
    *("--decoder-hidden", "48", "--health-samples", "20", "--pool-size", "110", "--block-size", "20"),
    *("--token-dropout", "0.1", "--free-bits", "0.05", "--precision", "fp32", "--checkpoint-seconds", "0"),
    *("--device", "cpu", "--no-report"),
]
TORCHRUN = [
    *("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"),
    *("--rdzv-endpoint", "localhost:0", "--rdzv-backend", "c10d"),
]


def start(folder: Path, *what: str, processes: int = 1, **given: Any) -> subprocess.Popen[str]:
    command = [sys.executable, *(TORCHRUN if processes > 1 else []), "-m", "molvae", "train", *what]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MOLVAE_CACHE": "off"}
    given |= {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": folder.parent}
    return subprocess.Popen(command, env=environment, text=True, **given)


def finish(process: subprocess.Popen[str]) -> str:
    _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    return said


def begin(folder: Path, table: Path, *more: str, **how: Any) -> subprocess.Popen[str]:
    return start(folder, table.name, "-o", folder.name, *SETTINGS, *more, **how)


def go_on(folder: Path, **how: Any) -> subprocess.Popen[str]:
    return start(folder, "--resume", folder.name, "--no-report", **how)


def stopped(folder: Path, process: subprocess.Popen[str], number: int, *, at: str = "checkpoint.safetensors") -> str:
    """What a training says that is sent a signal as soon as it has written a file."""
    deadline = time.monotonic() + 120
    while not (folder / at).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert process.returncode not in (0, None) and f"molvae train --resume {folder.name}" in said
    return said


def contents(folder: Path) -> dict[str, bytes]:
    """All that does not tell the time, every file by its name."""
    timed = {"history.csv", "config.json"}
    return {path.name: path.read_bytes() if path.name not in timed else b"" for path in folder.iterdir()}


def assert_same_training(folder: Path, other: Path, *more: str) -> None:
    """The same files; figures and weights but for the order of sums."""
    assert {path.name for path in folder.iterdir()} == {path.name for path in other.iterdir()}
    curves = [pd.read_csv(one / "history.csv") for one in (folder, other)]
    for name in ("train_reconstruction", "train_kl", "train_prior", "reconstruction", "kl", "prior", *more):
        np.testing.assert_allclose(curves[0][name], curves[1][name], rtol=1e-3, err_msg=name)
    weights = [read_tensors(one / "model.safetensors")[0] for one in (folder, other)]
    for name, value in weights[0].items():
        np.testing.assert_allclose(value.numpy(), weights[1][name].numpy(), atol=2e-3, err_msg=name)
    for name in ("molecules.csv.gz", "splits.json", "config.toml", "tokenizer.json", "rejected.csv"):
        assert (folder / name).read_bytes() == (other / name).read_bytes()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, sample_file: Path) -> Path:
    path = tmp_path_factory.mktemp("jobs") / "molecules.csv"
    path.write_text("".join(f"{line}\n" for line in sample_file.read_text().splitlines()[:243]))
    return path


@pytest.fixture(scope="module")
def whole(table: Path) -> Path:
    """The run of one process that nobody disturbs."""
    folder = table.with_name("whole")
    finish(begin(folder, table))
    return folder


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("runs", [pytest.param(1, marks=pytest.mark.slow), pytest.param(5, marks=pytest.mark.long)])
def test_killed_again_and_again_it_ends_with_the_same_weights(table, whole, runs):
    """SIGKILL while it cleans, couples, trains, saves and finishes: each run is killed four times."""
    rng = random.Random(0)
    hits = dict.fromkeys(("starting", "cleaning", "training", "finished"), 0)
    for number in range(runs):
        folder = table.with_name(f"killed-{runs}-{number}")
        for most_saves in (0, 5, 5, 20):
            hits[kill(folder, table, rng, saves=rng.randint(1, most_saves) if most_saves else 0)] += 1
        if not is_finished(folder):
            finish(go_on(folder))
        assert contents(folder) == contents(whole)
    print(hits)  # noqa: T201 - shown by pytest -s
    assert hits["training"] >= 2 * runs, hits


def kill(folder: Path, table: Path, rng: random.Random, *, saves: int) -> str:
    """Begin or resume a run, kill it a moment after it has begun or saved its state `saves` times; says in which phase.

    It waits for what the run writes and not for seconds: machines differ by more than the run is long.
    """
    begun = any((folder / name).exists() for name in ("request.json", "config.toml"))
    if begun and is_finished(folder):
        return "finished"
    watched = folder / ("checkpoint.safetensors" if saves else "request.json")
    seen = written(watched)
    process = go_on(folder) if begun else begin(folder, table)
    for _ in range(max(saves, 1)):
        while process.poll() is None and written(watched) == seen:
            time.sleep(0.001)
        seen = written(watched)
    try:
        process.wait(rng.uniform(0.0, 0.05 if saves else 0.3))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), said
    if (folder / "config.toml").exists():
        return "finished" if is_finished(folder) else "training"
    return "cleaning" if (folder / "request.json").exists() else "starting"


def written(path: Path) -> int:
    """When a file was written, in nanoseconds; 0 if it is not there."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@pytest.mark.slow
def test_interrupted_it_says_how_to_go_on_and_loses_no_step(table, whole):
    folder = table.with_name("interrupted")
    process = begin(folder, table, "--checkpoint-seconds", "1e9")
    said = stopped(folder, process, signal.SIGINT, at="history.csv")
    assert process.returncode == 130 and "Traceback" not in said
    assert finish(go_on(folder)).count("resuming at step") == 1
    assert contents(folder).keys() == contents(whole).keys()
    assert (folder / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs limits on a process's files")
@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_loses_nothing(table, whole):
    import resource

    folder = table.with_name("full")
    limit = 60_000  # bytes of a file: the molecules and the model fit, the state to resume from does not
    process = begin(folder, table, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1 and "Traceback" not in said, said
    assert "cannot be written: File too large" in said and f"molvae train --resume {folder.name}" in said
    finish(go_on(folder))
    assert contents(folder) == contents(whole)


@pytest.mark.slow
def test_two_processes_train_what_one_trains(table, whole):
    folder = table.with_name("together")
    assert finish(begin(folder, table, processes=2)).count("epochs on 2 x cpu in fp32") == 1  # one of them tells
    assert_same_training(folder, whole)


@pytest.mark.parametrize(
    "processes", [pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.long)]
)
def test_interrupted_they_save_one_state_and_any_number_goes_on(table, whole, processes):
    folder = table.with_name(f"interrupted-{processes}")
    stopped(folder, begin(folder, table, processes=2), signal.SIGTERM)
    finish(go_on(folder, processes=processes))
    assert_same_training(folder, whole)


@pytest.mark.long
def test_two_processes_fine_tune_what_one_fine_tunes(table, whole):
    """From the run of one, with spellings drawn anew; interrupted, too, though the model is gone."""
    model = shutil.copytree(whole, table.with_name("model"))
    how = ["--init-from", model.name, "--epochs", "3", "--batch-size", "33", "--pool-size", "110", "--block-size", "20"]
    how += ["--health-samples", "20", "--checkpoint-seconds", "0", "--precision", "fp32", *SETTINGS[-3:]]
    one, two = table.with_name("tuned"), table.with_name("tuned-together")
    finish(start(one, table.name, "-o", one.name, *how))
    stopped(two, start(two, table.name, "-o", two.name, *how, processes=2), signal.SIGTERM)
    shutil.rmtree(model)
    assert finish(go_on(two, processes=2)).count("its start") == 1
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
        finish(begin(folder, labelled, "--properties", "logp,mw", "--batch-size", "5", processes=processes))
    assert_same_training(two, one, "train_properties", "objective", "logp_mae", "mw_mae")


@pytest.mark.slow
def test_an_error_of_the_main_process_ends_them_all(table):
    process = begin(table.with_name("none"), table.with_name("missing.csv"), processes=2)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 1 and said.count("missing.csv does not exist") == 1


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


def test_a_process_of_several_ends_with_its_exit_code_and_python_is_not_taken_down():
    for code, expected in (("0", 0), ("None", 0), ("130", 130), ("'sorry'", 1)):
        for size, said in (("1", "bye\ntaken down\n"), ("2", "bye\n")):
            command = [sys.executable, "-c", PROCESS.format(code=code)]
            environment = {**os.environ, "WORLD_SIZE": size}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout) == (expected, said)
