"""Files are whole or not there, and what the user has made of them stays."""

import os
import stat
from contextlib import suppress

import pytest

from molvae.errors import InputError
from molvae.storage.files import atomic, check_writable, read_tensors, write_tensors, write_text


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
