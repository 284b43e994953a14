"""The folder of a run: made, replaced, and brought back."""

from pathlib import Path

import pytest

from molvae.errors import InputError
from molvae.new_folder import BEGUN, forget_replaced, new_folder

OWN = {BEGUN, "calls.csv"}


def begun(folder, text):
    with new_folder(folder, OWN, overwrite=True):
        (folder / BEGUN).write_text(text)


def fails(folder):
    with new_folder(folder, OWN, overwrite=True) as replaces:
        assert replaces and not list(folder.iterdir())
        (folder / "calls.csv").write_text("new")
        raise KeyError


def test_an_older_run_comes_back_should_the_new_one_come_to_nothing(tmp_path):
    begun(tmp_path / "run", "old")
    with pytest.raises(KeyError):
        fails(tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == [BEGUN]
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
    forget_replaced(tmp_path / "link")
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
    with pytest.raises(InputError, match=r"cannot be|is a file|holds other files"):
        begun(tmp_path / name, "")
    assert (tmp_path / "file").is_file()
