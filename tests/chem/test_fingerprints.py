"""Fingerprints and similarities equal those of RDKit."""

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import AllChem
from rdkit.Chem.Pharm2D import Generate, Gobbi_Pharm2D

from molvae.chem import nearest_similarity, paired_tanimoto, tanimoto
from molvae.chem.fingerprints import fingerprint, morgan_bits


def test_pharmacophores_equal_those_of_rdkit(canonical_smiles):
    for smiles in ["C", *canonical_smiles[:5]]:
        mol = Chem.MolFromSmiles(smiles)
        for _ in range(2):  # computed, then with cached bit numbers
            assert fingerprint(mol, "PHCO") == Generate.Gen2DFingerprint(mol, Gobbi_Pharm2D.factory)
        assert list(fingerprint(mol, "PHCO").GetOnBits()) or smiles == "C"


def test_similarities_equal_those_of_rdkit(canonical_smiles):
    some, others = canonical_smiles[::2], canonical_smiles[1::2]
    make = AllChem.GetMorganGenerator(radius=2, fpSize=2048).GetFingerprint
    prints = [[make(Chem.MolFromSmiles(one)) for one in each] for each in (some, others)]
    expected = [[DataStructs.TanimotoSimilarity(a, b) for b in prints[1]] for a in prints[0]]
    assert tanimoto(some, others).tolist() == expected
    assert paired_tanimoto(some, others).tolist() == np.diag(expected).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("molvae.chem.fingerprints._CHUNK", 3)
        assert nearest_similarity(some, others, workers=1).tolist() == np.max(expected, axis=1).tolist()
    assert (morgan_bits(map(Chem.MolFromSmiles, some)) == [list(one) for one in prints[0]]).all()


def test_a_molecule_is_nearest_to_itself_in_any_spelling_and_with_any_number_of_workers(canonical_smiles):
    assert nearest_similarity(["OCC", "CCN"], ["CCCC", "CCO"])[0] == 1.0
    for workers in (1, 2):
        assert (nearest_similarity(canonical_smiles[:3], canonical_smiles * 150, workers=workers) == 1.0).all()


def test_invalid_molecules_give_nan_and_an_empty_reference_gives_zero():
    assert np.isnan(nearest_similarity(["C1CC", "CC"], ["CC", "C1CC"])).tolist() == [True, False]
    assert nearest_similarity(["CC"], []).tolist() == [0.0]
    assert nearest_similarity([], ["CC"]).shape == (0,)
    assert np.isnan(tanimoto(["CC", "C1CC"], ["CO", "", "CC"])).tolist() == [[False, True, False], [True] * 3]
    assert np.isnan(paired_tanimoto(["CC", None, "CC"], ["CC", "CC", "C1CC"])).tolist() == [False, True, True]
    assert tanimoto([], ["CC"]).shape == (0, 1) and tanimoto(["CC"], []).shape == (1, 0)
