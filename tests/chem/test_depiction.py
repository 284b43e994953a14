"""Structures as numbers: they are the molecule, stereo included, whoever lays them out."""

import numpy as np
from rdkit import Chem
from rdkit.Geometry import Point3D

from molvae.chem import canonical
from molvae.chem.depiction import STEPS, BondKind, depict
from tests.conftest import SMILES

SINGLE, DOUBLE = Chem.BondType.SINGLE, Chem.BondType.DOUBLE
ORDERS = {
    BondKind.DOUBLE: DOUBLE,
    BondKind.DOUBLE_LEFT: DOUBLE,
    BondKind.DOUBLE_RIGHT: DOUBLE,
    BondKind.CROSSED: DOUBLE,
    BondKind.TRIPLE: Chem.BondType.TRIPLE,
}
DIRECTIONS = {BondKind.WEDGE: Chem.BondDir.BEGINWEDGE, BondKind.HASH: Chem.BondDir.BEGINDASH}
HARD = [
    "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "C1CC[C@H]2CCCC[C@@H]2C1",
    "CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O", r"F/C=C\F", "F/C=C/F", "CC=C=CC", "[13CH3]O", "[NH4+]",
    "[Na+].[Cl-]", "C[CH2]", "[2H]OC", "[H][H]", "*CC", "c1ccc2c(c1)[nH]c1ccccc12", "O=S(=O)(O)c1cc[n+]([O-])cc1",
]  # fmt: skip


def read_back(drawn, place):
    """The molecule that a picture shows."""
    first, start = int(drawn.atoms[:place].sum()), int(drawn.bonds[:place].sum())
    mol, layout = Chem.RWMol(), Chem.Conformer(int(drawn.atoms[place]))
    for number in range(int(drawn.atoms[place])):
        label = drawn.labels[drawn.label[first + number]]
        atom = Chem.Atom(label.symbol or "C")
        atom.SetFormalCharge(label.charge)
        atom.SetIsotope(label.isotope)
        if label.symbol:
            atom.SetNumExplicitHs(label.hydrogens)
            atom.SetNumRadicalElectrons(label.radicals)
            atom.SetNoImplicit(True)
        mol.AddAtom(atom)
        layout.SetAtomPosition(number, Point3D(drawn.x[first + number] / STEPS, drawn.y[first + number] / STEPS, 0.0))
    for number in range(start, start + int(drawn.bonds[place])):
        kind = BondKind(drawn.kind[number])
        mol.AddBond(int(drawn.begin[number]), int(drawn.end[number]), ORDERS.get(kind, SINGLE))
        mol.GetBondWithIdx(number - start).SetBondDir(DIRECTIONS.get(kind, Chem.BondDir.NONE))
    mol.AddConformer(layout)
    Chem.SanitizeMol(mol)
    Chem.AssignChiralTypesFromBondDirs(mol)
    Chem.DetectBondStereochemistry(mol)
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    return canonical(Chem.MolToSmiles(Chem.RemoveHs(mol)))


def test_what_is_drawn_is_the_molecule():
    smiles = [*SMILES, *HARD]
    drawn = depict(smiles)
    assert [read_back(drawn, place) for place in range(len(smiles))] == [
        canonical(Chem.MolToSmiles(Chem.RemoveHs(Chem.MolFromSmiles(one)))) for one in smiles
    ]
    assert drawn.atoms.sum() == len(drawn.label) == len(drawn.x) == len(drawn.y)
    assert drawn.bonds.sum() == len(drawn.begin) == len(drawn.end) == len(drawn.kind)


def test_bonds_have_one_length():
    drawn = depict(["c1ccccc1CCO"])
    steps = np.hypot(
        np.diff(drawn.x[np.c_[drawn.begin, drawn.end]].astype(float), axis=1),
        np.diff(drawn.y[np.c_[drawn.begin, drawn.end]].astype(float), axis=1),
    )
    np.testing.assert_allclose(steps, 1.5 * STEPS, atol=1.5)


def test_the_second_line_of_a_ring_bond_is_inside():
    drawn = depict(["C1=CCCCC1"])
    double = int(np.flatnonzero(np.isin(drawn.kind, (BondKind.DOUBLE_LEFT, BondKind.DOUBLE_RIGHT)))[0])
    begin, end = drawn.begin[double], drawn.end[double]
    dx, dy = int(drawn.x[end]) - int(drawn.x[begin]), int(drawn.y[end]) - int(drawn.y[begin])
    inside = dx * (drawn.y.mean() - drawn.y[begin]) - dy * (drawn.x.mean() - drawn.x[begin])
    assert (inside > 0) == (drawn.kind[double] == BondKind.DOUBLE_LEFT)


def test_what_cannot_be_drawn_has_no_atoms():
    for text in ("", "C1CC", "no molecule", None, "C" * 300):
        drawn = depict(["CC", text, "CO"])
        assert drawn.atoms.tolist() == [2, 0, 2] and drawn.bonds.tolist() == [1, 0, 1]
    drawn = depict([])
    assert drawn.labels == () and len(drawn.atoms) == len(drawn.label) == len(drawn.kind) == 0


def test_workers_change_nothing():
    smiles = [*SMILES] * 17
    one, two = depict(smiles, workers=1), depict(smiles, workers=2)
    assert one.labels == two.labels
    for name in ("atoms", "bonds", "label", "x", "y", "begin", "end", "kind"):
        assert (getattr(one, name) == getattr(two, name)).all()
