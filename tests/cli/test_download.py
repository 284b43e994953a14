"""``molvae download`` as a shell sees it."""

import functools
import hashlib
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from molvae.corpus.datasets import DATASETS, DataFile
from tests.cli.shell import assert_error, molvae


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A folder on a server; MOSES is the files ``train`` and ``test`` in it."""
    folder = tmp_path / "served"
    folder.mkdir()
    contents = {"train": b"smiles\nCCO\n" * 1000, "test": b"smiles\nCCN\n"}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("MOLVAE_DATA", str(tmp_path / "data"))
    files = (
        DataFile(f"moses_{name}.csv", name, "sha256:" + hashlib.sha256(content).hexdigest())
        for name, content in contents.items()
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        base = f"http://127.0.0.1:{server.server_address[1]}/"
        monkeypatch.setitem(DATASETS, "moses", DATASETS["moses"]._replace(base=base, files=tuple(files)))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder
        server.shutdown()
        thread.join()


def run(*arguments):
    return molvae("download", *arguments)


def test_paths_on_stdout_and_the_rest_on_stderr(served, tmp_path):
    paths = [tmp_path / "data" / name for name in ("moses_train.csv", "moses_test.csv")]
    first = run("moses")
    assert first.exit_code == 0, first.stderr
    assert first.stdout == "".join(f"{path}\n" for path in paths)
    for fact in ("MOSES", "MIT licence", "https://github.com/molecularsets/moses", "11.0 kB", "http://127"):
        assert fact in first.stderr
    assert paths[1].read_text() == "smiles\nCCN\n"
    again = run("moses")
    assert again.stdout == first.stdout and "11.0 kB" in again.stderr and "downloaded" not in again.stderr


def test_a_missing_file_is_an_error(served, tmp_path):
    (served / "test").unlink()
    result = run("moses")
    assert_error(result, "http://127.0.0.1", "404")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["moses_train.csv"]


def test_no_folder(monkeypatch):
    monkeypatch.delenv("MOLVAE_DATA", raising=False)
    monkeypatch.setenv("MOLVAE_CACHE", "off")
    assert_error(run("moses"), "MOLVAE_DATA")


def test_every_data_set_can_be_named_and_no_other():
    for arguments in ([], ["qm9"], ["moses", "zinc250k"]):
        assert run(*arguments).exit_code == 2
    for name in DATASETS:
        assert run(name, "--help").exit_code == 0
    text = run("--help").output
    assert all(name in text for name in DATASETS) and "MOLVAE_DATA" in text
