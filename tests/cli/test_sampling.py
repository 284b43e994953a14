"""Long samplings as a shell runs them: interrupted, broken off, shared among processes; nothing is left behind."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import molvae
from molvae.chem import canonical
from tests.cli import shell

SAMPLE = [sys.executable, "-m", "molvae", "sample", "--seed", "0"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
SHARED = [*TORCHRUN, "molvae", "sample", "--seed", "0"]


def start(command):
    environment = os.environ | {"PYTHONPATH": str(Path(molvae.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([str(one) for one in command], env=environment, start_new_session=True, **pipes)


def finish(running):
    """Output and errors; whatever of its session is left after that is killed."""
    try:
        stdout, stderr = running.communicate(timeout=120)
        deadline = time.monotonic() + 5
        while group(running.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not group(running.pid)
        return stdout, stderr
    finally:
        if group(running.pid):
            os.killpg(running.pid, signal.SIGKILL)
            running.communicate()


def group(leader):
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":  # by session: torchrun makes groups for its processes
            found.append(entry.parent.name)
    return found


def wait_for_growth(folder, size=2_000):
    """Until the file that is being written beside its final name has some molecules."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any(path.stat().st_size > size for path in folder.glob(".out.*")):
            return
        time.sleep(0.02)
    raise AssertionError("nothing was written")


@pytest.mark.parametrize(
    ("number", "workers"),
    [(signal.SIGINT, 2), (signal.SIGTERM, 1)],
)
def test_an_interrupted_sampling_keeps_what_there_is(tiny_run, tmp_path, number, workers):
    path = tmp_path / "out.csv"
    command = [*SAMPLE, "-n", 10**6, "-o", path, "--model", tiny_run, "--max-len", 8, "--workers", workers]
    running = start(command)
    wait_for_growth(tmp_path, 200)
    os.killpg(running.pid, number) if number == signal.SIGINT else running.send_signal(number)
    stdout, stderr = finish(running)
    assert (running.returncode, stdout) == (130, "")
    message = re.search(r"interrupted: ([\d,]+) of the 1,000,000 molecules are in", stderr)
    assert message is not None and "RDKit" in stderr and "Traceback" not in stderr
    header, *smiles = path.read_text().splitlines()
    assert header == "smiles" and len(set(smiles)) == len(smiles) == int(message[1].replace(",", "")) > 0
    assert all(canonical(one) == one for one in smiles)
    assert list(tmp_path.iterdir()) == [path]


def test_a_model_that_gives_out_leaves_what_it_gave(tiny_run, tmp_path):
    path = tmp_path / "out.smi"
    result = shell.molvae("sample", "-n", 1000, "-o", path, "--model", tiny_run, "--max-len", 2, "--seed", 0)
    smiles, stderr = path.read_text().splitlines(), " ".join(result.stderr.split())
    assert result.exit_code == 1 and len(set(smiles)) == len(smiles) > 0
    assert re.search(rf"the model gave {len(smiles)} of the 1,000 molecules asked for in \d0,000 draws", stderr)
    assert f"the {len(smiles)} are in {path}" in stderr


def test_what_is_streamed_is_what_is_written(tiny_run, tmp_path):
    path, common = tmp_path / "out.csv", ["sample", "--seed", 0, "-n", 10, "--properties", "--model", tiny_run]
    streamed = shell.works(*common, "--workers", 2).stdout
    shell.works(*common, "-b", 100, "--workers", 1, "-o", path)
    assert len(streamed.splitlines()) == 11 and streamed == path.read_text()


@pytest.mark.long
def test_processes_of_torchrun_give_what_one_gives(tiny_run, tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    common = ["-n", 60, "--properties", "--model", tiny_run, "-o"]
    finish(start([*SAMPLE, *common, one]))
    running = start([*SHARED, *common, two])
    stdout, stderr = finish(running)
    assert (running.returncode, stdout) == (0, ""), stderr
    assert two.read_bytes() == one.read_bytes()
    assert stderr.count("written: ") == stderr.count("molecules/s") == 1
    assert "RDKit's 2 processes" in stderr


@pytest.mark.slow
def test_an_error_in_torchrun_ends_all_processes_and_is_printed_once(tiny_run):
    running = start([*SHARED, "-n", 1000, "--max-len", 2, "--model", tiny_run])
    _, stderr = finish(running)
    assert running.returncode == 1 and stderr.count("and almost nothing new comes") == stderr.count("error: ") == 1
    assert "Traceback (most" not in stderr.split("torch/dist")[0]


@pytest.mark.slow
def test_interrupted_processes_of_torchrun_keep_what_there_is(tiny_run, tmp_path):
    path = tmp_path / "out.csv"
    running = start([*SHARED, "-n", 10**6, "-o", path, "--model", tiny_run, "--max-len", 8])
    wait_for_growth(tmp_path, 200)
    os.killpg(running.pid, signal.SIGINT)
    _, stderr = finish(running)
    assert running.returncode != 0 and "interrupted: " in stderr
    smiles = path.read_text().splitlines()[1:]
    assert f"interrupted: {len(smiles):,} of the" in stderr and len(set(smiles)) == len(smiles) > 0
