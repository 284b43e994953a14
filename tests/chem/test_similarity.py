"""Laws of similarity to the nearest molecule."""

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import AllChem

from molvae.chem import nearest_similarity, paired_tanimoto, tanimoto


def test_it_is_that_of_all_pairs(canonical_smiles):
    queries, reference = canonical_smiles[::2], canonical_smiles[1::2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("molvae.chem.similarity._CHUNK", 3)
        found = nearest_similarity(queries, reference, workers=1)
    make = AllChem.GetMorganGenerator(radius=2, fpSize=2048).GetFingerprint
    prints = [[make(Chem.MolFromSmiles(one)) for one in some] for some in (queries, reference)]
    expected = [max(DataStructs.TanimotoSimilarity(a, b) for b in prints[1]) for a in prints[0]]
    np.testing.assert_allclose(found, expected)


def test_a_molecule_is_nearest_to_itself_in_any_spelling():
    assert nearest_similarity(["OCC", "CCN"], ["CCCC", "CCO"])[0] == 1.0


def test_it_does_not_depend_on_the_workers(canonical_smiles):
    reference = canonical_smiles * 150
    one, two = (nearest_similarity(canonical_smiles[:3], reference, workers=count) for count in (1, 2))
    assert (one == two).all() and (one == 1.0).all()


def test_what_is_no_molecule_is_nan_and_of_nothing_nothing_is_near():
    assert np.isnan(nearest_similarity(["C1CC", "CC"], ["CC", "C1CC"])).tolist() == [True, False]
    assert nearest_similarity(["CC"], []).tolist() == [0.0]
    assert nearest_similarity([], ["CC"]).shape == (0,)


def test_all_pairs_and_pairs_are_those_of_rdkit(canonical_smiles):
    some, others = canonical_smiles[:6], canonical_smiles[6:12]
    make = AllChem.GetMorganGenerator(radius=2, fpSize=2048).GetFingerprint
    prints = [[make(Chem.MolFromSmiles(one)) for one in each] for each in (some, others)]
    expected = [[DataStructs.TanimotoSimilarity(a, b) for b in prints[1]] for a in prints[0]]
    assert tanimoto(some, others).tolist() == expected
    assert paired_tanimoto(some, others).tolist() == np.diag(expected).tolist()


def test_pairs_with_what_is_no_molecule_are_nan():
    assert np.isnan(tanimoto(["CC", "C1CC"], ["CO", "", "CC"])).tolist() == [[False, True, False], [True] * 3]
    assert np.isnan(paired_tanimoto(["CC", None, "CC"], ["CC", "CC", "C1CC"])).tolist() == [False, True, True]
    assert tanimoto([], ["CC"]).shape == (0, 1) and tanimoto(["CC"], []).shape == (1, 0)
