"""Laws of parsing, canonical spelling and standard form."""

import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molvae.chem import (
    LONGEST_SMILES,
    Reason,
    Rejection,
    Standardized,
    canonical,
    parse,
    quiet_rdkit,
    scaffold,
    standardize,
)
from molvae.chem.molecules import is_steady

ZOO = [
    "CCO", "c1ccccc1-c1ccccc1", "C[C@H](N)C(=O)O", "F/C=C/F", r"F/C=C\Cl", "C[C@H]1CC[C@@H](O)CC1",
    "O[C@@H]1CC[C@H](O)CC1",
    "C[C@@](C)(O1)C[C@@H](O)[C@@]1(O2)[C@@H](C)[C@@H]3CC=C4[C@]3(C2)C(=O)C[C@H]5[C@H]4CC[C@@H](C6)[C@]5(C)CC6",
    "CN1CCC[C@H]1c2cccnc2", "O=[N+]([O-])c1ccccc1", "C[N+](C)(C)CC(=O)[O-]", "[O-][n+]1ccccc1",
    "c1cc2ccc3cccc4ccc(c1)c2c34", r"C/C=C/[C@H](O)/C=C\C", "[13CH3]C([2H])O", "c1c[nH]c(=O)[nH]1", "C1CC2CCC1CC2",
    "[Fe+2]", "B(O)(O)c1ccc[se]1", "CC1=NN(C(=O)C1)c1ccccc1",
]  # fmt: skip

NOT_MOLECULES = [
    "", " ", "C C", "CCO ethanol", "CCO |r|", "C1CC", "CC(", "xyz", "CC(C)(C)(C)C", "c1cccc1", "C\0C", "é", "C\ud800",
    " CCO", "CCO\n", "CC>>CO", "C" * (LONGEST_SMILES + 1), "(" * 3000, None, float("nan"), 7, b"CCO", ["CCO"],
]  # fmt: skip


@pytest.fixture(autouse=True)
def _quiet():
    with quiet_rdkit():
        yield


def test_an_invalid_text_gives_none():
    for text in NOT_MOLECULES:
        assert (parse(text), canonical(text), scaffold(text)) == (None, None, ""), repr(text)[:20]


@pytest.mark.parametrize("stereo", [True, False])
def test_canonical_is_idempotent_and_does_not_depend_on_the_spelling(stereo):
    for smiles in ZOO:
        form, mol = canonical(smiles, stereo=stereo), parse(smiles)
        assert form is not None and mol is not None and canonical(form, stereo=stereo) == form
        order = list(range(mol.GetNumAtoms()))
        for seed in range(5):
            random.Random(seed).shuffle(order)
            respelled = Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False)
            assert canonical(respelled, stereo=stereo) == form


def test_stereo_can_be_dropped_and_isotopes_stay():
    assert canonical("C[C@H](N)[13CH3]", stereo=False) == "CC([13CH3])N"
    assert canonical("F/C=C/F", stereo=False) == "FC=CF"
    assert canonical("F/C=C/F") != canonical("F/C=C\\F")


def test_a_circle_of_spellings_gives_one_of_them(monkeypatch):
    circle = {"CCO": "OCC", "OCC": "C(O)C", "C(O)C": "OCC"}
    monkeypatch.setattr("molvae.chem.molecules.parse", lambda text: text)
    monkeypatch.setattr("molvae.chem.molecules.Chem.MolToSmiles", lambda text: circle[text])
    assert {canonical(text) for text in circle} == {"C(O)C"}


@given(st.text(alphabet="CNOFSPIBrclnos[]()=#@+-/\\%123450H.* \n\0é", max_size=25))
@settings(max_examples=300, deadline=None)
def test_no_text_raises_and_standard_forms_stay(text):
    with quiet_rdkit():
        parse(text)
        form = standardize(text)
        if isinstance(form, Rejection):
            assert str(form)
        else:
            again = standardize(form.smiles)
            assert not isinstance(again, Rejection)
            assert again.smiles == form.smiles == canonical(form.smiles)


STANDARD = {
    "[Na+].CC(=O)[O-]": "CC(=O)O",
    "CC[NH3+].[Cl-]": "CCN",
    "[NH3+]CC(=O)[O-]": "NCC(=O)O",
    "C[N+](C)(C)CC(=O)[O-]": "C[N+](C)(C)CC(=O)[O-]",
    "C[N+](C)(C)C.[Cl-]": "C[N+](C)(C)C",
    "c1ccccc1[N+](=O)[O-]": "O=[N+]([O-])c1ccccc1",
    "CN(=O)=O": "C[N+](=O)[O-]",
    "CN=[N+]=[N-]": "CN=[N+]=[N-]",
    "[O-][n+]1ccccc1": "[O-][n+]1ccccc1",
    "Oc1cccc2cccnc12.Cl": "Oc1cccc2cccnc12",
    "CCO.CCCC": "CCCC",
    "CCO.CCS": "CCS",
    "CCO.OCC": "CCO",
    "OCCC.CC(C)O": "CC(C)O",
    "[CH3:1][OH:2]": "CO",
    "  OCC\t": "CCO",
}


def standard(smiles: str | Chem.Mol, **options: bool) -> Standardized:
    form = standardize(smiles, **options)
    assert isinstance(form, Standardized)
    return form


def test_standard_form():
    for smiles, expected in STANDARD.items():
        form = standard(smiles)
        assert form.smiles == Chem.MolToSmiles(form.mol) == expected
        assert standard(Chem.MolFromSmiles(smiles)).smiles == expected


REASONS = {
    "": Reason.EMPTY,
    " \t": Reason.EMPTY,
    "C1CC": Reason.SYNTAX,
    "CCO ethanol": Reason.SYNTAX,
    "CCO\nCCN": Reason.SYNTAX,
    "CC(C)(C)(C)C": Reason.VALENCE,
    "c1cccc1": Reason.AROMATICITY,
    "*CC": Reason.WILDCARD,
    "[#0]C": Reason.WILDCARD,
    "[Na+].[Cl-]": Reason.NO_CARBON,
    "O": Reason.NO_CARBON,
    "C" * 20_000: Reason.TOO_LONG,
}


def test_rejection_gives_the_reason():
    for smiles, reason in REASONS.items():
        rejection = standardize(smiles)
        assert isinstance(rejection, Rejection) and rejection.reason is reason, smiles[:20]


def test_standardize_obeys_its_options_and_leaves_its_argument():
    assert standard("C[C@H](N)O.Cl", stereo=False).smiles == "CC(N)O"
    assert standard("CC(=O)[O-].[Na+]", neutralize=False).smiles == "CC(=O)[O-]"
    mol = Chem.MolFromSmiles("[CH3:1][C@H](N)[O-]")
    before = Chem.MolToSmiles(mol)
    standardize(mol, stereo=False)
    assert Chem.MolToSmiles(mol) == before


STEADY = [
    "c1cc[nH]c1", "C[C@H](N)O", "F/C=C/F", "C[C@H](N)[C@@H](C)O", "O=[N+]([O-])c1ccc([C@H](N)O)cc1",
    "CC1CC[C@H](F)[C@@H]1O", "[NH3+][C@@H](CC(=O)[O-])C[NH+](C)C", "C[NH2+]Cc1[nH]cc[nH+]1",
]  # fmt: skip
# Other brackets, centres that are equal but for stereo, a ring that is symmetric, several double bonds.
NOT_STEADY = [
    "C[N@@H+]1CCC[C@H]1C", "C[n+]1ccccc1[O-]", "C[C@H](O)CC[C@@H](C)O", "C[C@H](O)C([C@@H](C)O)O",
    "C[C@H]1CC[C@@H](O)CC1", "C/C=C/[C@H](C)O", "F/C=C/C=C/F", "C[N+](C)(C)C", "[13CH4]",
]  # fmt: skip


def test_which_spellings_are_surely_canonical():
    for smiles in (*STEADY, *NOT_STEADY):
        mol = Chem.MolFromSmiles(smiles)
        text = Chem.MolToSmiles(Chem.RenumberAtoms(mol, list(range(mol.GetNumAtoms()))[::-1]), canonical=False)
        mol = Chem.MolFromSmiles(text)
        written = Chem.MolToSmiles(mol)
        assert is_steady(written, text, mol) is (smiles in STEADY or written == text), smiles
        assert is_steady(written, written, mol)


def test_scaffold():
    assert scaffold("CCc1ccc(C2CC2)cc1") == "c1ccc(C2CC2)cc1"
    assert scaffold("C[C@H]1CCCO1") == "C1CCOC1"
    assert scaffold("CCCC") == ""


LOGS = """
from rdkit import RDLogger, rdBase
from molvae.chem import parse, quiet_rdkit
assert "rdApp.error:enabled" in rdBase.LogStatus(), "importing must not silence"
RDLogger.DisableLog("rdApp.warning")
before = rdBase.LogStatus()
try:
    with quiet_rdkit():
        assert "enabled" not in rdBase.LogStatus()
        with quiet_rdkit():
            parse("C1CC")
        assert "enabled" not in rdBase.LogStatus(), "the inner block must not open the outer"
        raise KeyError
except KeyError:
    pass
assert rdBase.LogStatus() == before, rdBase.LogStatus()
"""


OVERLAP = """
from threading import Event, Thread
from rdkit import rdBase
from molvae.chem import parse, quiet_rdkit
inside, over = Event(), Event()

def first():
    with quiet_rdkit():
        inside.set()
        over.wait()

before = rdBase.LogStatus()
other = Thread(target=first)
other.start()
inside.wait()
with quiet_rdkit():
    over.set()
    other.join()
    parse("C1CC")
assert rdBase.LogStatus() == before, rdBase.LogStatus()
"""


@pytest.mark.parametrize("script", [LOGS, OVERLAP], ids=["nested", "threads"])
def test_quiet_restores_the_logs(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
