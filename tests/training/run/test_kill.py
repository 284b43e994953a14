"""A real training in a process of its own, killed again and again: resumed, it ends with the same weights."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from molvae.storage.latest_run import is_finished

SETTINGS = [
    *("--epochs", "2"),
    "--no-report",
    *("--batch-size", "100"),
    *("--latent-dim", "8"),
    *("--embedding-dim", "8"),
    *("--encoder-hidden", "24"),
    *("--decoder-hidden", "48"),
    *("--device", "cpu"),
    *("--health-samples", "50"),
    *("--pool-size", "600"),
    *("--block-size", "300"),
    *("--coupling-start", "0"),
    *("--checkpoint-seconds", "0"),
    *("--precision", "fp32"),
]


def start(folder: Path, *what: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "molvae", "train", *what]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MOLVAE_CACHE": "off"}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=folder.parent)


def finish(process: subprocess.Popen[str]) -> str:
    _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    return said


def contents(folder: Path) -> dict[str, bytes]:
    """All that does not tell the time, every file by its name."""
    timed = {"history.csv", "config.json"}
    return {path.name: path.read_bytes() if path.name not in timed else b"" for path in folder.iterdir()}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, sample_file: Path) -> Path:
    path = tmp_path_factory.mktemp("kill") / "molecules.csv"
    path.write_text("".join(f"{line}\n" for line in sample_file.read_text().splitlines()[:3001]))
    return path


@pytest.fixture(scope="module")
def whole(table: Path) -> Path:
    """The run that nobody disturbs."""
    folder = table.with_name("whole")
    finish(start(folder, table.name, "-o", folder.name, *SETTINGS))
    return folder


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("runs", [pytest.param(1, marks=pytest.mark.slow), pytest.param(5, marks=pytest.mark.long)])
def test_killed_again_and_again_it_ends_with_the_same_weights(table, whole, runs):
    """SIGKILL while it cleans, couples, trains, saves and finishes: each run is killed four times."""
    rng = random.Random(0)
    hits = dict.fromkeys(("starting", "cleaning", "training", "finished"), 0)
    for number in range(runs):
        folder = table.with_name(f"killed-{runs}-{number}")
        for most_saves in (0, 10, 10, 40):
            hits[kill(folder, table, rng, saves=rng.randint(1, most_saves) if most_saves else 0)] += 1
        if not is_finished(folder):
            finish(start(folder, "--resume", folder.name, "--no-report"))
        assert contents(folder) == contents(whole)
    print(hits)  # noqa: T201 - shown by pytest -s
    assert hits["training"] >= 2 * runs and (hits["cleaning"] or runs == 1), hits


def kill(folder: Path, table: Path, rng: random.Random, *, saves: int) -> str:
    """Begin or resume a run, kill it a moment after it has begun or saved its state `saves` times; says in which phase.

    It waits for what the run writes and not for seconds: machines differ by more than the run is long.
    """
    begun = any((folder / name).exists() for name in ("request.json", "config.toml"))
    if begun and is_finished(folder):
        return "finished"
    goes_on, begins = ["--resume", folder.name, "--no-report"], [table.name, "-o", folder.name, *SETTINGS]
    watched = folder / ("checkpoint.safetensors" if saves else "request.json")
    seen = written(watched)
    process = start(folder, *(goes_on if begun else begins))
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
    process = start(folder, table.name, "-o", folder.name, *SETTINGS, "--checkpoint-seconds", "1e9")
    deadline = time.monotonic() + 120
    while not (folder / "history.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert f"molvae train --resume {folder.name}" in said
    assert "Traceback" not in said
    assert finish(start(folder, "--resume", folder.name, "--no-report")).count("resuming at step") == 1
    assert contents(folder).keys() == contents(whole).keys()
    assert (folder / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs limits on a process's files")
@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_loses_nothing(table, whole):
    import resource

    folder = table.with_name("full")
    limit = 30_000  # bytes of a file: the molecules and the model fit, the state to resume from does not
    process = subprocess.run(
        [sys.executable, "-m", "molvae", "train", table.name, "-o", folder.name, *SETTINGS],
        env={**os.environ, "OMP_NUM_THREADS": "1", "MOLVAE_CACHE": "off"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        cwd=table.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 1 and "Traceback" not in process.stderr, process.stderr
    assert "cannot be written: File too large" in process.stderr
    assert f"molvae train --resume {folder.name}" in process.stderr
    finish(start(folder, "--resume", folder.name, "--no-report"))
    assert contents(folder) == contents(whole)
