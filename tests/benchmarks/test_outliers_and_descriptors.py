"""Other molecules and how well a figure tells them; predictions from latent points and from fingerprints."""

import numpy as np
import pandas as pd
import pytest

from molvae.benchmarks.descriptors import cross_validated, descriptors_of, known_series
from molvae.benchmarks.outliers import auroc_table, cut_off, edited, outliers_of, peptide
from molvae.chem import canonical, parse
from molvae.corpus.tokenizer import scan
from molvae.errors import InputError

TOKENS = ["C", "N", "O", "c", "n", "1", "(", ")", "="]


class Scorer:
    """Says of a molecule what it is told to; of what it is not told, NaN."""

    def __init__(self, nats):
        self.nats = nats

    def score(self, smiles, *, importance, seed):
        nats = np.array([self.nats.get(one, np.nan) for one in smiles])
        tokens = np.array([float(len(scan(one))) for one in smiles])
        columns = {"elbo": -nats, "bound": -nats, "reconstruction": nats, "per_token": nats / tokens, "tokens": tokens}
        return pd.DataFrame(columns)


@pytest.mark.parametrize("edits", [1, 3])
def test_an_edit_leaves_another_molecule_of_tokens_that_were_there(edits, canonical_smiles):
    rng = np.random.default_rng(0)
    for smiles in canonical_smiles:
        plain = canonical(smiles, stereo=False)
        found = edited(plain, edits, TOKENS, rng)
        if found is not None:
            assert found == canonical(found, stereo=False) != plain
            assert "." not in found
            # One edit changes the number of tokens by one at most, but a ring may be written otherwise.
            assert abs(parse(found).GetNumAtoms() - parse(plain).GetNumAtoms()) <= edits
    assert edited("C", 1, ["C"], np.random.default_rng(0)) == "CC"
    assert edited("C", 1, ["("], np.random.default_rng(0)) is None


def test_what_is_cut_off_is_shorter_and_a_molecule(canonical_smiles):
    rng = np.random.default_rng(0)
    found = [(one, cut_off(one, rng)) for one in canonical_smiles]
    shorter = [(parse(one).GetNumAtoms(), parse(rest).GetNumAtoms()) for one, rest in found if rest is not None]
    assert shorter and all(1 <= after < before for before, after in shorter)
    assert cut_off("C", rng) is None
    assert cut_off("C1CCCCC1", rng) is None  # its ring is closed by the last token


def test_sets_are_those_of_the_seed_and_have_none_of_the_molecules(canonical_smiles, tmp_path, monkeypatch):
    library = tmp_path / "zinc250k.csv"
    library.write_text("smiles\n" + "\n".join(["C[C@H](N)C(=O)O", canonical_smiles[0], "no molecule"]) + "\n")
    monkeypatch.setattr("molvae.benchmarks.outliers.find_optional", lambda name: library)
    sets = outliers_of(canonical_smiles, TOKENS, seed=3)
    assert sets["ZINC-250k without stereo"] == ["CC(N)C(=O)O"]
    assert all(sets.values()) and not set.union(*map(set, sets.values())) & set(canonical_smiles)
    assert outliers_of(canonical_smiles, TOKENS, seed=3) == sets
    assert outliers_of(canonical_smiles, TOKENS, seed=4)["peptides"] != sets["peptides"]
    monkeypatch.setattr("molvae.benchmarks.outliers.find_optional", lambda name: None)
    assert "ZINC-250k without stereo" not in outliers_of(canonical_smiles, TOKENS)


def test_a_figure_that_tells_all_has_one_and_one_that_tells_nothing_a_half():
    usual, strange = ["CC", "CCCC", "CCCCCC"], ["NN", "NNNN", "NNNNNN"]
    told = dict.fromkeys(usual, 1.0) | dict.fromkeys(strange, 100.0)
    [row] = auroc_table(Scorer(told), usual, {"others": strange}).to_dict("records")
    assert row == {"molecules": 3, "elbo": 1, "bound": 1, "reconstruction": 1, "per_token": 1, "length": 0.5}
    [row] = auroc_table(Scorer(dict.fromkeys(usual + strange, 1.0)), usual, {"others": strange}).to_dict("records")
    assert row["elbo"] == row["reconstruction"] == 0.5
    # Longer and shorter ones alike: it is the distance from the usual length that tells.
    uneven = ["N", "N" * 20]
    told = dict.fromkeys(usual + uneven, 1.0)
    assert auroc_table(Scorer(told), usual, {"others": uneven})["length"].item() == 1.0


def test_what_cannot_be_encoded_is_left_out_and_nothing_left_is_an_error():
    told = {"CC": 1.0, "CCC": 2.0, "NN": 5.0}
    table = auroc_table(Scorer(told), ["CC", "CCC", "PP"], {"some": ["NN", "P"], "none": ["P"]})
    assert table["molecules"].to_dict() == {"some": 1}
    with pytest.raises(InputError, match=r"none of the molecules$"):
        auroc_table(Scorer(told), ["P"], {"some": ["NN"]})
    with pytest.raises(InputError, match="compared with"):
        auroc_table(Scorer(told), ["CC"], {"none": ["P"]})


def test_peptides_have_two_to_four_residues_and_no_stereo():
    rng = np.random.default_rng(0)
    bonds = [parse(one).GetSubstructMatches(parse("NCC(=O)N")) for one in (peptide(rng) for _ in range(50))]
    assert all(1 <= len(found) <= 5 for found in bonds)
    assert "@" not in "".join(str(peptide(rng)) for _ in range(50))


@pytest.fixture(autouse=True)
def small_forests(monkeypatch):
    monkeypatch.setattr("molvae.benchmarks.descriptors._TREES", 20)


@pytest.fixture
def molecules(sample_file):
    return [line.split(",")[0] for line in sample_file.read_text().splitlines()[1:61]]


def test_what_tells_all_predicts_and_what_tells_nothing_does_not(molecules):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((60, 3)).astype(np.float32)
    values = features[:, 0].astype(np.float64)
    noise = rng.standard_normal((60, 3)).astype(np.float32)
    table = cross_validated({"all": features, "nothing": noise}, molecules, values)
    regressors = ("ridge", "SVR", "forest")
    assert list(table.columns) == [f"{split} {one}" for split in ("random", "scaffold") for one in regressors]
    assert (table.loc["all"] > 0.7).all()
    assert (table.loc["nothing"] < 0.3).all()
    assert table.equals(cross_validated({"all": features, "nothing": noise}, molecules, values))


def test_molecules_of_one_scaffold_are_hidden_together(molecules):
    """What is the same within a scaffold and random between them cannot be known of a new one."""
    rng = np.random.default_rng(0)
    rings = ("c1ccccc1", "c1ccncc1", "c1ccoc1", "c1ccsc1", "C1CCCCC1", "C1CCNC1")
    series = [f"{'C' * n}{ring}" for ring in rings for n in range(1, 13)]
    group = np.repeat(np.arange(6), 12)
    values = rng.permutation(6)[group] + 0.01 * rng.standard_normal(72)
    features = np.eye(6, dtype=np.float32)[group]
    row = cross_validated({"scaffold": features}, series, values).loc["scaffold"]
    assert row["random ridge"] > 0.9 and row["random forest"] > 0.9
    assert row["scaffold ridge"] < 0.5 and row["scaffold forest"] < 0.5


def test_too_few_scaffolds_are_an_error():
    with pytest.raises(InputError, match="1 scaffolds"):
        cross_validated({"some": np.zeros((6, 2), np.float32)}, ["C" * n for n in range(1, 7)], np.arange(6.0))


def test_descriptors_are_of_what_can_be_encoded(vae, molecules):
    found, known = descriptors_of(vae, [molecules[0], "[Xe]", molecules[1], "no molecule"])
    assert known.tolist() == [True, False, True, False]
    assert found["latent means"].shape == (2, vae.config.latent_dim)
    assert np.array_equal(found["latent means"], vae.encode(molecules[:2]))
    assert found["Morgan fingerprints"].shape == (2, 2048)
    assert set(np.unique(found["Morgan fingerprints"])) == {0.0, 1.0}


def test_a_series_that_is_not_there_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr("rdkit.RDConfig.RDContribDir", str(tmp_path))
    with pytest.raises(InputError, match="give a file of your own"):
        known_series()
