"""What goes to stdout goes there whatever its encoding, or says why it cannot."""

import io
import sys

import pytest

from molvae.cli.console import print_result, writable
from molvae.errors import InputError, ModelError
from molvae.pretrained.hub import find_model

TEXT = "Δx,µM,CCO\n\udce4"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "utf-16"])
def test_characters_outside_the_encoding_are_escaped(monkeypatch, encoding):
    bytes_ = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(bytes_, encoding, newline=""))
    print_result(TEXT)
    text = bytes_.getvalue().decode(encoding)
    assert text == writable(TEXT) == writable(text)
    assert text.endswith("M,CCO\n\\udce4") and (r"\u0394x" in text) == (encoding in ("ascii", "latin-1"))


def test_a_text_without_an_encoding_is_as_it_is(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    print_result("Δx\n")
    assert sys.stdout.getvalue() == "Δx\n"


def test_a_closed_stdout_is_an_error(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(InputError, match="standard output is closed"):
        print_result("x")


@pytest.mark.parametrize("name", ["shut/m", "./shut/m"])
def test_a_model_folder_without_permission_is_an_error(monkeypatch, name):
    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.exists", denied)
    with pytest.raises(ModelError, match="shut/m cannot be read: Permission denied"):
        find_model(name)


def test_a_model_name_that_is_too_long_is_an_error():
    with pytest.raises(ModelError, match="File name too long"):
        find_model("x" * 300 + "/m")
