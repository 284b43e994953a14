"""The sample in data/ is what its README says."""

import hashlib
from pathlib import Path

import pytest

from molvae.chem import canonical, property_table
from molvae.corpus.reading import open_table

DATA = Path(__file__).parents[2] / "data"


def test_checksum_stands_in_the_readme():
    digest = hashlib.sha256((DATA / "moses_sample.csv").read_bytes()).hexdigest()
    assert digest in (DATA / "README.md").read_text(encoding="utf-8")


def test_rows_are_canonical_molecules_with_their_properties():
    table = open_table(DATA / "moses_sample.csv")
    assert (table.smiles_column, table.numeric_columns) == ("smiles", ("qed", "logp", "sa"))
    chunks = list(table.chunks())
    assert sum(map(len, chunks)) == 50_000
    assert len({one for chunk in chunks for one in chunk.smiles}) == 50_000
    head = chunks[0]
    smiles = head.smiles[:300]
    assert [canonical(one) for one in smiles] == smiles
    computed = property_table(smiles, ["qed", "logp", "sa"])
    for name in table.numeric_columns:
        # RDKit's contributions change a little from version to version.
        assert computed[name].to_numpy() == pytest.approx(head.numbers[name][:300], abs=0.02)
