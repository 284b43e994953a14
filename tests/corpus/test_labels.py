"""Where labels come from: columns before RDKit, by name before case, and what is not there is told."""

import numpy as np
import pandas as pd
import pytest

from molvae import ConfigError
from molvae.chem import property_table
from molvae.corpus import labels as module
from molvae.corpus.cleaning import clean
from molvae.corpus.labels import LabelSource, describe_labels, find_labels, labels_of
from molvae.corpus.reading import open_table
from tests.corpus.tables import written

MOLECULES = ["CCO", "c1ccccc1", "CC(=O)O", "CCN"]


@pytest.fixture
def table(tmp_path):
    rows = [f"{one},{n},{2 * n},>{n},{n}.5" for n, one in enumerate(MOLECULES)]
    return open_table(written(tmp_path, "smiles,logp,pIC50,text,PIC50\n" + "\n".join(rows) + "\n"))


def test_columns_come_first_and_case_matters_where_it_can(table):
    def found(*names):
        return [tuple(one) for one in find_labels(names, table)]

    assert found("logp", "qed") == [("logp", False), ("qed", True)]
    assert found("PIC50", "pIC50") == [("PIC50", False), ("pIC50", False)]
    assert found("pic50") == [("pIC50", False)]
    assert found("LogP", "logp") == [("logp", False)]
    assert found("text") == [("text", False)]
    assert found() == []


@pytest.mark.parametrize("name", ["", "QED", "activity", "smiles"])
def test_a_name_that_is_neither_is_told_with_those_there_are(table, name):
    with pytest.raises(ConfigError) as caught:
        find_labels(["logp", name], table)
    assert str(caught.value).startswith(f"there is no property {name!r}: ")
    assert "has columns of numbers 'logp', 'pIC50', 'PIC50', and RDKit computes qed, " in str(caught.value)


def test_a_list_has_no_columns():
    assert find_labels(["mw"], None) == [LabelSource("mw", True)]
    with pytest.raises(ConfigError, match="a list of SMILES has no columns, and RDKit computes qed"):
        find_labels(["pIC50"], None)


def test_a_column_that_begins_with_nothing_is_read_where_it_is_asked_for(tmp_path):
    rows = [f"{'C' * n}O," for n in range(1, 250)] + ["CCN,7.5", "CCCN,>9", 'CCCCN,"6,5"']
    table = open_table(written(tmp_path, "smiles,activity\n" + "\n".join(rows) + "\n"))
    assert table.numeric_columns == ()
    sources = find_labels(["activity"], table)
    corpus = clean(table.with_measured(["activity"]))
    labels = labels_of(corpus, sources)
    assert labels["activity"].dropna().tolist() == [7.5, 6.5]
    n = len(corpus)
    sentence = describe_labels(sources, labels.to_numpy(), ["activity"])
    assert sentence == f"heads for activity (column of the file, 2 of {n} molecules)"


def test_of_repeated_molecules_the_mean_is_the_label(tmp_path):
    table = open_table(written(tmp_path, "smiles,x\nCCO,1\nOCC,4\nCCN,\nNCC,2\nCCC,\n"))
    labels = labels_of(clean(table), find_labels(["x", "mw"], table))
    np.testing.assert_allclose(labels["x"], [2.5, 2.0, np.nan])
    np.testing.assert_allclose(labels["mw"], property_table(["CCO", "CCN", "CCC"], ["mw"])["mw"])


@pytest.fixture
def corpus(monkeypatch, tmp_path):
    monkeypatch.setenv("MOLVAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "_MIN_CACHED", 3)
    path = tmp_path / "x.smi"
    path.write_text("\n".join(MOLECULES))
    return clean(open_table(path))


SOURCES = [LabelSource("qed", True), LabelSource("mw", True)]


def test_what_is_computed_of_many_is_computed_once(corpus, monkeypatch):
    calls = []

    def counted(smiles, names):
        calls.append(names)
        return property_table(smiles, names)

    monkeypatch.setattr(module, "property_table", counted)
    first = labels_of(corpus, SOURCES[:1])
    both = labels_of(corpus, SOURCES)
    again = labels_of(corpus, SOURCES)
    assert calls == [["qed"], ["mw"]]
    pd.testing.assert_frame_equal(both, again)
    pd.testing.assert_frame_equal(both[["qed"]], first)
    pd.testing.assert_frame_equal(both, property_table(corpus.smiles, ["qed", "mw"]))


def test_a_damaged_cache_is_as_good_as_none(corpus, tmp_path, monkeypatch):
    first = labels_of(corpus, SOURCES)
    entries = list((tmp_path / "cache" / "properties").glob("*.npy"))
    assert len(entries) == 2
    for content in (b"", b"no array", b"\x93NUMPY\x01\x00"):
        for entry in entries:
            entry.write_bytes(content)
        pd.testing.assert_frame_equal(labels_of(corpus, SOURCES), first)
    np.save(entries[0], np.zeros(7))
    pd.testing.assert_frame_equal(labels_of(corpus, SOURCES), first)
    for place in ("off", "/dev/null/here"):
        monkeypatch.setenv("MOLVAE_CACHE", place)
        pd.testing.assert_frame_equal(labels_of(corpus, SOURCES), first)
