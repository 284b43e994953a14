"""Laws of edits in aromatic rings: they reach every arrangement, and leave rings aromatic and atoms what they were."""

from collections import Counter

import numpy as np
import pytest
from rdkit import Chem

from molvae.chem import canonical
from molvae.optimization.proposals.graph_proposer import is_sound
from molvae.optimization.proposals.graphs import read
from molvae.optimization.proposals.ring_edits import rearrange_aromatic, swap_aromatic
from tests.optimization.proposals.test_graph_mutation import attempted

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
        ("Clc1ccncc1Br", "Clc1cnccc1Br"),
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
        ("Cc1cc[nH]n1", "Cc1c[nH]nn1"),
        ("c1ccsc1", "c1ccoc1"),
        ("c1cc[nH]c1", "c1ccsc1"),
        ("c1ccccc1", "c1ccncc1"),
    ],
)
def test_elements_change_there_and_back(one, other):
    assert canonical(other) in made(swap_aromatic, one, 200)
    assert canonical(one) in made(swap_aromatic, other, 200)
