"""Groups of a molecule are opened at a core, and a search that keeps the core writes others there."""

import numpy as np
import pytest
from rdkit import Chem

from molvae.chem import canonical
from molvae.errors import InputError
from molvae.generator.molvae import MolVAE
from molvae.optimization.constraints import Keep
from molvae.optimization.operators import Operators
from molvae.optimization.optimizer import Optimizer
from molvae.optimization.proposals.decoration import opened
from molvae.optimization.proposals.latent import DECORATION
from molvae.optimization.settings import SearchConfig

GEFITINIB = "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1"
CASES = {
    "c1ncncc1": [GEFITINIB, "c1ccc2ncncc2c1", "Cc1ncncc1"],  # fused rings stay
    "c1cc[nH]c1": ["Cc1cc[nH]c1CO", "c1ccc2[nH]ccc2c1"],
    "C(=O)N": ["CC(=O)NC", "O=C1CCCN1", "NC=O"],
    "C1CC1": ["C1CC1", "C[C@H]1C[C@@H]1C(=O)O"],
}


@pytest.mark.parametrize("core", CASES)
def test_an_opened_molecule_keeps_the_core_and_what_is_fused_to_it(core):
    pattern = Chem.MolFromSmarts(core)
    for smiles in CASES[core]:
        rings = Chem.MolFromSmiles(smiles).GetRingInfo().NumRings()
        seen = set()
        for seed in range(40):
            scaffold = opened(smiles, core, np.random.default_rng(seed))
            assert scaffold is not None
            mol = Chem.MolFromSmiles(scaffold)
            dummies = [atom for atom in mol.GetAtoms() if not atom.GetAtomicNum()]
            assert mol.HasSubstructMatch(pattern) and dummies, scaffold
            assert all(atom.GetDegree() == 1 for atom in dummies) and mol.GetRingInfo().NumRings() <= rings
            assert "." not in scaffold
            # With hydrogens at the attachment points it is a part of the molecule.
            bare = canonical(scaffold.replace("*", "[H]"), stereo=False)
            assert Chem.MolFromSmiles(smiles).HasSubstructMatch(Chem.MolFromSmiles(bare)), (smiles, scaffold)
            seen.add(scaffold)
        assert len(seen) > 1 or smiles == "O=C1CCCN1"  # which has a single place
    assert opened("CCO", core, np.random.default_rng(0)) is None


def test_a_core_without_a_place_is_not_opened():
    assert opened("FC(F)(F)F", "C(F)(F)(F)F", np.random.default_rng(0)) is None
    assert opened("not a molecule", "C", np.random.default_rng(0)) is None


@pytest.fixture(scope="module")
def vae(tiny_run):
    return MolVAE.from_pretrained(tiny_run)


def test_a_search_that_keeps_a_core_decorates_it(vae):
    settings = SearchConfig(operators=DECORATION, follow_every=0, first=8, generations=1, pool=16)
    search = Optimizer(vae, constraints=[Keep("c1ccccc1")], start=["Cc1ccccc1", "COc1ccccc1"], settings=settings)
    for _ in range(3):
        batch = search.ask(8)
        search.tell(batch, [len(one.smiles) for one in batch])
    made = [one for one in search.archive.proposals if one.operator == DECORATION]
    pattern = Chem.MolFromSmarts("c1ccccc1")
    assert made and all(Chem.MolFromSmiles(one.smiles).HasSubstructMatch(pattern) for one in made)


def test_without_a_core_there_is_nothing_to_decorate(vae):
    search = Optimizer(vae, settings=SearchConfig())
    assert DECORATION not in search._operators.names and len(search._operators.names) == 6
    assert isinstance(search._operators, Operators)
    with pytest.raises(InputError):
        Optimizer(vae, start=["not a molecule"])
