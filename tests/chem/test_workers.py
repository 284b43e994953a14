"""Worker processes: ordered, bounded, quiet, and gone afterwards."""

import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from molvae.chem import map_chunks, usable_cores
from molvae.errors import ConfigError, MolVAEError


@pytest.mark.parametrize("workers", [None, 1, 2, 3])
def test_results_come_in_order(workers):
    chunks = [list(range(n)) for n in range(20)]
    assert list(map_chunks(sum, iter(chunks), workers=workers)) == [sum(chunk) for chunk in chunks]
    assert list(map_chunks(sum, [], workers=workers)) == []


def test_one_chunk_starts_no_process():
    assert list(map_chunks(_pid, [0])) == [os.getpid()] and 1 <= usable_cores() <= (os.cpu_count() or 1)


def _pid(_):
    return os.getpid()


@pytest.mark.parametrize("workers", [1, 2])
def test_chunks_are_taken_as_needed_and_workers_end(workers):
    taken: list[int] = []

    def endless() -> Iterator[list[int]]:
        while True:
            taken.append(len(taken))
            yield [len(taken)]

    before = _children()
    results = map_chunks(sum, endless(), workers=workers)
    assert [next(results) for _ in range(5)] == [1, 2, 3, 4, 5]
    assert len(taken) <= 5 + 2 * workers + 1
    results.close()
    assert _children() == before


def _children() -> set[str]:
    return {fields[0] for fields in _processes() if fields[2] == str(os.getpid())}


@pytest.mark.parametrize("workers", [1, 2])
def test_exceptions_pass_and_workers_end(workers):
    def broken() -> Iterator[list[int]]:
        yield from ([1], [2], [3])
        raise OSError("cut off")

    before = _children()
    with pytest.raises(ZeroDivisionError):
        list(map_chunks((1).__truediv__, [1, 2, 0, 4], workers=workers))
    with pytest.raises(OSError, match="cut off"):
        list(map_chunks(sum, broken(), workers=workers))
    assert _children() == before


def test_errors_of_the_workers():
    with pytest.raises(MolVAEError, match="a worker process died"):
        list(map_chunks(os._exit, [1, 1, 1], workers=2))
    with pytest.raises(ConfigError, match="workers must be at least 1, not 0"):
        map_chunks(sum, [[1]], workers=0)


SCRIPT = """
import time
from collections.abc import Iterator
from molvae.chem import map_chunks
for done in map_chunks(time.sleep, [0.0, 0.0] + [{nap}] * 20, workers=2):
    print("done", flush=True)
"""


def test_a_script_without_guard_runs_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("print('begin')\n" + SCRIPT.format(nap=0.0))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=_environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["begin"] + ["done"] * 22


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_no_orphan_is_left(tmp_path, end):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(nap=0.3))
    running = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment(),
        start_new_session=True,
    )  # fmt: skip
    assert running.stdout is not None
    with running:
        running.stdout.readline()
        os.killpg(running.pid, end) if end == signal.SIGINT else running.send_signal(end)
        running.stdout.read()
        running.wait()
    deadline = time.monotonic() + 5
    while _group(running.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _group(running.pid)


def test_from_threads_and_two_at_once():
    found: dict[int, list[int]] = {}

    def run(name: int) -> None:
        found[name] = list(map_chunks(sum, [[name, n] for n in range(9)], workers=2))

    threads = [threading.Thread(target=run, args=(name,)) for name in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {name: [name + n for n in range(9)] for name in (1, 2)}
    pairs = zip(*(map_chunks(sum, ([n, n] for n in range(9)), workers=2) for _ in range(2)), strict=True)
    assert list(pairs) == [(2 * n, 2 * n) for n in range(9)]


def test_an_abandoned_iterator_leaves_no_worker():
    before = _children()
    results = map_chunks(sum, ([n] for n in itertools.count()), workers=2)
    assert next(results) == 0
    assert _children() > before
    del results
    gc.collect()
    assert _children() == before


ABANDONED = """
from molvae.chem import map_chunks
results = map_chunks(sum, [[n] for n in range(99)], workers=2)
print(next(results), next(results))
"""
FORKED = """
import gc, os, sys
from molvae.chem import map_chunks
results = map_chunks(sum, [[n] for n in range(30)], workers=2)
assert next(results) == 0
child = os.fork()
if child == 0:
    assert list(map_chunks(sum, [[n] for n in range(9)], workers=2)) == list(range(9))
    del results
    gc.collect()
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert list(results) == list(range(1, 30))
print("0 1")
"""
SPAWNED = """
import multiprocessing
from molvae.chem import map_chunks

def work():
    assert list(map_chunks(sum, [[n] for n in range(9)], workers=2)) == list(range(9))
    print("0 1")

if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=work, daemon=True)
    child.start()
    child.join(60)
    assert child.exitcode == 0
"""


@pytest.mark.parametrize("script", [ABANDONED, FORKED, SPAWNED], ids=["abandoned at the end", "forked", "spawned"])
@pytest.mark.parametrize("way", ["file", "stdin", "-c"])
def test_ways_to_run(tmp_path, script, way):
    if script is SPAWNED and way != "file":
        pytest.skip("multiprocessing itself needs a file to spawn from")
    file = tmp_path / "script.py"
    file.write_text(script)
    how = {"file": [str(file)], "stdin": ["-"], "-c": ["-c", script]}[way]
    done = subprocess.run(
        [sys.executable, *how], input=script, capture_output=True, text=True, env=_environment(), timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 1\n", "")


ORPHANS = """
import os, time
from molvae.chem import map_chunks
results = map_chunks(sum, [[n] for n in range(99)], workers=2)
next(results)
if os.fork() == 0:
    os.setpgid(0, 0)
    time.sleep(8)
    os._exit(0)
print("forked", flush=True)
time.sleep(60)
"""


def test_a_fork_that_lives_on_keeps_no_worker(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE, env=_environment(), start_new_session=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"forked\n"
        running.kill()
        running.stdout.close()
    deadline = time.monotonic() + 5
    while _group(running.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _group(running.pid)


def _group(leader: int) -> set[str]:
    return {fields[0] for fields in _processes() if fields[3] == str(leader)}


def _processes() -> Iterator[list[str]]:
    """Number, state, parent and group of every process that has not ended."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = [entry.parent.name, *entry.read_text().rpartition(")")[2].split()[:3]]
        except OSError:
            continue
        if fields[1] != "Z":
            yield fields


def _environment() -> dict[str, str]:
    import molvae.errors

    return os.environ | {"PYTHONPATH": str(Path(molvae.errors.__file__).parents[1])}


def test_workers_load_no_torch():
    code = "import sys, molvae.chem.workers, molvae.corpus.cleaning; assert not {'torch', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env=_environment())
