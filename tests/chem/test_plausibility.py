"""Laws of plausibility: no radical is a molecule, and nothing unusual is but what the training molecules have."""

import gzip
import os
from pathlib import Path

import pytest
from rdkit import Chem

from molvae.chem import canonical, is_plausible
from molvae.chem.plausibility import LONE_CHARGE, RADICAL, unusual_atoms


@pytest.mark.parametrize("text", ["C[CH]C", "C[C]C", "CC[C@](F)Cl", "C[NH]", "C[C@@H]F", "[CH2]C"])
def test_a_radical_is_never_plausible(text):
    smiles = canonical(text)
    assert RADICAL in unusual_atoms(smiles)
    assert not is_plausible(smiles, unusual_atoms(smiles))


@pytest.mark.parametrize("text", ["CI(C)C", "C[IH]C", "I1OC(=O)c2ccccc21", "O=I(=O)c1ccccc1", "C[SH2]C", "FC[SH4]C"])
def test_too_many_bonds_must_be_in_the_training_molecules(text):
    smiles = canonical(text)
    assert not is_plausible(smiles, {"[IH]", "[SH]", "[SH2]", "[SH4]"})
    assert is_plausible(smiles, unusual_atoms(smiles))


@pytest.mark.parametrize("text", ["C[N+](C)(C)C", "[NH4+]", "CC(=O)[O-]", "c1cc[n+](C)cc1"])
def test_a_lone_charge_is_another_thing_than_a_nitro_group(text):
    nitro = unusual_atoms("O=[N+]([O-])c1ccccc1")
    assert not is_plausible(canonical(text), nitro | {"[n+]", "[NH4+]"})
    assert is_plausible(canonical("C[N+](=O)[O-]"), nitro)
    assert LONE_CHARGE in unusual_atoms(canonical(text))


@pytest.mark.parametrize(
    "text",
    ["Clc1ccccc1", "FC(F)Br", "C[C@H](F)Cl", "ClC1CC1", "F/C=C/I", "c1c[nH]cc1Br", "CS(C)(=O)=O", "OP(O)(O)=O", "CSC"],
)  # fmt: skip
def test_usual_atoms_need_no_permission(text):
    assert unusual_atoms(canonical(text)) == frozenset()


def test_every_unusual_valence_of_real_molecules_is_found():
    """The shortcut through the text finds what RDKit finds, in molecules with many halogens, charges and isotopes."""
    folder = os.environ.get("MOLVAE_DATA")
    path = Path(folder or ".") / "bioactive.csv.gz"
    if not folder or not path.exists():
        pytest.skip("needs bioactive.csv.gz in the folder $MOLVAE_DATA")
    with gzip.open(path, "rt") as file:
        texts = [line.split(",")[0] for line in file][1::100]
    for text in texts:
        mol = Chem.MolFromSmiles(text)
        if mol is None:
            continue
        smiles = Chem.MolToSmiles(mol)
        odd = unusual_atoms(smiles)
        halogens = {one for one in mol.GetAtoms() if one.GetSymbol() in ("F", "Cl", "Br", "I")}
        assert any(one.GetTotalValence() > 1 and not one.GetFormalCharge() for one in halogens) == any(
            "bonds" in one and one[0] != "S" for one in odd
        ), smiles
        assert any(one.GetNumRadicalElectrons() for one in mol.GetAtoms()) == (RADICAL in odd), smiles
