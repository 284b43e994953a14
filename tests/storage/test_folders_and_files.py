"""The folder of a run: made, replaced, brought back; its files are whole or not there."""

import os
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from molvae.errors import InputError
from molvae.storage.files import atomic, check_writable, read_tensors, write_tensors, write_text
from molvae.storage.output_folder import BEGUN, FolderKind, forget_replaced, held, new_folder

KIND = FolderKind(
    "search",
    {BEGUN, "calls.csv"},
    is_one=lambda folder: (folder / BEGUN).is_file(),
    is_worthless=lambda folder: [path.name for path in folder.iterdir()] == ["calls.csv"],
    folders={"events": r"event\d+"},
)


def begun(folder, text):
    with new_folder(folder, KIND, overwrite=True):
        (folder / BEGUN).write_text(text)


def fails(folder):
    with new_folder(folder, KIND, overwrite=True) as replaces:
        assert replaces and not list(folder.iterdir())
        (folder / "calls.csv").write_text("new")
        raise KeyError


def test_an_older_run_is_restored_if_the_new_one_fails_and_other_files_stay(tmp_path):
    begun(tmp_path / "run", "old")
    with pytest.raises(KeyError):
        fails(tmp_path / "run")
    assert contents(tmp_path) == {f"run/{BEGUN}": "old"}
    with suppress(KeyError), new_folder(tmp_path / "run", KIND, overwrite=True):
        (tmp_path / "run" / "mine.txt").write_text("mine")
        raise KeyError
    assert contents(tmp_path) == {f"run/{BEGUN}": "old", "run/mine.txt": "mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_of_a_link_the_folder_is_replaced_any_number_of_times(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "run")
    for text in ("first", "second", "third"):
        begun(tmp_path / "link", text)
        assert (tmp_path / "disk" / "run" / BEGUN).read_text() == text
    assert (tmp_path / "link").is_symlink()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["run"]
    (tmp_path / "disk" / ".run.replaced").mkdir()
    (tmp_path / "disk" / ".run.replaced" / BEGUN).write_text("killed")
    forget_replaced(tmp_path / "link", KIND)
    assert not (tmp_path / "disk" / ".run.replaced").exists()


def test_the_folder_that_one_is_in_can_be_a_run_but_not_be_replaced(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    begun(Path(), "old")
    assert (tmp_path / "here" / BEGUN).read_text() == "old"
    with pytest.raises(InputError, match="that you are in"):
        begun(Path(), "new")
    assert (tmp_path / "here" / BEGUN).read_text() == "old"


@pytest.mark.parametrize("name", ["/", "file", "loop", "f" * 300])
def test_what_cannot_be_a_folder_is_told_in_a_sentence(tmp_path, name):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(InputError, match=r"cannot be|is a file|did not write"):
        begun(tmp_path / name, "")
    assert (tmp_path / "file").is_file()
    with pytest.raises(InputError, match="holds a zero byte"), held(Path("a\0b")):
        pass


FOREIGN = [".env", ".git/config", "thesis.docx", f".{BEGUN}.swp", ".calls.csv.bak", "events/notes.txt", "events/.env"]


@pytest.mark.parametrize("is_run", [True, False])
@pytest.mark.parametrize("name", [*FOREIGN, "report.html", "calls.csv/data", "events/event1/data"])
def test_a_folder_with_a_file_of_somebody_else_is_not_replaced_be_it_a_run_or_not(tmp_path, name, is_run):
    if is_run:
        begun(tmp_path / "run", "old")
    (tmp_path / "run" / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "run" / name).write_text("mine")
    before = contents(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(InputError), new_folder(tmp_path / "run", KIND, overwrite=overwrite):
            pass
        assert contents(tmp_path) == before


def test_links_in_a_run_are_somebody_elses(tmp_path):
    begun(tmp_path / "run", "old")
    (tmp_path / "data").write_text("mine")
    (tmp_path / "run" / "calls.csv").symlink_to(tmp_path / "data")
    with pytest.raises(InputError, match=r"calls\.csv"):
        begun(tmp_path / "run", "new")
    assert (tmp_path / "data").read_text() == "mine"


def test_a_run_with_events_and_leftovers_is_replaced_and_one_of_no_worth_unasked(tmp_path):
    begun(tmp_path / "run", "old")
    (tmp_path / "run" / "events").mkdir()
    for name in ("events/event1", ".calls.csv.ab3_xyz9.csv", f".{BEGUN}.abcdefgh.toml"):
        (tmp_path / "run" / name).write_text("")
    begun(tmp_path / "run", "new")
    assert contents(tmp_path) == {f"run/{BEGUN}": "new"}
    (tmp_path / "run" / BEGUN).rename(tmp_path / "run" / "calls.csv")
    with new_folder(tmp_path / "run", KIND, overwrite=False):
        assert not contents(tmp_path / "run")


def contents(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


HOLDS = """
import pathlib, sys, time
from molvae.storage.output_folder import held
with held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_of_two_processes_one_holds_a_folder_and_the_other_is_told_which(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "run")
    holder = subprocess.Popen([sys.executable, "-c", HOLDS, tmp_path / "run"], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    for name in ("run", "link"):
        with pytest.raises(InputError, match=f"in use by process {holder.pid} on "), held(tmp_path / name):
            pass
    with held(tmp_path / "another"):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with held(tmp_path / "run"), pytest.raises(InputError, match=f"process {os.getpid()}"), held(tmp_path / "run"):
        pass
    with held(tmp_path / "run"):
        pass
    assert {path.name for path in tmp_path.iterdir()} <= {"link", ".another.lock", ".run.lock"}


def test_without_locks_it_is_said_and_goes_on(tmp_path, monkeypatch):
    import filelock

    def no_locks(self):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "acquire", no_locks)
    with pytest.warns(UserWarning, match="cannot be locked .No locks available."), held(tmp_path / "run"):
        pass


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_block_that_raises_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    with suppress(KeyError), atomic(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("was", [0o600, 0o755])
def test_a_file_keeps_its_mode_and_a_new_one_is_as_public_as_any(tmp_path, was):
    path, new, other = tmp_path / "out.csv", tmp_path / "new.csv", tmp_path / "other.csv"
    path.write_text("old")
    path.chmod(was)
    other.write_text("")
    write_text(path, "new")
    write_text(new, "new")
    assert path.read_text() == "new" and mode(path) == was and mode(new) == mode(other)


def test_behind_a_link_the_file_is_written_and_the_link_stays(tmp_path):
    (tmp_path / "disk").mkdir()
    for name in ("there.csv", "new.csv"):
        link = tmp_path / name
        link.symlink_to(tmp_path / "disk" / name)
        (tmp_path / "disk" / "there.csv").write_text("old")
        write_text(link, "new")
        assert link.is_symlink() and (tmp_path / "disk" / name).read_text() == "new"


@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "device"])
def test_what_is_no_file_is_refused_and_stays(tmp_path, kind):
    path = tmp_path / "out.csv"
    make = {"pipe": lambda: os.mkfifo(path), "folder": path.mkdir, "loop": lambda: path.symlink_to(path)}
    make.get(kind, lambda: path.symlink_to(os.devnull))()
    before = os.lstat(path)
    for refuses in (lambda: write_text(path, "new"), lambda: check_writable(path)):
        with pytest.raises(InputError, match=r"out\.csv cannot be written: it is a"):
            refuses()
    assert os.path.samestat(before, os.lstat(path)) and [one.name for one in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    path.chmod(0o400)
    with pytest.raises(InputError, match="Permission denied"):
        write_text(path, "new")
    assert path.read_text() == "old"


def test_tensors_on_a_full_disk_are_one_sentence_and_the_old_ones_stay(tmp_path, monkeypatch):
    import torch

    path = tmp_path / "state.safetensors"
    write_tensors(path, {"w": torch.ones(3)}, {"step": 1})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(InputError, match="cannot be written: No space left on device"):
        write_tensors(path, {"w": torch.zeros(3)}, {"step": 2})
    assert read_tensors(path)[1] == {"step": 1} and list(tmp_path.iterdir()) == [path]
