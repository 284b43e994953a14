"""Other molecules, and how well a figure tells them."""

import numpy as np
import pandas as pd
import pytest

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
