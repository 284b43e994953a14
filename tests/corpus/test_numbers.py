"""Numbers as people write them: thousands are thousands, decimals decimals, and codes stay what they are."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molvae.corpus.cleaning import clean
from molvae.corpus.numbers import grouping, is_code, number
from molvae.corpus.reading import AnnotatedTable, open_table
from molvae.corpus.writing import write_frames
from tests.corpus.tables import read, record, written

WHOLE = st.integers(-(10**12), 10**12)


@given(st.lists(WHOLE, min_size=1), st.sampled_from([",", "\t", ";", ""]))
def test_thousands_are_read_as_they_were_written(values, delimiter):
    """With two groups, or a decimal sign behind one, nothing is in doubt; with one group in a file of commas."""
    cells = [f"{value:,}" for value in [*values, 1_000_000]]
    sign = grouping(cells, delimiter)
    assert [number(cell, sign) for cell in cells] == [*values, 1_000_000]
    pointed = [cell.replace(",", ".") for cell in cells]
    assert [number(cell, grouping(pointed, delimiter)) for cell in pointed] == [*values, 1_000_000]
    small = [f"{value % 1_000_000:,}" for value in values]
    assert [number(cell, grouping(small, ",")) for cell in small] == [value % 1_000_000 for value in values]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.sampled_from([";", "\t", ",", ""]))
def test_decimals_are_read_as_they_were_written(values, delimiter):
    for cells in ([f"{value:.5f}" for value in values], [f"{value:.5f}".replace(".", ",") for value in values]):
        sign = grouping(cells, delimiter)
        np.testing.assert_allclose([number(cell, sign) for cell in cells], values, atol=1e-5)


@pytest.mark.parametrize(
    ("cells", "delimiter", "numbers"),
    [
        (["850", "1,250", "12,345", "7", "3,100"], ",", [850, 1250, 12345, 7, 3100]),
        (["1,250.5", "0,5", "7.5", "1,25"], ";", [1250.5, math.nan, 7.5, math.nan]),
        (["1.250,5", "7,5", "1.250", "0.5"], ",", [1250.5, 7.5, 1250, math.nan]),
        (["1.250.000", "2.500", "7"], ";", [1_250_000, 2500, 7]),
        (["0,125", "1,250"], ",", [0.125, 1.25]),
        (["1,5", "1,250"], ",", [1.5, 1.25]),
        (["1,250", "850"], ";", [1.25, 850]),
        (["a, b", ">1,000", "1,250"], ",", [math.nan, math.nan, 1250]),
        (["-1,250", "+2,000"], ",", [-1250, 2000]),
    ],
)
def test_a_column_says_what_its_commas_are(cells, delimiter, numbers):
    sign = grouping(cells, delimiter)
    np.testing.assert_array_equal([number(cell, sign) for cell in cells], numbers)


def table_of(tmp_path, cells, name="t.csv", delimiter=","):
    quoted = [f'"{cell}"' if delimiter in cell else cell for cell in cells]
    molecules = [f"{'C' * n}O" for n in range(1, len(cells) + 1)]
    lines = [f"{smiles}{delimiter}{cell}" for smiles, cell in zip(molecules, quoted, strict=True)]
    return written(tmp_path, "\n".join([f"SMILES{delimiter}IC50 (nM)", *lines]) + "\n", name)


def test_every_reader_of_a_column_takes_its_thousands(tmp_path):
    path = table_of(tmp_path, ["850", "1,250", "12,345", "7", "3,100"])
    table, _, _, numbers = read(path)
    assert numbers == {"IC50 (nM)": [850, 1250, 12345, 7, 3100]}
    assert table.describe().endswith("; 1,250 in 'IC50 (nM)' is 1250")
    assert clean(table).properties["IC50 (nM)"].tolist() == [850, 1250, 12345, 7, 3100]
    assert "is 1250" not in open_table(table_of(tmp_path, ["850", "1,25"])).describe()
    german = open_table(table_of(tmp_path, ["1,250", "7,5"], delimiter=";"))
    assert [chunk.numbers["IC50 (nM)"].tolist() for chunk in german.chunks()] == [[1.25, 7.5]]


def test_thousands_below_the_sample(tmp_path):
    """A sorted column shows its first comma late: a file of commas means thousands then, too."""
    cells = [str(n) for n in range(400)] + ["1,250", "0,5", "1,000,000"]
    np.testing.assert_array_equal(read(table_of(tmp_path, cells))[3]["IC50 (nM)"][400:], [1250, 0.5, 1_000_000])


def test_a_column_carried_on_request_keeps_its_grouping(tmp_path):
    table = open_table(table_of(tmp_path, ["1,250.5", "n.d. yet", "so-so", "2,000"])).with_measured(["IC50 (nM)"])
    np.testing.assert_array_equal(next(table.chunks()).numbers["IC50 (nM)"], [1250.5, np.nan, np.nan, 2000])


def test_the_key_of_a_table_holds_how_numbers_are_read(tmp_path):
    keys = {open_table(table_of(tmp_path, cells)).layout_key() for cells in (["1,250"], ["1,25"], ["1.25"])}
    assert len(keys) == 3


def test_thousands_in_an_sd_file(tmp_path):
    path = written(tmp_path, record("CCO", y="1,250.5") + record("CCN", y="2,000"), "t.sdf")
    table, _, _, numbers = read(path)
    assert numbers == {"y": [1250.5, 2000]} and "1,250.5 in 'y' is 1250.5" in table.describe()


def parquet(tmp_path, path):
    table = AnnotatedTable(open_table(path))
    with write_frames(tmp_path / "t.parquet", table.types, table.grouping) as write:
        lost = [write(chunk.cells) for chunk in table.chunks(2)]
    return pd.read_parquet(tmp_path / "t.parquet"), sum(lost)


def test_in_parquet_numbers_are_numbers_and_codes_stay_what_they_are(tmp_path):
    large = "12345678901234567891"
    for codes in (["001", "002", "003"], [large, "5", "6"], ["1", "9007199254740993", "2"], ["-007", "1", "2"]):
        frame, lost = parquet(tmp_path, table_of(tmp_path, codes))
        assert frame["IC50 (nM)"].tolist() == codes and lost == 0
    for values in (["0", "0.5", "-0.25"], ["1", "9007199254740992", "2"], ["1e300", "0e0", "-3"]):
        frame, lost = parquet(tmp_path, table_of(tmp_path, values))
        assert frame["IC50 (nM)"].tolist() == [float(one) for one in values] and lost == 0
    cells = ["850", "1,250", "x", *map(str, range(1, 300)), "007", large, "9"]  # the last three below the sample
    frame, lost = parquet(tmp_path, table_of(tmp_path, cells))
    assert lost == 3 and frame["IC50 (nM)"].iloc[[0, 1, -1]].tolist() == [850, 1250, 9]


@given(st.integers(0, 2**53), st.integers(0, 3))
def test_a_text_of_digits_is_a_code_unless_its_number_gives_it_back(value, zeros):
    text = "0" * zeros + str(value)
    assert is_code(text) == (str(int(float(text))) != text)
    assert not is_code(f"{value / 7:.6g}")
