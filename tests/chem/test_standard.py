"""The quick ways to the standard form lead where the long way does."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molvae.chem import Reason, Rejection, Standardized, canonical, parse, quiet_rdkit, standardize
from molvae.chem.molecules import count_heavy_atoms
from molvae.chem.standard import standardize_all
from tests.chem.test_molecules import NOT_MOLECULES, REASONS, STANDARD, ZOO


@pytest.fixture(autouse=True)
def _quiet():
    with quiet_rdkit():
        yield


IONS = [
    "C[NH3+]", "CC(=O)[O-]", "[NH3+]CC(=O)[O-]", "C[NH2+]C.CC[O-]", "C[NH+](C)[O-]", "C[NH+]([O-])C",
    "[O-][NH+](C)CC([O-])=O", "C[NH+](C)CC(=O)[O-]", "C[NH+](C)[N-]S(C)(=O)=O", "CS(=O)(=O)[N-]C(C)=O",
    "Nc1ccc(S(=O)(=O)[N-][N+]([O-])=O)cc1", "[O-][N+](=O)c1ccc([O-])cc1", "[O-][N+](=O)OCC[NH3+]",
    "O=[N+]([O-])[O-].C[NH3+]", "O=[N+]([O-])c1ccc(C[NH3+])cc1", "[N+](=O)([O-])CC[NH2+]C",
    "[N+]([O-])(=O)c1ccc([O-])cc1", "c1c[nH]c[nH+]1", "c1ccc2[n-]nnc2c1", "c1cc[nH+]cc1", "[nH+]1cccc2cccc([O-])c12",
    "C[n+]1ccccc1[O-]", "NC(N)=[NH2+]", "C[NH+]=C(N)N", "C[NH+]1C=CC=C1", "C[NH+]C", "C[NH2+]", "C[NH3+](C)C",
    "C[NH-]", "C[N-]C", "[O-]C", "C[O-](C)C", "C[N@@H+](CC)c1ccccc1", "C[C@H](C[NH3+])CN", "NC[C@H](C[NH3+])C(=O)[O-]",
    "C[N+](C)(C)CC(=O)[O-]", "C[N+](C)(C)C[C@H](O)CC([O-])=O", "[NH3+][C@@H](CC(=O)[O-])C(=O)[O-]", "CC([O-])=C[N+]#N",
    "[O-]c1ccccc1[N+]#N", "CN=[N+]=[N-]", "[CH3:1][NH3+:2]", "[13CH3][NH3+]", "C[15NH3+]", "C[S-]", "C[B-](F)(F)F",
    "C[SH+]C", "C[OH2+]", "[C-]#[N+]C", r"C/C=C/C[NH+](C)C\C=C\C", "[H]/N=C(/N)C[NH3+]",
]  # fmt: skip


@pytest.mark.parametrize("stereo", [True, False])
@pytest.mark.parametrize("neutralize", [True, False])
def test_the_quick_ways_give_what_the_standardizer_gives(stereo, neutralize):
    options = {"stereo": stereo, "neutralize": neutralize}
    for smiles in IONS:
        mol, form = parse(smiles), standardize(smiles, **options)
        if mol is None:
            assert isinstance(form, Rejection)
            continue
        by_standardizer = standardize(mol, **options)
        assert not isinstance(form, Rejection) and not isinstance(by_standardizer, Rejection)
        assert form.smiles == by_standardizer.smiles == Chem.MolToSmiles(form.mol)
        assert canonical(form.smiles, stereo=stereo) == form.smiles
    texts = [*ZOO, *STANDARD, *IONS, *(text for text in NOT_MOLECULES if isinstance(text, str)), *REASONS]
    forms = [standardize(text, **options) for text in texts]
    singles = [form if isinstance(form, Rejection) else form.smiles for form in forms]
    assert standardize_all(texts, **options) == singles


FRAGMENT = st.sampled_from(
    [
        *("C", "c1ccccc1", "[NH+]", "[NH2+]", "[NH3+]", "[O-]", "(C(=O)[O-])", "C(=O)", "[N-]", "[N+](=O)[O-]", "(N)"),
        *("[C@H](O)", "[C@@H](C)", "(C[NH3+])", "([O-])", "N", "O", "[nH+]1cccc1", "[N+](C)(C)", "S(=O)(=O)"),
    ]
)


@given(st.lists(FRAGMENT, min_size=1, max_size=7).map("".join))
@settings(max_examples=300, deadline=None)
def test_any_ion_is_neutralized_as_by_the_standardizer(smiles):
    with quiet_rdkit():
        mol = parse(smiles)
        form = standardize(smiles)
        if mol is not None:
            by_standardizer = standardize(mol)
            assert getattr(form, "smiles", form) == getattr(by_standardizer, "smiles", by_standardizer)


def test_stereocentres_that_are_respelled_or_not_stay(sample_file):
    smiles = [line.split(",")[0] for line in sample_file.read_text().splitlines()[1:400]]
    rng = random.Random(0)
    several = 0
    for text in smiles:
        mol = Chem.MolFromSmiles(text)
        for atom in mol.GetAtoms():
            if atom.GetDegree() > 2 and not atom.GetIsAromatic() and atom.GetAtomicNum() == 6:
                atom.SetChiralTag(rng.choice([Chem.CHI_TETRAHEDRAL_CW, Chem.CHI_TETRAHEDRAL_CCW]))
        Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
        standardized = standardize(Chem.MolToSmiles(mol, canonical=False))
        assert isinstance(standardized, Standardized)
        form = standardized.smiles
        several += form.count("@") - form.count("@@") > 1
        assert canonical(form) == Chem.CanonSmiles(form) == form
    assert several > 20


def test_heavy_atoms_are_counted():
    for smiles in [*ZOO, "[2H]c1ccccc1", "[H][H]", "[H+].C", "[Hg]", "C[Ho]", "[H]C", "[HH]", "C[2H:3]", "[He]"]:
        mol = Chem.MolFromSmiles(smiles)
        assert count_heavy_atoms(Chem.MolToSmiles(mol)) == mol.GetNumHeavyAtoms(), smiles


def test_only_carbon_is_carbon():
    for smiles in ["[Sc]", "[Ca]Cl", "Cl", "[Cu]", "[Tc+2]", "[Cm]", "[Ac]", "ClCl"]:
        rejection = standardize(smiles)
        assert isinstance(rejection, Rejection) and rejection.reason is Reason.NO_CARBON, smiles
    for smiles in ["[13CH4]", "c1ccccc1", "C[Cu]", "[Sc]C", "C", "Cn1cccc1", "[cH]1ccccc1"]:
        assert isinstance(standardize(smiles), Standardized), smiles
