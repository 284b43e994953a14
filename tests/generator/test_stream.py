"""Laws of the stream: no arrangement of threads and processes changes a molecule, and none outlives it."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

import molvae
from molvae import ConfigError, Decoding, MolVAE
from molvae.chem import PROPERTIES, property_table
from molvae.generator.sampling.draws import BLOCK, Draws, decoded
from molvae.generator.sampling.stream import Resources, SampleRequest, open_stream


@pytest.fixture(scope="module")
def vae(tiny_run):
    return MolVAE.from_pretrained(tiny_run)


def talk(z, decoding, uniforms):
    """A decoder that is good at chemistry: chains with a functional group, one in five a wrong one."""
    groups = ["O", "N", "C(=O)O", "S(", "c1ccccc1"]
    lengths = (uniforms[:, 0] * 40).astype(int)
    return ["C" * length + groups[int(row[1] * 5)] for length, row in zip(lengths, uniforms, strict=True)]


def draws(seed=0, batch_size=512, decode=talk):
    return Draws(decode, 3, Decoding(max_length=4), seed=seed, batch_size=batch_size)


def read(n, *, threads=1, workers=1, **given):
    with open_stream(
        draws(**given), SampleRequest(n), Resources(threads, workers, on_cpu=True), distributed=False
    ) as stream:
        return [one for block in stream for one in block], stream.account


def children() -> set[str]:
    # A child belongs to the thread that started it; a thread may end while it is looked at, and has none then.
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            found.update((task / "children").read_text().split())
    return found


def test_no_arrangement_changes_a_molecule():
    expected, account = read(120)
    assert len(set(expected)) == 120
    for threads, workers, batch_size in [(2, 1, 512), (3, 2, 512), (1, 2, 7), (5, 1, 5000)]:
        smiles, same = read(120, threads=threads, workers=workers, batch_size=batch_size)
        assert smiles == expected
        assert (same.drawn, same.valid, same.duplicates) == (account.drawn, account.valid, account.duplicates)
    assert read(120, seed=1)[0] != expected


def test_fewer_are_the_first_of_more():
    assert read(20)[0] == read(120)[0][:20]


def test_a_model_keeps_the_law_too(vae):
    with vae.stream(30, seed=0) as stream:
        streamed = [one for molecules in stream for one in molecules]
    assert streamed == vae.sample(30, seed=0) == vae.sample(40, seed=0, batch_size=100)[:30]
    assert stream.account.found == 30
    with vae.stream(30, seed=0, workers=2) as stream:
        assert [one for molecules in stream for one in molecules] == streamed
    account = vae.collect(30, seed=0)
    assert account.smiles == streamed and account.seconds > 0


def test_raw_is_what_draws_gives(vae):
    with vae.stream(1100, seed=0, raw=True) as stream:
        texts = [one for block in stream for one in block]
    assert texts == [one for block in islice(vae.draws(Decoding(), seed=0), 2) for one in block][:1100]


def test_properties_are_those_of_the_table(vae):
    with vae.stream(10, seed=0, properties=list(PROPERTIES)) as stream:
        blocks = list(stream)
    table = property_table([one for block in blocks for one in block])
    np.testing.assert_array_equal(np.concatenate([block.properties for block in blocks]), table.to_numpy())


def test_little_is_decoded_for_little():
    asked: list[int] = []

    def decode(z, decoding, uniforms):
        asked.append(len(z))
        return talk(z, decoding, uniforms)

    read(50, decode=decode)
    assert sum(asked) <= 3 * 64 and max(asked) <= 128


def test_decoding_waits_for_its_reader():
    asked: list[int] = []

    def decode(z, decoding, uniforms):
        asked.append(len(z))
        return talk(z, decoding, uniforms)

    with closing(decoded(draws(decode=decode, batch_size=BLOCK), lambda: 10**9, threads=2)) as blocks:
        next(blocks)
        time.sleep(0.3)
        assert len(asked) <= 5


def test_a_stream_left_early_leaves_nothing():
    processes, threads = children(), threading.active_count()
    stream = open_stream(draws(), SampleRequest(10**6), Resources(2, 2, on_cpu=True), distributed=False)
    next(stream)
    assert len(children()) > len(processes) and torch.get_num_threads() == 1
    stream.close()
    assert (children(), threading.active_count()) == (processes, threads)
    assert list(stream) == []


def test_torch_has_its_threads_again():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        one, two = (
            open_stream(draws(seed), SampleRequest(100), Resources(1, 1, on_cpu=True), distributed=False)
            for seed in (0, 1)
        )
        next(one), next(two)
        one.close()
        assert torch.get_num_threads() == 1
        two.close()
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_what_decoding_raises_passes():
    def broken(z, decoding, uniforms):
        raise MemoryError("no more")

    processes = children()
    for workers in (1, 2):
        with pytest.raises(MemoryError, match="no more"):
            read(10, decode=broken, threads=2, workers=workers)
    assert children() == processes


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"workers": 0}, "workers must be at least 1"),
        ({"properties": ["beauty"]}, "no property is named 'beauty'"),
        ({"raw": True, "properties": ["qed"]}, "raw"),
        ({"raw": True, "novel": True}, "raw"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_what_stream_refuses(vae, given, message):
    with pytest.raises(ConfigError, match=message):
        vae.stream(3, **given)


def test_sampling_from_a_thread(vae):
    results: list[list[str]] = []
    threads = [threading.Thread(target=lambda: results.append(vae.sample(20, seed=0))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [vae.sample(20, seed=0)] * 2


SCRIPTS: dict[str, str] = {
    "command": "print(*vae.sample(5, seed=0))",
    "workers": """
with vae.stream(5, seed=0, workers=2) as stream:
    print(*(one for block in stream for one in block))
""",
    # The parent has computed with threads, which a forked child has not: it must not wait for them.
    "fork": """
import os, torch
torch.set_num_threads(2)
smiles = ["CCO"] * 300 + ["c1ccccc1"] * 300
encoded = vae.encode(smiles)
(torch.ones(700, 700) @ torch.ones(700, 700)).tanh().sum()
reader, writer = os.pipe()
child = os.fork()
if not child:
    (torch.ones(700, 700) @ torch.ones(700, 700)).tanh().sum()
    vae.encode(smiles)
    os.write(writer, " ".join(vae.sample(5, seed=0)).encode())
    os._exit(0)
os.close(writer)
print(open(reader).read())
os.waitpid(child, 0)
""",
}


def script(name: str, model: Path) -> str:
    return f"from molvae import MolVAE\nvae = MolVAE.from_pretrained({str(model)!r})\n{SCRIPTS[name]}"


def run(command: list[str]) -> str:
    environment = os.environ | {"PYTHONPATH": str(Path(molvae.__file__).parents[1])}
    environment.pop("OMP_NUM_THREADS", None)
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    try:
        return running.communicate(timeout=60)[0]
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.communicate()


@pytest.mark.parametrize("name", list(SCRIPTS))
def test_it_works_without_guard_in_any_start(vae, tiny_run, tmp_path, name):
    expected = " ".join(vae.sample(5, seed=0))
    (tmp_path / "script.py").write_text(script(name, tiny_run))
    assert run([sys.executable, str(tmp_path / "script.py")]).strip() == expected


def test_it_works_from_the_command_line_of_python(vae, tiny_run):
    expected = " ".join(vae.sample(5, seed=0))
    assert run([sys.executable, "-c", script("workers", tiny_run)]).strip() == expected


SPAWNED = """
import multiprocessing
from molvae import MolVAE
def work(model):
    vae = MolVAE.from_pretrained(model)
    with vae.stream(5, seed=0, workers=2) as stream:
        return " ".join(one for block in stream for one in block)
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.apply(work, [{model!r}]))
"""


def test_it_works_in_a_spawned_process(vae, tiny_run, tmp_path):
    (tmp_path / "script.py").write_text(SPAWNED.format(model=str(tiny_run)))
    assert run([sys.executable, str(tmp_path / "script.py")]).strip() == " ".join(vae.sample(5, seed=0))
