"""Public data sets from a server on this machine: whole and right, or not there, and told in one sentence."""

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


def assert_nothing_in(folder):
    assert [path.name for path in folder.iterdir()] == []


def test_files_come_whole_and_are_not_fetched_again(server, cache):
    told = []
    paths = download("moses", on_progress=lambda *heard: told.append(heard))
    assert paths == [cache / "moses_train.csv.gz", cache / "moses_test.csv.gz"]
    assert [path.read_bytes() for path in paths] == [CONTENT["train.csv.gz"], CONTENT["test.csv.gz"]]
    assert sorted(path.name for path in cache.iterdir()) == ["moses_test.csv.gz", "moses_train.csv.gz"]
    train = [heard for heard in told if heard[0] == "moses_train.csv.gz"]
    assert train[-1] == ("moses_train.csv.gz", 300_000, 300_000) and train == sorted(train) and len(train) > 2
    assert server.asked == ["train.csv.gz", "test.csv.gz"]
    assert download("moses") == paths and find("moses_train") == paths[0]
    assert len(server.asked) == 2


def test_files_are_as_public_as_any_other(server, cache):
    download("moses")
    other = cache / "other"
    other.touch()
    assert {stat.filemode(path.stat().st_mode) for path in cache.iterdir()} == {stat.filemode(other.stat().st_mode)}


def test_a_file_that_is_not_right_is_fetched_again(server, cache):
    cache.mkdir(parents=True)
    (cache / "moses_train.csv.gz").write_bytes(b"half of it")
    (cache / "moses_test.csv.gz").write_bytes(CONTENT["test.csv.gz"])
    download("moses")
    assert server.asked == ["train.csv.gz"]
    assert (cache / "moses_train.csv.gz").read_bytes() == CONTENT["train.csv.gz"]


@pytest.mark.parametrize(
    ("answer", "parts"),
    [
        (b"please log in", ["is not moses_train.csv.gz (sha256:", "was not kept"]),
        (404, ["the server says '404 Not Found'", "it may have moved"]),
        (503, ["the server says '503 Service Unavailable'", "try again later"]),
        ((b"half", 300_000), ["stopped after", "of 300,000 bytes", "try again"]),
        ((b"no length", None), ["is not moses_train.csv.gz"]),
    ],
)
def test_what_is_not_right_is_told_and_not_kept(server, cache, answer, parts):
    server.answers["train.csv.gz"] = answer
    with pytest.raises(InputError) as caught:
        download("moses")
    for part in [DATASETS["moses"].base + "train.csv.gz", *parts]:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert_nothing_in(cache)


def test_what_was_there_outlives_a_download_that_fails(server, cache):
    cache.mkdir(parents=True)
    (cache / "moses_train.csv.gz").write_bytes(b"mine")
    server.answers["train.csv.gz"] = 404
    with pytest.raises(InputError):
        download("moses")
    assert (cache / "moses_train.csv.gz").read_bytes() == b"mine"


def test_a_length_that_is_not_told(server, cache):
    server.answers["train.csv.gz"] = (CONTENT["train.csv.gz"], None)
    told = []
    download("moses", on_progress=lambda name, done, total: told.append((done, total)))
    assert (cache / "moses_train.csv.gz").read_bytes() == CONTENT["train.csv.gz"]
    assert told[0][1] == 0 < told[0][0]


@pytest.mark.parametrize("base", ["http://127.0.0.1:1/", "http://nowhere.invalid/"])
def test_no_network(server, cache, monkeypatch, base):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setitem(DATASETS, "moses", DATASETS["moses"]._replace(base=base))
    with pytest.raises(InputError, match=r"train.csv.gz cannot be reached \(.+\): check the network") as caught:
        download("moses")
    assert "object at 0x" not in str(caught.value) and len(str(caught.value)) < 200
    assert_nothing_in(cache)


def test_an_interrupted_download_leaves_nothing(server, cache):
    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download("moses", on_progress=interrupt)
    assert_nothing_in(cache)


def test_a_full_disk(server, cache, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", full)
    with pytest.raises(InputError, match=r"moses_train.csv.gz cannot be written: No space left on device"):
        download("moses")
    assert_nothing_in(cache)


def test_folders_that_cannot_be_written(server, tmp_path):
    with pytest.raises(InputError, match=r"/proc/nowhere cannot be made .*set MOLVAE_DATA"):
        download("moses", folder="/proc/nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made"):
        download("moses", folder=tmp_path / "file")


def test_the_blob_of_git_is_compared(server, cache):
    assert download("zinc250k") == [cache / "zinc250k.csv"]
    assert download("zinc250k") == [find("zinc250k")] and server.asked == ["zinc.csv"]
    (cache / "zinc250k.csv").write_bytes(b"smiles\nCCN\n")
    server.answers["zinc.csv"] = b"smiles\nCCC\n"
    with pytest.raises(InputError, match=r"is not zinc250k.csv \(git:"):
        download("zinc250k")


def test_the_blob_is_that_of_git(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT["train.csv.gz"])
    said = subprocess.run(["git", "hash-object", path], capture_output=True, text=True, check=True).stdout.strip()
    assert datasets._checksum(path, "git:") == f"git:{said}" == git_blob(CONTENT["train.csv.gz"])


def test_a_copy_under_another_name_is_taken(server, cache):
    cache.mkdir(parents=True)
    (cache / "zinc250k.csv.gz").write_bytes(b"mine")
    assert find("zinc250k") == cache / "zinc250k.csv.gz" == download("zinc250k")[0]
    assert server.asked == []


def test_the_folder_of_the_user_goes_first(server, cache, tmp_path, monkeypatch):
    download("moses")
    mine = tmp_path / "mine" / "data"
    monkeypatch.setenv("MOLVAE_DATA", str(mine))
    assert find("moses_train") == cache / "moses_train.csv.gz"  # while there is none in the user's
    assert download("moses") == [mine / "moses_train.csv.gz", mine / "moses_test.csv.gz"]
    assert find("moses_train") == mine / "moses_train.csv.gz" == find_optional("moses_train")
    (mine / "moses_train.csv.gz").write_bytes(b"a smaller one, say")
    assert find("moses_train") == mine / "moses_train.csv.gz"


def test_the_home_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MOLVAE_DATA", "~/data")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "moses_test.csv.gz").touch()
    assert find("moses_test") == tmp_path / "data" / "moses_test.csv.gz"


def test_what_is_missing_is_told(cache, tmp_path, monkeypatch):
    assert find_optional("moses_test_scaffolds") is None
    with pytest.raises(InputError, match=r"moses_test.csv.gz is not in .*: get it by molvae download moses") as caught:
        find("moses_test")
    assert str(cache) in str(caught.value)
    monkeypatch.setenv("MOLVAE_DATA", str(tmp_path / "mine"))
    with pytest.raises(InputError, match="molvae download zinc250k") as caught:
        find("zinc250k")
    assert str(cache) in str(caught.value) and str(tmp_path / "mine") in str(caught.value)
    with pytest.raises(InputError, match="no data file 'qm9'; there are: moses_train, "):
        find("qm9")
    with pytest.raises(InputError, match="no data set 'qm9'; there are: moses, zinc250k"):
        download("qm9")


def test_no_cache(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MOLVAE_CACHE", "off")
    with pytest.raises(InputError, match=r"MOLVAE_CACHE=off\), so set MOLVAE_DATA .* molvae download moses"):
        find("moses_test")
    with pytest.raises(InputError, match="set MOLVAE_DATA to a folder"):
        download("moses")
    assert server.asked == []
    monkeypatch.setenv("MOLVAE_DATA", str(tmp_path))
    assert download("moses") == [tmp_path / "moses_train.csv.gz", tmp_path / "moses_test.csv.gz"]
    with pytest.raises(InputError, match="molvae download zinc250k"):
        find("zinc250k")


def test_every_file_has_a_checksum_that_is_one():
    for dataset in DATASETS.values():
        assert dataset.base.startswith("https://") and dataset.base.endswith("/")
        for file in dataset.files:
            kind, digest = file.checksum.split(":")
            assert len(bytes.fromhex(digest)) == {"sha256": 32, "git": 20}[kind]


@pytest.mark.data
@pytest.mark.parametrize("name", ["moses_train", "moses_test"])
def test_checksums_of_moses(name):
    path = Path(FOLDER or ".") / f"{name}.csv.gz"
    if not FOLDER or not path.exists():
        pytest.skip(f"needs {name}.csv.gz in the folder $MOLVAE_DATA")
    _, file = datasets._known(name)
    assert datasets._checksum(path, file.checksum) == file.checksum
