"""Laws of --where: it chooses rows as pandas does, it executes nothing, and every error says what there is."""

import pandas as pd
import pytest

from molvae import ConfigError
from molvae.corpus.row_filter import RowFilter

COLUMNS = ["Standard Type", "Value", "unit", "n"]
ROWS = [
    ["IC50", "7.5", "nM", "1"],
    ["IC50", "", "nM", "2"],
    ["Ki", "6", "uM", "3"],
    ["Ki ", "-1", "nM", "4"],
    ["Inhibition", "55", "%", "5"],
]


def chosen(expression):
    keep = RowFilter(expression, COLUMNS, {})
    return [row[3] for row in ROWS if keep(row)]


@pytest.mark.parametrize(
    "expression",
    [
        "`Standard Type` == 'IC50'",
        "`Standard Type` == 'IC50' and Value > 6",
        "`Standard Type` in ('IC50', \"Inhibition\") or Value < 0",
        "not (unit == 'nM' or n >= 5)",
        "unit != 'nM' and unit not in ['%']",
        "1 < n <= 3",
        "Value - 2 * n > 3",
        "Value / n > 7 or -Value == 1",
        "Value != 6",
        "Value == Value and n in (1, 3)",
    ],
)
def test_it_chooses_as_pandas_does(expression):
    frame = pd.DataFrame(ROWS, columns=COLUMNS)
    frame["Standard Type"] = frame["Standard Type"].str.strip()
    frame = frame.assign(Value=pd.to_numeric(frame["Value"]), n=frame["n"].astype(float))
    assert chosen(expression) == [f"{n:g}" for n in frame.query(expression, engine="python")["n"]]


def test_texts_may_contain_backticks_and_other_quotes():
    keep = RowFilter("a == 'it`s' or a == \"'\"", ["a"], {})
    assert keep(["it`s"]) and keep(["'"]) and not keep(["its"])


def test_numbers_are_read_as_in_the_file():
    assert RowFilter("x > 1000", ["x"], {"x": ","})(["1,250"])
    assert RowFilter("x > 1000", ["x"], {})([1250]) and not RowFilter("x > 0 or x <= 0", ["x"], {})([None])


@pytest.mark.parametrize(
    "expression",
    [
        "Value.real > 1", "@pd > 1", "print(Value) > 1", "__import__('os').system('true') == 0", "Value", "'IC50'", "1",
        "Value > 6 & n > 1", "Value ** 2 > 1", "[Value] == 1", "(lambda: 1)() == 1", "Value if n else n", "n is 1",
        "unit in 'nM'", "n in ()",
        "unit > 'a' + 'b'", "f'{n}' == '1'", "Value[0] == 1", "True == True",
        "(x := 1) == 1",
        "Value >", "", "   ", "`Value > 1", "not n", "1j > 0", "n = 1", "n > 1; n > 2", "(" * 900 + "1",
    ],
)  # fmt: skip
def test_nothing_else_is_executed_or_understood(expression):
    with pytest.raises(ConfigError, match="--where") as caught:
        RowFilter(expression, COLUMNS, {})
    assert "\n" not in str(caught.value)


def test_an_unknown_column_is_answered_with_those_there_are():
    for expression in ("Type == 'IC50'", "`Standard type` == 'IC50'", "__0__ == 1"):
        with pytest.raises(ConfigError, match=r"no column .*; the columns are `Standard Type`, Value, unit, n$"):
            RowFilter(expression, COLUMNS, {})
    with pytest.raises(ConfigError, match="at most 2,000"):
        RowFilter("n > 1 or " * 1000 + "n > 1", COLUMNS, {})
