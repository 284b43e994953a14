"""Crossover: all atoms come from the two parents, sizes stay between, and each kind of cut works."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from molvae.optimization.proposals.graph_crossover import CROSSINGS, GraphCrossover
from molvae.optimization.proposals.graph_proposer import is_sound
from molvae.optimization.proposals.graphs import read
from tests.conftest import REPOSITORY
from tests.optimization.proposals.test_graph_mutation import attempted


def formula(smiles):
    return Counter(atom.GetSymbol() for atom in Chem.MolFromSmiles(smiles).GetAtoms())


@pytest.fixture(scope="module")
def found():
    parents = pd.read_csv(REPOSITORY / "data" / "moses_sample.csv", nrows=300)["smiles"].tolist()
    return GraphCrossover().propose(parents, parents[::-1], np.random.default_rng(0))


def test_all_atoms_come_from_the_parents(found):
    for child in found:
        parent, mate = map(formula, child.parents)
        assert formula(child.smiles) <= parent + mate, child


def test_children_are_about_as_large_as_their_parents(found):
    beyond = []
    for child in found:
        parent, mate, own = (formula(one).total() for one in (*child.parents, child.smiles))
        beyond.append(max(0, own - max(parent, mate), min(parent, mate) - own))
    assert np.mean(beyond) < 2.5
    assert np.quantile(beyond, 0.95) < 9


def test_both_parents_are_to_be_seen(found):
    generator = Chem.rdFingerprintGenerator.GetMorganGenerator(radius=1)
    print_of = lambda smiles: set(generator.GetSparseFingerprint(Chem.MolFromSmiles(smiles)).GetOnBits())  # noqa: E731
    new = [len(print_of(c.smiles) - print_of(c.parents[0]) - print_of(c.parents[1])) for c in found]
    assert np.mean(new) < 8


@pytest.mark.parametrize("crossing", CROSSINGS, ids=lambda crossing: crossing.__name__)
def test_every_kind_of_cut_makes_molecules(crossing):
    rng = np.random.default_rng(0)
    smiles = pd.read_csv(REPOSITORY / "data" / "moses_sample.csv", nrows=150)["smiles"].tolist()
    made = 0
    for parent, mate in zip(smiles, smiles[::-1], strict=True):
        graph, other = read(parent, False), read(mate, False)
        draft = attempted(crossing, graph, other, 0, len(graph), rng)
        made += draft is not None and is_sound(draft.mol) and "." not in Chem.MolToSmiles(draft.mol)
    assert made >= 0.25 * len(smiles)


def test_known_children():
    def kids(parent, mate):
        rng = np.random.default_rng(0)
        return {child.smiles for child in GraphCrossover().propose([parent] * 200, [mate] * 200, rng)}

    assert kids("Clc1ccccc1", "CCOCC") >= {"CCc1ccccc1", "CCOc1ccccc1", "CCOCc1ccccc1"}
    assert "c1ccc2ncccc2c1" in kids("c1ccc2ccccc2c1", "c1ccncc1")  # through a ring
    assert "FCCNCCF" in kids("FCCOCCF", "BrCCNCCBr")  # what is between
    assert not kids("c1ccccc1", "c1ccccc1")
