"""Laws of measured columns: bounds are no values, rows are chosen, mixtures and wide ranges are told."""

import math

import numpy as np
import pandas as pd
import pytest

from molvae import ConfigError, InputError
from molvae.config import ModelConfig
from molvae.corpus.cache import clean_cached
from molvae.corpus.cleaning import clean
from molvae.corpus.labels import learned
from molvae.corpus.measurements import is_bound, measurement_of, relation_column, wide_range
from molvae.corpus.reading import AnnotatedTable, open_table
from tests.corpus.tables import written

CHEMBL = """Smiles;Standard Type;Standard Relation;Standard Value;Standard Units;dose
CCO;IC50;'=';120;nM;1
CCN;IC50;'>';10000;nM;2
CCC;Inhibition;'=';55;%;3
CCCl;IC50;;7;nM;4
CCF;IC50;'~';8;nM;5
CCBr;IC50;'<';n.d.;nM;6
"""


@pytest.fixture
def table(tmp_path):
    return open_table(written(tmp_path, CHEMBL))


def values(table, column="Standard Value"):
    corpus = clean(table)
    return {one: value for one, value in zip(corpus.smiles, corpus.properties[column], strict=True) if value == value}


def test_bounds_of_a_measured_column_are_left_out_and_their_molecules_stay(table):
    measured = table.with_measured(["Standard Value"])
    assert values(measured) == {"CCO": 120, "CCC": 55, "CCCl": 7}
    assert len(clean(measured)) == 6 and len(values(measured, "dose")) == 6
    other = table.with_measured(["dose"])
    assert values(other, "dose") == {"CCO": 1, "CCC": 3, "CCCl": 4}


@pytest.mark.parametrize("relation", ["'='", "=", "", None, "==", " = ", "NA"])
def test_a_relation_that_is_equality_or_missing_is_no_bound(relation):
    assert not is_bound(relation)
    assert all(map(is_bound, (">", "'<'", "~", ">=", "<<")))


def test_what_the_column_mixes_is_told_and_how_to_choose(table):
    found = measurement_of(table, "Standard Value")
    assert found.describe() == (
        "Standard Value: Standard Type IC50 (4), Inhibition (1); Standard Units nM (4), % (1); "
        "Standard Relation = (2), > (1), nothing (1), ~ (1); 2 values with a relation other than = left out"
    )
    chosen = "`Standard Type` == 'IC50' and `Standard Units` == 'nM'"
    assert (
        found.warning().endswith(f'--where "{chosen}"')
        and "mixes several values of Standard Type and of Standard Units;" in found.warning()
    )
    narrowed = measurement_of(table.where(chosen), "Standard Value")
    assert narrowed.warning() is None and narrowed.bounds == 2


def test_other_files_have_nothing_to_tell(tmp_path):
    assert measurement_of(open_table(written(tmp_path, "smiles,pIC50\nCCO,5\n")), "pIC50") is None
    assert relation_column(["Value", "relation", "Standard Relation"]) == "Standard Relation"


def test_chosen_rows_are_all_that_is_read(table):
    chosen = table.where("`Standard Type` == 'IC50' and dose > 1")
    assert chosen.describe().endswith("; --where chooses 4 of 6 rows")
    assert clean(chosen.with_measured(["Standard Value"])).smiles == ["CCN", "CCCl", "CCF", "CCBr"]
    assert clean(chosen).counts.rows == 4
    assert [row for chunk in AnnotatedTable(chosen).chunks() for row in chunk.smiles] == ["CCN", "CCCl", "CCF", "CCBr"]
    assert table.where(None) is table
    with pytest.raises(InputError, match=r"none of the 6 rows of .* fulfils --where"):
        table.where("dose > 100")
    with pytest.raises(ConfigError, match="the columns are Smiles, `Standard Type`"):
        table.where("Dose > 100")


def test_rows_are_chosen_in_every_format(tmp_path, table):
    frame = pd.DataFrame({"smiles": ["CCO", "CCN", "CCC"], "x": [1.5, None, 3.0], "kind": ["a", None, "b"]})
    frame.to_parquet(tmp_path / "x.parquet")
    parquet = open_table(tmp_path / "x.parquet")
    assert clean(parquet.where("x > 1 and kind != 'b'")).smiles == ["CCO"]
    (tmp_path / "x.smi").write_text("CCO a\nCCN b\n")
    named = open_table(tmp_path / "x.smi")
    assert clean(named.where(f"{named.columns[1]} == 'b'")).smiles == ["CCN"]


def test_the_cache_does_not_confuse_selections(tmp_path, monkeypatch):
    monkeypatch.setenv("MOLVAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("molvae.corpus.cache._MIN_ROWS", 1)
    table = open_table(written(tmp_path, CHEMBL))
    tables = [table, table.with_measured(["Standard Value"]), table.where("dose > 1"), table.where("dose > 2")]
    keys = {one.layout_key() for one in tables}
    assert len(keys) == 4
    for one in tables * 2:
        corpus, _ = clean_cached(one, rejected=tmp_path / "rejected.csv")
        pd.testing.assert_frame_equal(corpus.properties, clean(one).properties)


def test_a_wide_range_of_positive_values_is_told():
    told = wide_range("IC50", np.array([1.0, math.nan, 5e4]), "--log IC50")
    assert told.startswith("IC50 covers 4.7 powers of ten") and told.endswith(", or --log IC50")
    assert wide_range("x", np.array([1.0, 999.0]), "") is wide_range("x", np.array([-1.0, 9e9]), "") is None
    assert wide_range("x", np.array([math.nan]), "") is None


def test_heads_learn_logarithms_where_the_settings_say_so():
    model = ModelConfig(properties="a,IC50", log="IC50")
    assert model.quantities == ("a", "log10 IC50")
    labels = learned(np.array([[100.0, 100.0], [0.0, 0.0], [math.nan, 1.0]]), model)
    np.testing.assert_equal(labels, [[100.0, 2.0], [0.0, math.nan], [math.nan, 0.0]])
