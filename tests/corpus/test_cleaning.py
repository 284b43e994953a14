"""Cleaning: every row is kept, merged or named; the same corpus from any number of workers."""

import csv
import gc
import itertools
import json
import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molvae.chem import canonical, quiet_rdkit
from molvae.config import CleanConfig
from molvae.corpus.cleaning import clean, clean_smiles
from molvae.corpus.reading import Table, open_table
from molvae.errors import ConfigError, InputError

TABLE = """id,smiles,y,z
a,OCC,1,
b,CCO,3,5
c,C1CC,9,9
d,,9,9
e,[Na+].CC(=O)[O-],,
f,CCO.Cl,,7
g,c1cccc1,9,9
h,C[Si](C)C,2,2
i,[Na+].[Cl-],9,9
j,CC[Sn],9,9
k
"""


def table(tmp_path: Path, text: str = TABLE, name: str = "t.csv") -> Table:
    path = tmp_path / name
    path.write_text(text)
    return open_table(path)


def report(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(1 << 24)  # the text of a row is written whole
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_kept_merged_and_rejected(tmp_path):
    corpus = clean(table(tmp_path), rejected=tmp_path / "rejected.csv")
    assert corpus.smiles == ["CCO", "CC(=O)O", "C[Si](C)C"]
    expected = pd.DataFrame({"y": [2.0, math.nan, 2.0], "z": [6.0, math.nan, 2.0]})
    pd.testing.assert_frame_equal(corpus.properties, expected)
    assert (corpus.counts.rows, corpus.counts.kept, corpus.counts.duplicates) == (11, 3, 2)
    assert corpus.counts.rejected == {
        "empty cell": 2,
        "not valid SMILES": 1,
        "aromatic ring without Kekule structure": 1,
        "no organic fragment": 1,
        "element not allowed": 1,
    }
    assert corpus.counts.describe().startswith("11 rows: 3 kept, 2 duplicates, 6 rejected (empty cell 2, ")
    rows = report(tmp_path / "rejected.csv")
    assert [(row["row"], row["text"], row["reason"].partition(":")[0]) for row in rows] == [
        ("3", "CCO", "duplicate of row 2"),
        ("4", "C1CC", "not valid SMILES"),
        ("5", "", "empty cell"),
        ("7", "CCO.Cl", "duplicate of row 2"),
        ("8", "c1cccc1", "aromatic ring without Kekule structure"),
        ("10", "[Na+].[Cl-]", "no organic fragment"),
        ("11", "CC[Sn]", "element not allowed"),
        ("12", "", "empty cell"),
    ]
    assert rows[6]["reason"] == "element not allowed: Sn"


@pytest.mark.parametrize(
    ("config", "smiles", "reason"),
    [
        ({"min_heavy_atoms": 4}, "CCO", "too short: 3 heavy atoms, of at least 4"),
        ({}, "C" * 120, None),
        ({}, "C" * 121, "too long: 121 tokens, of at most 120"),
        ({}, "C" * 1_000_000, "too long: 1000000 characters, of at most 4000"),
        ({"elements": "C, O"}, "c1ccoc1", None),
        ({"elements": "C"}, "c1cc[nH]c1Cl", "element not allowed: Cl, N"),
        ({}, "[2H]C([13CH3])[nH+]1cccc1", None),
        ({}, "c1cc[te]c1", "element not allowed: Te"),
        ({"elements": "any"}, "C[Hg]C", None),
        ({}, "CC*", "wildcard atom"),
        ({}, "CC\0", "not valid SMILES: characters that SMILES does not have"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_limits(tmp_path, config, smiles, reason):
    path = tmp_path / "rejected.csv"
    corpus = clean_smiles(["CC=CC", smiles], CleanConfig(**config), rejected=path)
    assert [row["reason"] for row in report(path)] == ([reason] if reason else [])
    assert len(corpus) == 2 - bool(reason)


def test_settings():
    pair = ["C[C@H](N)O", "C[C@@H](N)O", "CC(=O)[O-].[Na+]"]
    assert clean_smiles(pair).smiles == ["C[C@H](N)O", "C[C@@H](N)O", "CC(=O)O"]
    plain = clean_smiles(pair, CleanConfig(stereo=False, neutralize=False))
    assert plain.smiles == ["CC(N)O", "CC(=O)[O-]"]
    for elements in ("C,Xx", "c", "", "C,,N", "C N"):
        with pytest.raises(ConfigError, match="is not the symbol of an element; write 'C,N,O,Cl', or 'any'"):
            clean_smiles(["CCO"], CleanConfig(elements=elements))


def test_an_error_gives_the_reasons_and_first_rows(tmp_path):
    text = "smiles,x\n" + "C1CC,1\nc1cccc1,2\n,3\n" * 3 + "CCO,1\n" + "C1CC,2\n"
    with pytest.raises(InputError) as caught:
        clean(table(tmp_path, text), CleanConfig(min_heavy_atoms=50), rejected=tmp_path / "r.csv")
    message = str(caught.value)
    assert "not valid SMILES 4 (first: row 2 'C1CC')" in message and "\n" not in message
    assert len(report(tmp_path / "r.csv")) == 11


def test_lists(tmp_path):
    texts, seen = ["C\ud800", 'a,"b"\n', "\0", "é"], []
    clean_smiles(["CCO"] * 2500 + texts, workers=1, rejected=tmp_path / "r.csv", on_progress=seen.append)
    assert [row["text"] for row in report(tmp_path / "r.csv")][-4:] == ["C\\ud800", *texts[1:]]
    assert seen == [1000, 2000, 2504]
    corpus = clean_smiles(iter(["CCO", None, "", "OCC", "C\ud800"]))
    assert (corpus.smiles, corpus.counts.rows, corpus.properties.shape) == (["CCO"], 5, (1, 0))
    assert json.loads(json.dumps(dict(corpus.counts.rejected))) == {"empty cell": 2, "not valid SMILES": 1}
    for bad in ([], [None], ["("]):
        with pytest.raises(InputError, match="the list of SMILES"):
            clean_smiles(bad)
    with pytest.raises(InputError, match="a list of SMILES is needed, not the single text 'CCO'"):
        clean_smiles("CCO")


def test_a_report_that_cannot_be_written(tmp_path):
    for path in (tmp_path, tmp_path / "missing" / "r.csv"):
        with pytest.raises(InputError, match=r"the rejection report .* cannot be written: "):
            clean_smiles(["CCO"], rejected=path)
    if Path("/dev/full").exists():
        for texts in (["CCO", "("], ["CCO"] + ["(" * 50] * 2000):
            with pytest.raises(InputError, match=r"/dev/full cannot be written: No space left"):
                clean_smiles(texts, rejected=Path("/dev/full"))
        gc.collect()


def many(n: int) -> list[str]:
    heads = ["C" * length for length in range(1, 40)]
    tails = ["O", "N", "(", "Cl", "F.[Na+]", "[O-]", "C(=O)[O-].[K+]", "c1ccccc1", "[C@H](N)F", ""]
    return [head + tail for head, tail, _ in itertools.islice(itertools.product(heads, tails, range(9)), n)]


def test_workers_do_not_change_the_corpus(tmp_path):
    text = "smiles,y\n" + "".join(f"{one},{n / 7}\n" for n, one in enumerate(many(3300)))
    results = []
    for workers in (1, 2, None):
        path = tmp_path / f"{workers}.csv"
        corpus = clean(table(tmp_path, text), rejected=path, workers=workers)
        results.append((corpus.smiles, corpus.counts.describe(), corpus.properties.to_csv(), path.read_bytes()))
    assert results[0] == results[1] == results[2]
    assert len(results[0][0]) > 200


def test_a_clean_corpus_is_clean():
    corpus = clean_smiles(many(3300), workers=1)
    again = clean_smiles(corpus.smiles, workers=1)
    assert again.smiles == corpus.smiles == [canonical(one) for one in corpus.smiles]
    assert again.counts.kept == again.counts.rows


def test_properties_of_files_without_and_with_large_numbers(tmp_path):
    assert clean(table(tmp_path, "CCO ethanol\nCCN amine\n", "t.smi")).properties.shape == (2, 0)
    corpus = clean(table(tmp_path, "smiles,y\nCCO,1.7e308\nCCO,1.7e308\n"))
    assert corpus.properties["y"].tolist() == [math.inf]


def test_unreadable_mol_blocks_are_named(tmp_path):
    good = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")) + "$$$$\n"
    bad = "junk" + good.replace(" O ", " Q9")
    corpus = clean(table(tmp_path, good + bad, "t.sdf"), rejected=tmp_path / "r.csv")
    assert corpus.smiles == ["CCO"]
    assert [(row["row"], row["text"], row["reason"]) for row in report(tmp_path / "r.csv")] == [
        ("2", "unreadable mol block junk", "unreadable mol block")
    ]


CELL = st.one_of(
    st.sampled_from(
        ["CCO", "OCC", "C1CC", "", "[Na+].[Cl-]", "C[C@H](N)O", "c1ccccc1", "x,y", '"', "CC\nO", "C\0", "é"]
    ),
    st.text(alphabet="CNOc1()=[]@+-.# \t", max_size=12),
)


@given(st.lists(CELL, min_size=1, max_size=30), st.booleans(), st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_no_row_vanishes(tmp_path_factory, cells, stereo, length):
    path = tmp_path_factory.getbasetemp() / "rejected.csv"
    config = CleanConfig(stereo=stereo, max_length=length)
    try:
        with quiet_rdkit():
            corpus = clean_smiles(cells, config, rejected=path, workers=1)
    except InputError:
        kept, counts = [], None
    else:
        kept, counts = corpus.smiles, corpus.counts
    named = report(path)
    places = [int(row["row"]) for row in named]
    assert places == sorted(set(places))
    assert set(places) <= set(range(1, len(cells) + 1))
    assert len(kept) + len(named) == len(cells)
    assert len(set(kept)) == len(kept)
    assert [row["text"] for row in named] == [cells[place - 1] for place in places]
    if counts is not None:
        assert counts.rows == len(cells) == counts.kept + counts.duplicates + sum(counts.rejected.values())
        assert counts.kept == len(kept)
        assert counts.duplicates == sum(row["reason"].startswith("duplicate of row ") for row in named)


def test_cells_that_are_not_plain_smiles(tmp_path):
    text = 'id,SMILES\n1,"C[C@H](N)C(=O)O |&1:1,3|"\n2,CCO |$_AV:A;B$|\n3,c1ccccc1\n'
    assert clean(table(tmp_path, text)).smiles == ["C[C@H](N)C(=O)O", "CCO", "c1ccccc1"]
    for cell in ("", " ", "NaN", "nan", "None", "#N/A", "-", "null"):
        text = f"id,SMILES\n1,CCO\n2,{cell}\n3,CCN\n"
        assert clean(table(tmp_path, text)).counts.rejected == {"empty cell": 1}, cell
    clean(table(tmp_path, "id,SMILES\n1,CCO ethanol\n2,CCN\n3,CCC\n4,CCCC\n"), rejected=tmp_path / "r.csv")
    assert "parted by a blank" in report(tmp_path / "r.csv")[0]["reason"]
