"""Fingerprints are those of RDKit, however they are come by."""

import pytest
from rdkit import Chem
from rdkit.Chem.Pharm2D import Generate, Gobbi_Pharm2D

from molvae.optimization.objectives.fingerprints import fingerprint

MOLECULES = [
    "CC(=O)Nc1ccc(O)cc1",
    "CN1CCC[C@H]1c1cccnc1",
    "O=C(O)c1ccccc1S(N)(=O)=O",
    "CCN(CC)CCNC(=O)c1ccc(N)cc1",
    "C",
]


@pytest.mark.parametrize("smiles", MOLECULES)
def test_pharmacophores_are_those_of_rdkit(smiles):
    mol = Chem.MolFromSmiles(smiles)
    for _ in range(2):  # from nothing, and from what it remembers
        assert fingerprint(mol, "PHCO") == Generate.Gen2DFingerprint(mol, Gobbi_Pharm2D.factory)
    assert list(fingerprint(mol, "PHCO").GetOnBits()) or smiles == "C"
