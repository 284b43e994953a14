"""A map of molecules: every row is in it or accounted for, and the table, the figure and the page agree."""

import numpy as np
import pandas as pd
import pytest

from molvae import ConfigError, InputError, MolVAE
from molvae.chem import property_table
from molvae.generator.exploration.latent_map import CARRIED, KINDS

SMILES = ["CCO", "c1ccccc1", "C1CC", "CC(=O)Nc1ccccc1", "", "[Pt]", "OCC", None, "CCN"]
GOOD = [0, 1, 3, 6, 8]
TABLE = pd.DataFrame(
    {
        "SMILES": SMILES,
        "activity": [1.5, np.nan, 3, 4, 5, 6, 7, 8, 9],
        "class": ["a", None, "b", "a", "b", "a", "</script>", "a", "b"],
        "x": range(9),
        "logp": [0.5] * 9,
        "flag": [True, False] * 4 + [True],
    }
)


@pytest.fixture(scope="module")
def vae(tiny_run):
    return MolVAE.from_pretrained(tiny_run)


@pytest.fixture(scope="module")
def chart(vae):
    return vae.map(TABLE["SMILES"], columns=TABLE.drop(columns="SMILES"), color_by=["class", "ACTIVITY", "qed"])


def test_every_row_is_in_the_map_or_in_the_account(chart, vae):
    assert chart.table["row"].tolist() == GOOD and chart.total == 9
    assert sorted([*GOOD, *chart.omitted["row"]]) == list(range(9))
    assert chart.omitted["smiles"].tolist() == ["C1CC", "", "[Pt]", ""]
    assert chart.omitted["reason"].tolist() == [vae.refusal(one) for one in ("C1CC", "", "[Pt]", "")]
    assert chart.describe() == "5 molecules; 4 more could not be encoded; PCA of the latent space"


def test_the_table_has_what_was_given(chart):
    assert list(chart.table.columns) == ["row", "x", "y", "smiles", "class", "activity", "x_2", "logp", "flag", "qed"]
    assert chart.color_by == ("class", "activity", "qed")
    assert chart.table["smiles"].tolist() == [SMILES[row] for row in GOOD]
    assert chart.table["class"].tolist() == ["a", "", "a", "</script>", "b"]
    assert chart.table["flag"].tolist() == ["True", "False", "False", "True", "True"]
    np.testing.assert_equal(chart.table["activity"].to_numpy(), [1.5, np.nan, 4, 7, 9])
    assert chart.table["x_2"].tolist() == [float(row) for row in GOOD] and (chart.table["logp"] == 0.5).all()
    np.testing.assert_allclose(chart.table["qed"], property_table([SMILES[row] for row in GOOD], ["qed"])["qed"])


def test_a_molecule_has_one_place_in_any_spelling(chart):
    places = chart.table[["x", "y"]].to_numpy()
    np.testing.assert_allclose(places[0], places[3])  # CCO and OCC
    assert len(np.unique(places.round(6), axis=0)) == 4


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_the_seed_decides(vae, method):
    smiles = ["C" * n + tail for n in range(1, 12) for tail in ("O", "N", "Cl")]
    one = vae.map(smiles, method=method, seed=1, max_points=20)
    two = vae.map(smiles, method=method, seed=1, max_points=20, batch_size=7)
    assert one.table[["row", "smiles"]].equals(two.table[["row", "smiles"]])
    if method == "pca":  # t-SNE makes much of the last bit, in which batches of another size may differ
        np.testing.assert_allclose(one.table[["x", "y"]], two.table[["x", "y"]], rtol=1e-2, atol=1e-2)
    assert one.table.equals(vae.map(smiles, method=method, seed=1, max_points=20).table)
    assert one.total == 33 and "20 molecules, drawn at random from 33" in one.describe()
    assert not one.table["row"].equals(vae.map(smiles, seed=2, max_points=20).table["row"])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved(chart, tmp_path, kind):
    path = tmp_path / f"map.{kind}"
    chart.save(path)
    assert list(tmp_path.iterdir()) == [path] and path.stat().st_size > 200
    first = path.read_bytes()
    chart.save(path, workers=1)
    assert path.read_bytes() == first


def test_the_csv_is_the_table(chart, tmp_path):
    chart.save(tmp_path / "map.csv")
    again = pd.read_csv(tmp_path / "map.csv", keep_default_na=False, na_values={"activity": ""}, dtype={"flag": str})
    pd.testing.assert_frame_equal(again, chart.table, check_dtype=False)


def test_a_notebook_shows_the_map(chart):
    assert chart._repr_png_().startswith(b"\x89PNG")
    assert chart.figure().axes[0].get_xlabel().startswith("PC 1 (")


@pytest.mark.parametrize("smiles", [["CCO"], ["CCO", "CCN"], ["CCO"] * 7])
@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_few_and_equal_molecules(vae, tmp_path, smiles, method):
    chart = vae.map(smiles, columns={"v": [1.0] * len(smiles)}, color_by="v", method=method)
    assert len(chart.table) == len(smiles) and np.isfinite(chart.table[["x", "y"]].to_numpy()).all()
    assert ("PCA" if len(smiles) < 5 else chart.method.upper()) in chart.describe().replace("t-SNE", "TSNE")
    for kind in KINDS:
        chart.save(tmp_path / f"map.{kind}")


def test_columns_beyond_what_is_carried_give_way(vae):
    columns = {f"c{place}": [1.0] for place in range(CARRIED + 5)}
    chart = vae.map(["CCO"], columns=columns, color_by=f"c{CARRIED + 4}")
    assert list(chart.table.columns[4:]) == [f"c{CARRIED + 4}", *(f"c{place}" for place in range(CARRIED - 1))]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"smiles": []}, InputError, "there are no molecules to map"),
        ({"smiles": ["C1CC", "[Pt]"]}, InputError, r"none of the 2 .* row 0: 'C1CC' \(.*\)"),
        ({"smiles": "CCO"}, InputError, "a list of SMILES"),
        ({"smiles": ["CCO"], "color_by": "foo"}, InputError, "no column 'foo', nor any .* computed are qed, logp"),
        ({"smiles": ["CCO"], "columns": {"v": [1]}, "color_by": "foo"}, InputError, "'foo', the others are 'v'; prop"),
        ({"smiles": ["CCO"], "columns": {"v": [1, 2]}}, InputError, "column 'v' has 2 values for 1 molecule"),
        ({"smiles": ["CCO"], "method": "lda"}, ConfigError, "no method is named 'lda'"),
        ({"smiles": ["CCO"], "max_points": 0}, ConfigError, "max_points must be at least 1"),
    ],
)
def test_what_cannot_be_mapped_is_told(vae, arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        vae.map(**arguments)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["map.pdf", "map", "no/map.html"])
def test_a_path_that_will_not_do_is_told(chart, tmp_path, name):
    with pytest.raises(InputError, match=r"the extension must be one of .html, .png, .svg, .csv|there is no folder"):
        chart.save(tmp_path / name)
