"""Downloads from a local server: a file is complete and correct, or missing, and errors are one sentence."""

import hashlib
import os
import stat
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from molvae import InputError
from molvae.corpus import datasets
from molvae.corpus.datasets import DATASETS, DataFile, download, find, find_optional
from tests.cli.shell import assert_error, molvae, works

FOLDER = os.environ.get("MOLVAE_DATA")
CONTENT = {"train.csv.gz": os.urandom(300_000), "test.csv.gz": b"test", "zinc.csv": b"smiles\nCCO\n"}


class Server(ThreadingHTTPServer):
    """Serves `CONTENT`, or what `answers` has in its place; remembers what was asked for."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        self.answers = {}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.removeprefix("/data/")
        self.server.asked.append(name)
        answer = self.server.answers.get(name, CONTENT.get(name, 404))
        if isinstance(answer, int):
            self.send_error(answer)
            return
        content, length = answer if isinstance(answer, tuple) else (answer, len(answer))
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        base = f"http://127.0.0.1:{running.server_address[1]}/data/"
        moses = (
            DataFile("moses_train.csv.gz", "train.csv.gz", sha256(CONTENT["train.csv.gz"])),
            DataFile("moses_test.csv.gz", "test.csv.gz", sha256(CONTENT["test.csv.gz"])),
        )
        zinc = DataFile("zinc250k.csv", "zinc.csv", git_blob(CONTENT["zinc.csv"]), other_name="zinc250k.csv.gz")
        monkeypatch.setitem(DATASETS, "moses", DATASETS["moses"]._replace(base=base, files=moses))
        monkeypatch.setitem(DATASETS, "zinc250k", DATASETS["zinc250k"]._replace(base=base, files=(zinc,)))
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and no folder of the user's."""
    monkeypatch.setenv("MOLVAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MOLVAE_DATA", raising=False)
    return tmp_path / "cache" / "data"


def sha256(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def git_blob(content):
    return "git:" + hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def test_files_are_downloaded_once_unless_they_are_wrong_with_progress_and_the_usual_mode(server, cache):
    calls = []
    paths = download("moses", on_progress=lambda *call: calls.append(call))
    assert paths == [cache / "moses_train.csv.gz", cache / "moses_test.csv.gz"]
    assert [path.read_bytes() for path in paths] == [CONTENT["train.csv.gz"], CONTENT["test.csv.gz"]]
    train = [call for call in calls if call[0] == "moses_train.csv.gz"]
    assert train[-1] == ("moses_train.csv.gz", 300_000, 300_000) and train == sorted(train) and len(train) > 2
    assert download("moses") == paths and find("moses_train") == paths[0]
    assert server.asked == ["train.csv.gz", "test.csv.gz"]
    (cache / "other").touch()
    assert len({stat.filemode(path.stat().st_mode) for path in cache.iterdir()}) == 1
    (cache / "other").unlink()
    assert sorted(cache.iterdir()) == sorted(paths)
    paths[0].write_bytes(b"half of it")
    server.answers["train.csv.gz"] = (CONTENT["train.csv.gz"], None)  # without its length
    calls.clear()
    assert download("moses", on_progress=lambda *call: calls.append(call)) == paths and calls[0][2] == 0 < calls[0][1]
    assert server.asked == ["train.csv.gz", "test.csv.gz", "train.csv.gz"]
    assert paths[0].read_bytes() == CONTENT["train.csv.gz"]


@pytest.mark.parametrize(
    ("answer", "parts"),
    [
        (b"please log in", ["moses_train.csv.gz (checksum sha256:"]),
        (404, ["'404 Not Found'"]),
        (503, ["'503 Service Unavailable'", "try again later"]),
        ((b"half", 300_000), ["of 300,000 bytes"]),
        ((b"no length", None), ["moses_train.csv.gz (checksum"]),
    ],
)
def test_a_failed_download_is_one_sentence_and_keeps_what_was_there(server, cache, answer, parts):
    server.answers["train.csv.gz"] = answer
    for before in (None, b"mine"):
        if before is not None:
            (cache / "moses_train.csv.gz").write_bytes(before)
        with pytest.raises(InputError) as caught:
            download("moses")
        assert all(part in str(caught.value) for part in [DATASETS["moses"].base + "train.csv.gz", *parts])
        assert "\n" not in str(caught.value)
        assert [path.read_bytes() for path in cache.iterdir()] == ([] if before is None else [before])


@pytest.mark.parametrize("base", ["http://127.0.0.1:1/", "http://nowhere.invalid/"])
def test_no_network(server, cache, monkeypatch, base):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setitem(DATASETS, "moses", DATASETS["moses"]._replace(base=base))
    with pytest.raises(InputError, match=r"train.csv.gz cannot be reached \(.+\): check the network") as caught:
        download("moses")
    assert "object at 0x" not in str(caught.value) and len(str(caught.value)) < 200
    assert not list(cache.iterdir())


def test_interruptions_and_a_full_disk_leave_nothing(server, cache, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    def full(*_):
        raise OSError(28, "No space left on device")

    with pytest.raises(KeyboardInterrupt):
        download("moses", on_progress=interrupt)
    monkeypatch.setattr("pooch.HTTPDownloader.__call__", full)
    with pytest.raises(InputError, match=r"moses_train.csv.gz cannot be written: No space left on device"):
        download("moses")
    assert not list(cache.iterdir())


def test_folders_that_cannot_be_made(server, tmp_path):
    (tmp_path / "file").touch()
    for folder in ("/proc/nowhere", tmp_path / "file"):
        with pytest.raises(InputError, match=f"{folder} cannot be made .*set MOLVAE_DATA"):
            download("moses", folder=folder)


def test_the_hash_of_the_git_blob_is_compared(server, cache, tmp_path):
    assert download("zinc250k") == [cache / "zinc250k.csv"]
    assert download("zinc250k") == [find("zinc250k")] and server.asked == ["zinc.csv"]
    (cache / "zinc250k.csv").write_bytes(b"smiles\nCCN\n")
    server.answers["zinc.csv"] = b"smiles\nCCC\n"
    with pytest.raises(InputError, match=r"zinc250k.csv \(checksum git:"):
        download("zinc250k")
    (cache / "zinc250k.csv").rename(cache / "zinc250k.csv.gz")  # a copy under another name is used
    server.asked.clear()
    assert find("zinc250k") == cache / "zinc250k.csv.gz" == download("zinc250k")[0] and not server.asked
    path = tmp_path / "file"
    path.write_bytes(CONTENT["train.csv.gz"])
    by_git = subprocess.run(["git", "hash-object", path], capture_output=True, text=True, check=True).stdout.strip()
    assert datasets._checksum(path, "git:") == f"git:{by_git}" == git_blob(CONTENT["train.csv.gz"])


def test_the_folder_of_the_user_goes_first(server, cache, tmp_path, monkeypatch):
    download("moses")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MOLVAE_DATA", "~/mine/data")
    mine = tmp_path / "mine" / "data"
    assert find("moses_train") == cache / "moses_train.csv.gz"  # the user's folder does not exist yet
    assert download("moses") == [mine / "moses_train.csv.gz", mine / "moses_test.csv.gz"]
    assert find("moses_train") == mine / "moses_train.csv.gz" == find_optional("moses_train")
    (mine / "moses_train.csv.gz").write_bytes(b"a smaller one")
    assert find("moses_train") == mine / "moses_train.csv.gz"


def test_errors_name_what_is_missing_and_what_to_do(cache, tmp_path, monkeypatch):
    assert find_optional("moses_test_scaffolds") is None
    monkeypatch.setenv("MOLVAE_DATA", str(tmp_path / "mine"))
    with pytest.raises(InputError, match="molvae download moses") as caught:
        find("moses_test")
    assert all(part in str(caught.value) for part in ("moses_test.csv.gz", str(cache), str(tmp_path / "mine")))
    with pytest.raises(InputError, match=r"'qm9'.* moses_train, "):
        find("qm9")
    with pytest.raises(InputError, match=r"'qm9'.* moses, zinc250k"):
        download("qm9")


def test_no_cache(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MOLVAE_CACHE", "off")
    for call in (lambda: find("moses_test"), lambda: download("moses")):
        with pytest.raises(InputError, match=r"MOLVAE_CACHE=off\), so set MOLVAE_DATA"):
            call()
    assert server.asked == []
    monkeypatch.setenv("MOLVAE_DATA", str(tmp_path))
    assert download("moses") == [tmp_path / "moses_train.csv.gz", tmp_path / "moses_test.csv.gz"]
    with pytest.raises(InputError, match="molvae download zinc250k"):
        find("zinc250k")


def test_the_command_prints_paths_on_stdout_and_the_rest_on_stderr(server, cache):
    paths = [cache / name for name in ("moses_train.csv.gz", "moses_test.csv.gz")]
    first = works("download", "moses")
    assert first.stdout == "".join(f"{path}\n" for path in paths)
    for fact in ("MOSES", "MIT licence", "https://github.com/molecularsets/moses", "300.0 kB", "http://127"):
        assert fact in first.stderr
    again = molvae("download", "moses")
    assert again.stdout == first.stdout and "300.0 kB" in again.stderr and "downloaded" not in again.stderr
    paths[0].unlink()
    server.answers["train.csv.gz"] = 404
    assert_error(molvae("download", "moses"), "http://127.0.0.1", "404")


def test_every_data_set_can_be_named_and_no_other():
    for arguments in ([], ["qm9"], ["moses", "zinc250k"]):
        assert molvae("download", *arguments).exit_code == 2
    text = molvae("download", "--help").output
    assert all(name in text for name in DATASETS) and "MOLVAE_DATA" in text


@pytest.mark.data
@pytest.mark.parametrize("name", ["moses_train", "moses_test"])
def test_checksums_of_moses(name):
    path = Path(FOLDER or ".") / f"{name}.csv.gz"
    if not FOLDER or not path.exists():
        pytest.skip(f"needs {name}.csv.gz in the folder $MOLVAE_DATA")
    _, file = datasets._known(name)
    assert datasets._checksum(path, file.checksum) == file.checksum
