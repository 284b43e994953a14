"""The reader: what is no table is refused in one sentence, whatever its bytes."""

import csv
import gzip
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molvae.corpus.reading import open_table
from molvae.errors import InputError
from tests.corpus.tables import read, written

REFUSED = {
    "empty.csv": (b"", "is empty"),
    "bom.csv": (b"\xef\xbb\xbf", "is empty"),
    "head.csv": (b"smiles,logp\n", "holds a header but no rows"),
    "book.xlsx": (b"PK\x03\x04\x14\x00rest", "Excel workbook; save the sheet as CSV"),
    "paper.pdf": (b"%PDF-1.7\n", "is a PDF"),
    "t.csv.bz2": (b"BZh91AY&SY", "compressed with bzip2"),
    "binary.csv": (bytes(range(256)) * 20, "is a binary file"),
    "fake.csv.gz": (b"smiles\nCCO\n", "is named .gz but is not gzipped"),
    "wrong.csv.gz": (b"\x1f\x8bno gzip at all", "damaged or cut off"),
    "names.csv": (b"name,x\nethanol,1\nwater,2\n", "no column holds SMILES (its first row is 'name', 'x')"),
    "text.sdf": (b"smiles\nCCO\n", "holds no mol block"),
}


def test_refused_in_one_sentence(tmp_path):
    for name, (content, message) in REFUSED.items():
        with pytest.raises(InputError) as caught:
            open_table(written(tmp_path, content, name))
        assert message in str(caught.value) and "\n" not in str(caught.value)
        assert str(caught.value).startswith((name, "holds"))


def test_a_file_that_breaks_off_later(tmp_path):
    noise = np.random.default_rng(0).integers(10**8, size=300_000)
    content = gzip.compress(b"smiles,n\n" + b"".join(b"CCO,%d\n" % n for n in noise))
    path = written(tmp_path, content[: len(content) * 3 // 4], "cut.csv.gz")
    table = open_table(path)
    with pytest.raises(InputError, match=r"cut\.csv\.gz is gzipped, but damaged or cut off"):
        list(table.chunks())


def test_missing_folder_unreadable(tmp_path, monkeypatch):
    def denied(*_):
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path, "smiles\nCCO\n", "smiles.csv")
    with pytest.raises(InputError, match=r"smile\.csv does not exist; did you mean .*smiles\.csv\?"):
        open_table(tmp_path / "smile.csv")
    bad = ((tmp_path, "is a folder"), ("a\0b", "cannot be the name"), (tmp_path / ("x" * 5000), "cannot be read"))
    for name, message in bad:
        with pytest.raises(InputError, match=message):
            open_table(name)
    monkeypatch.setattr("pathlib.Path.open", denied)
    with pytest.raises(InputError, match="permission denied"):
        open_table(path)


def test_an_unclosed_quote_is_no_memory_hog(tmp_path, monkeypatch):
    monkeypatch.setattr("molvae.corpus.delimited._MAX_CELL", 1 << 20)
    monkeypatch.setattr("csv.field_size_limit", _limited(csv.field_size_limit))
    text = "smiles,name\n" + "CCO,a\n" * 400_000 + 'CCN,"b\n' + "CCC,c\n" * 400_000
    table = open_table(written(tmp_path, text))
    with pytest.raises(InputError, match=r"line 400002: field larger.*unbalanced quote"):
        list(table.chunks())


def _limited(original: Any) -> Any:
    def limit(*new):
        return 0 if not new else original(*new)

    return limit


PIECES = st.sampled_from(
    [b"CCO", b"c1ccccc1", b"smiles", b",", b"\t", b";", b"|", b" ", b"\n", b"\r\n", b"\r", b'"', b"#", b"\0", b"1.5",
     b"x", b"C1CC", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfc", b"\x1f\x8b", b"PAR1", b"PK\x03\x04", b"M  END\n", b"$$$$\n"]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=40).map(b"".join)), st.data())
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, data):
    name = data.draw(st.sampled_from(["t.csv", "t.smi", "t.sdf", "t.txt", "t.gz", "t", "t.parquet"]))
    header = data.draw(st.sampled_from([None, True, False]))
    column = data.draw(st.sampled_from([None, None, 1, "smiles", "2"]))
    packed = gzip.compress(content) if data.draw(st.booleans()) else content
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(packed)
    try:
        _, smiles, rows, _ = read(path, smiles_column=column, header=header)
    except InputError as error:
        message = str(error)
    else:
        message = ""
        check(smiles, rows)
    assert "\n" not in message


def check(smiles: list[str], rows: list[int]) -> None:
    assert len(smiles) == len(rows)
    assert rows == sorted(set(rows))
    assert all(isinstance(one, str) for one in smiles)
