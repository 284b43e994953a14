"""Children by edits of graphs: valid, canonical, new, sensible; the core kept; nothing raised, whatever comes."""

import itertools

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from molvae.chem import canonical, quiet_rdkit
from molvae.errors import ConfigError
from molvae.optimization.proposals.graph_crossover import GraphCrossover
from molvae.optimization.proposals.graph_mutation import GraphMutation
from molvae.optimization.proposals.graphs import read
from tests.conftest import REPOSITORY, SMILES

PROPOSERS = (GraphMutation, GraphCrossover)
MELATONIN, PARACETAMOL = "COc1ccc2[nH]cc(CCNC(C)=O)c2c1", "CC(=O)Nc1ccc(O)cc1"
ODD = (
    *("C", "O", "N#N", "[H][H]", "[2H]C([2H])[2H]", "[13CH4]", "c1ccccc1", "C1CC1", "c1cc[nH]c1", "C12C3C4C1C5C2C3C45"),
    *("[Na+].[Cl-]", "CCO.CC", "C[N+](C)(C)CC(=O)[O-]", "[NH3+]CC([O-])=O", "CN=[N+]=[N-]", "[C-]#[O+]"),
    *("C[C@H](N)C(=O)O", "C/C=C/C", "C[S@](=O)CC", "C1CCCCCCCCCCCCC1", "C1=CC=CC=CC=C1", "C" * 120),
    *("CC(=O)" + "NCC(=O)" * 40 + "O", "[CH3]", "[O][O]", "*CC", "[Fe]", "C[Mg]Br", "C->[Fe]", "F[P-](F)(F)(F)(F)F"),
    *("CP(=O)(O)O", "CB(O)O", "C[Si](C)(C)C", "OS(=O)(=O)O", "c1ccc2c(c1)[nH]c1ccccc12", "", "no molecule", "C1CC"),
)


def moses(n):
    return pd.read_csv(REPOSITORY / "data" / "moses_sample.csv", nrows=n)["smiles"].tolist()


def children(proposer, parents, mates, seed=0):
    return proposer.propose(parents, mates, np.random.default_rng(seed))


def assert_lawful(child, *, stereo=False):
    mol = Chem.MolFromSmiles(child.smiles)
    assert canonical(child.smiles, stereo=stereo) == child.smiles
    assert child.smiles not in child.parents
    assert "." not in child.smiles
    assert not any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())


@pytest.mark.parametrize("kind", PROPOSERS)
def test_nine_of_ten_requests_give_a_lawful_child(kind):
    parents = moses(300)
    mates = parents[::-1]
    found = children(kind(), parents, mates)
    assert len(found) >= 0.9 * len(parents)
    places = {parent: place for place, parent in enumerate(parents)}
    order = [places[child.parents[0]] for child in found]
    assert order == sorted(order)
    for child in found:
        assert_lawful(child)
        assert child.smiles != mates[places[child.parents[0]]]
        assert child.operator == kind().name


@pytest.mark.parametrize("kind", PROPOSERS)
def test_no_flaw_comes_in(kind):
    parents = moses(150)
    for child in children(kind(), parents, parents[::-1], 1):
        own, *theirs = (read(one, False).flaws for one in (child.smiles, *child.parents))
        assert all(one <= max(others) for one, *others in zip(own, *theirs, strict=True)), child


@pytest.mark.parametrize("kind", PROPOSERS)
def test_same_seed_same_children(kind):
    parents = moses(40)
    first, again, other = (children(kind(), parents, parents[::-1], seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


@pytest.mark.parametrize("stereo", [False, True])
@pytest.mark.parametrize("kind", PROPOSERS)
def test_whatever_comes_nothing_is_raised(kind, stereo):
    with quiet_rdkit():
        parents, mates = zip(*itertools.product((*ODD, *SMILES[::6]), (*ODD[::4], PARACETAMOL)), strict=True)
        for child in children(kind(stereo=stereo), parents, mates):
            assert_lawful(child, stereo=stereo)
            assert child.smiles != child.parents[0]


@pytest.mark.parametrize("kind", PROPOSERS)
def test_what_is_no_single_molecule_has_no_children(kind):
    for parent in ("", "no molecule", "C1CC", "CCO.CC", "[Na+].[Cl-]", "[CH3]"):
        assert not children(kind(), [parent] * 5, [PARACETAMOL] * 5)
    assert not children(kind(), [], [])
    with pytest.raises(ValueError):
        children(kind(), ["CC"], [])


@pytest.mark.parametrize("kind", PROPOSERS)
def test_the_core_is_kept_and_no_child_is_larger_than_allowed(kind):
    core = "c1ccc2[nH]ccc2c1"
    small = children(kind(max_heavy_atoms=12), [PARACETAMOL] * 60, [MELATONIN] * 60)
    assert small and max(Chem.MolFromSmiles(child.smiles).GetNumHeavyAtoms() for child in small) <= 12
    found = children(kind(core=core), [MELATONIN] * 60, [PARACETAMOL] * 60)
    assert len({child.smiles for child in found}) > 15
    assert all(Chem.MolFromSmiles(child.smiles).HasSubstructMatch(Chem.MolFromSmarts(core)) for child in found)
    assert not children(kind(core=core), [PARACETAMOL] * 5, [MELATONIN] * 5)


@pytest.mark.parametrize("kind", PROPOSERS)
def test_stereo_far_from_the_edit_stays_as_it_is(kind):
    parent = "CCCCCCN(C)C(=O)[C@H](C)c1ccccc1"
    centre = Chem.MolFromSmiles("O=C(N)[C@H](C)c1ccccc1")
    found = [Chem.MolFromSmiles(one.smiles) for one in children(kind(stereo=True), [parent] * 80, ["CCOCC"] * 80)]
    there = [mol for mol in found if mol.HasSubstructMatch(centre)]
    marked = [mol for mol in there if "@" in Chem.MolToSmiles(mol)]
    assert len(marked) > 10
    assert all(mol.HasSubstructMatch(centre, useChirality=True) for mol in marked)
    assert all("@" not in child.smiles for child in children(kind(), [parent] * 20, ["CCOCC"] * 20))


@pytest.mark.parametrize("kind", PROPOSERS)
def test_settings_that_make_no_sense_are_said(kind):
    with pytest.raises(ConfigError, match="SMARTS"):
        kind(core="c1cc(")
    with pytest.raises(ConfigError, match="max_heavy_atoms"):
        kind(max_heavy_atoms=0)
