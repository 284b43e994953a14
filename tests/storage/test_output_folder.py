"""The folder of a run: made, replaced, and brought back."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from molvae.errors import InputError
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
