"""Constraints are yes or no for each molecule by itself, whatever its company."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Descriptors, rdFingerprintGenerator
from rdkit.DataStructs import TanimotoSimilarity

from molvae.chem.alerts import structural_alerts
from molvae.errors import ConfigError
from molvae.optimization.constraints import Constraint, SimilarTo, Window, allowed, constraint_of

LEAD = "CC(=O)Nc1ccc(O)cc1"
TEXTS = [
    "keep:c1ccccc1",
    "forbid:[#7]",
    "keep:[C;$(C:C)]",
    f"similar_to:{LEAD}:0.2:1",
    "similar_to:C/C=C\\C:0.05:0.9",
    "window:mw:100:200",
    "window:charge:-1.5:0.25",
    "no_alerts:all",
    "no_alerts:BRENK",
]


@pytest.fixture
def molecules(canonical_smiles):
    return [*canonical_smiles, "no molecule", ""]


def test_laws(molecules):
    for text in TEXTS:
        constraint = constraint_of(text)
        assert isinstance(constraint, Constraint) and constraint.name == text
        whole = constraint.allows(molecules)
        assert whole.shape == (len(molecules),) and whole.dtype == np.bool_
        assert not whole[-2:].any(), "what is not a molecule is not allowed"
        assert [bool(constraint.allows([one])[0]) for one in molecules] == whole.tolist(), "batch mates do not matter"
        assert constraint.allows([]).shape == (0,)
        assert constraint_of(constraint.name).allows(molecules).tolist() == whole.tolist()


def test_they_say_what_rdkit_says(canonical_smiles):
    mols = [Chem.MolFromSmiles(one) for one in canonical_smiles]
    benzene = Chem.MolFromSmarts("c1ccccc1")
    has = [mol.HasSubstructMatch(benzene) for mol in mols]
    weights = [Descriptors.MolWt(mol) for mol in mols]
    morgan = rdFingerprintGenerator.GetMorganGenerator(radius=2)
    lead = morgan.GetSparseCountFingerprint(Chem.MolFromSmiles(LEAD))
    near = [TanimotoSimilarity(lead, morgan.GetSparseCountFingerprint(mol)) for mol in mols]
    for text, expected in {
        "keep:c1ccccc1": has,
        "forbid:c1ccccc1": [not one for one in has],
        "window:mw:100:200": [100 <= one <= 200 for one in weights],
        f"similar_to:{LEAD}:0.2:0.6": [0.2 <= one <= 0.6 for one in near],
        "no_alerts:PAINS": [not structural_alerts([one], "PAINS")[0] for one in canonical_smiles],
    }.items():
        assert constraint_of(text).allows(canonical_smiles).tolist() == expected


def test_ends_belong_to_a_window_and_to_a_band():
    heavy = Window("heavy_atoms", 3, 3)
    assert heavy.allows(["CC", "CCO", "CCCO"]).tolist() == [False, True, False]
    assert SimilarTo(LEAD, 1, 1).allows([LEAD, "CCO"]).tolist() == [True, False]


def test_all_must_agree_and_none_is_asked_in_vain(molecules):
    rules = [constraint_of(text) for text in TEXTS[:2]]
    together = allowed(rules, molecules)
    assert together.tolist() == (rules[0].allows(molecules) & rules[1].allows(molecules)).tolist()
    assert allowed([], ["anything"]).tolist() == [True]

    class Never:
        name = "never"

        def allows(self, smiles):
            assert not smiles
            return np.zeros(0, dtype=np.bool_)

    assert not allowed([constraint_of("keep:[U]"), Never()], molecules).any()


BAD = {
    "keep:((": "'((' is not a SMARTS",
    "similar_to:C1CC:0.4:0.9": "'C1CC'",
    "similar_to:CCO:0.9:0.4": "from 0.9 to 0.4",
    "similar_to:CCO:nan:1": "from nan to 1",
    "window:mw:500:250": "over mw",
    "window:weight:1:2": "'weight'; there are qed, logp",
    "no_alerts:GLAXO": "'GLAXO'; there are PAINS, BRENK, and all",
    "max:3": "'max:3' is not a constraint; there are keep:SMARTS",
}


def test_bad_constraints_end_in_one_sentence():
    for text, words in BAD.items():
        with pytest.raises(ConfigError) as error:
            constraint_of(text)
        assert words in str(error.value) and "\n" not in str(error.value)
