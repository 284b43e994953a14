"""Property functions and their table."""

import math

import pandas as pd
import pytest

from molvae.chem import PROPERTIES, parse, property_table
from molvae.errors import ConfigError

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
EXPECTED = {
    "qed": 0.5501,
    "logp": 1.3101,
    "sa": 1.5800,
    "mw": 180.159,
    "tpsa": 63.60,
    "hbd": 1,
    "hba": 3,
    "rotatable_bonds": 2,
    "rings": 1,
    "heavy_atoms": 13,
    "fsp3": 0.1111,
    "charge": 0,
}


def test_aspirin_has_its_published_values():
    row = property_table([ASPIRIN]).iloc[0]
    assert row.to_dict() == pytest.approx(EXPECTED, abs=6e-3)


def test_table_keeps_order_repeats_and_holes():
    table = property_table([ASPIRIN, "broken", "", "CCO", ASPIRIN], ["rings", "heavy_atoms"])
    assert list(table.columns) == ["rings", "heavy_atoms"]
    assert list(table.index) == [0, 1, 2, 3, 4]
    assert table["heavy_atoms"].tolist()[::3] == [13.0, 3.0]
    assert table.loc[[1, 2]].isna().all(axis=None)
    assert (table.dtypes == "float64").all()


def test_an_empty_table_and_an_unknown_name():
    table = property_table([], ["qed", "sa"])
    assert table.shape == (0, 2) and (table.dtypes == "float64").all()
    with pytest.raises(ConfigError, match=r"'solubility'; there are qed, logp, sa"):
        property_table(["C"], ["solubility"])


def test_workers_do_not_change_the_table():
    smiles = ["C" * n + tail for n in range(1, 300) for tail in ("O", "N", "(", "Cl")]
    alone = property_table(smiles, ["logp", "mw", "charge"], workers=1)
    pd.testing.assert_frame_equal(property_table(smiles, ["logp", "mw", "charge"], workers=2), alone, check_exact=True)


def test_odd_molecules_give_a_number_or_nan():
    for name, one in PROPERTIES.items():
        assert one.name == name and one.description and math.isnan(one(None))
        for smiles in ("[H][H]", "[Na+]", "C", "[Fe]", "[U]", "C" * 200):
            assert isinstance(one(parse(smiles)), float)
