"""Mutations: known neighbours are found, each kind of edit works, there is a way back, and rings stay aromatic."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from molvae.chem import canonical
from molvae.optimization.proposals.fragments import NoSiteError
from molvae.optimization.proposals.graph_mutation import EDITS, GraphMutation
from molvae.optimization.proposals.graph_proposer import is_sound
from molvae.optimization.proposals.graphs import read
from molvae.optimization.proposals.ring_edits import rearrange_aromatic, swap_aromatic
from tests.conftest import REPOSITORY

NEIGHBOURS = (
    *(("c1ccccc1", "c1ccncc1"), ("Cc1ccccc1", "c1ccccc1"), ("c1ccccc1", "C1CCCCC1"), ("c1ccccc1", "c1cc[nH]c1")),
    *(("c1ccc2ccccc2c1", "c1ccccc1"), ("CCCCC", "C1CCCC1"), ("CCC(=O)NC", "CCNC(C)=O"), ("CCOC", "CCCO")),
    *(("CCS(C)(=O)=O", "CCC(C)=O"), ("CC", "C"), ("CC", "C=C"), ("C=C", "C#C"), ("Fc1ccccc1", "Clc1ccccc1")),
    *(("COc1ccccc1C", "COc1cccc(C)c1"), ("C1CCCC1", "C1CCCCC1"), ("c1ccsc1", "c1ccoc1"), ("CCO", "CCN")),
)
CHARGED = "C[NH+](C)CCc1c[nH]c2ccc(CC(=O)[O-])cc12"


def kids(smiles, tries, **options):
    rng = np.random.default_rng(0)
    return {child.smiles for child in GraphMutation(**options).propose([smiles] * tries, [smiles] * tries, rng)}


def attempted(edit, *arguments):
    """The draft of an edit; None if it finds no place."""
    try:
        return edit(*arguments)
    except NoSiteError:
        return None


def test_neighbours_are_found_there_and_back():
    for one, other in NEIGHBOURS:
        assert canonical(other) in kids(canonical(one), 400), (one, other)
        assert canonical(one) in kids(canonical(other), 400), (other, one)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_every_kind_of_edit_makes_molecules(edit):
    rng = np.random.default_rng(0)
    made = 0
    parents = [CHARGED] * 20 + pd.read_csv(REPOSITORY / "data" / "moses_sample.csv", nrows=130)["smiles"].tolist()
    for smiles in parents:
        graph = read(smiles, False)
        draft = attempted(edit, graph, 0, rng)
        made += draft is not None and is_sound(draft.mol) and "." not in Chem.MolToSmiles(draft.mol)
        if edit.__name__ not in ("append_atom", "append_group", "close_ring", "fuse_ring"):
            assert attempted(edit, graph, (1 << len(graph)) - 1, rng) is None
    assert made >= 0.08 * len(parents)


def test_all_elements_of_drugs_come_up():
    elements = {atom.GetSymbol() for one in kids("Cc1ccccc1", 1_500) for atom in Chem.MolFromSmiles(one).GetAtoms()}
    assert elements >= {"C", "N", "O", "F", "P", "S", "Cl", "Br", "I"}


def test_small_molecules_are_all_connected():
    edges: dict[str, set[str]] = {}
    fresh = ["CC"]
    while fresh:
        edges |= {one: kids(one, 120, max_heavy_atoms=2) for one in fresh}
        fresh = sorted(set().union(*edges.values()) - edges.keys())
    assert {"CC", "CO", "CN", "C=C", "C#C", "C#N", "CF", "C", "O", "N"} <= edges.keys()
    home = {"CC"}
    while True:
        nearer = {one for one, others in edges.items() if others & home} - home
        if not nearer:
            break
        home |= nearer
    assert home == edges.keys()


def test_the_mate_is_not_looked_at_but_never_the_child():
    rng = np.random.default_rng(0)
    found = GraphMutation().propose(["CC"] * 100, ["CCC"] * 100, rng)
    assert {child.parents for child in found} == {("CC",)}
    assert all(child.smiles not in ("CC", "CCC") for child in found)


def test_charges_may_go_and_never_come():
    found = kids(CHARGED, 300)
    assert {"[NH+]" in one for one in found} == {"[O-]" in one for one in found} == {True, False}
    nitro = Chem.MolFromSmarts("[N+](=O)[O-]")
    children = (Chem.MolFromSmiles(one) for one in kids("CN(C)CC(=O)O", 300))
    assert not any("+" in Chem.MolToSmiles(Chem.DeleteSubstructs(child, nitro)) for child in children)


METHYL_DIAZOLES = (
    *("Cn1cccn1", "Cc1cc[nH]n1", "Cc1ccn[nH]1", "Cc1cn[nH]c1"),
    *("Cn1ccnc1", "Cc1c[nH]cn1", "Cc1cnc[nH]1", "Cc1ncc[nH]1"),
)
DIAZINES = ("c1ccnnc1", "c1cncnc1", "c1cnccn1")


def made(edit, smiles, tries, frozen=0):
    rng = np.random.default_rng(0)
    drafts = (attempted(edit, read(canonical(smiles), False), frozen, rng) for _ in range(tries))
    return {Chem.MolToSmiles(draft.mol) for draft in drafts if draft is not None and is_sound(draft.mol)}


def closure(edit, smiles, tries=60):
    known: set[str] = set()
    fresh = {canonical(smiles)}
    while fresh:
        known |= fresh
        fresh = set().union(*(made(edit, one, tries) for one in sorted(fresh))) - known
    return known


@pytest.mark.parametrize("isomers", [METHYL_DIAZOLES, DIAZINES, ("Cc1cocn1", "Cc1cnco1", "Cc1ncco1")])
def test_every_arrangement_is_reached_from_every_other(isomers):
    expected = {canonical(one) for one in isomers}
    for one in isomers:
        found = closure(rearrange_aromatic, one)
        assert expected <= found and (isomers != METHYL_DIAZOLES or expected == found)
        assert {formula(other) for other in found} == {formula(one)}


def formula(smiles):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    return tuple(sorted(Counter(atom.GetSymbol() for atom in mol.GetAtoms()).items()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("c1ccc2[nH]ncc2c1", "c1ccn2cncc2c1"),  # nitrogen goes where two rings meet
        ("O=c1cc[nH]cc1", "O=c1cccc[nH]1"),  # lactams
        ("FC(F)(F)c1cc(-c2ccccc2)[nH]n1", "FC(F)(F)c1ccn(-c2ccccc2)n1"),
    ],
)
def test_what_hangs_at_a_ring_and_what_the_ring_is_made_of_move(one, other):
    assert canonical(other) in made(rearrange_aromatic, one, 300)
    assert canonical(one) in made(rearrange_aromatic, other, 300)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("c1ccc(-c2cc[nH]c2)cc1", "c1ccc(-c2cn[nH]c2)cc1"),
        ("Cc1cc[nH]n1", "Cn1ccnn1"),  # the hydrogen goes
        ("c1ccsc1", "c1ccoc1"),
        ("c1ccccc1", "c1ccncc1"),
    ],
)
def test_elements_change_there_and_back(one, other):
    assert canonical(other) in made(swap_aromatic, one, 200)
    assert canonical(one) in made(swap_aromatic, other, 200)
