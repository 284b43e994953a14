"""Laws of the sieve: N asked is N given, each once, in the order of the draws, however the draws are cut."""

from itertools import count

import numpy as np
import pytest

from molvae import SamplingError
from molvae.chem import PROPERTIES
from molvae.chem.known_molecules import FORMS, KnownMolecules
from molvae.chem.molecule_set import GrowingSet, MoleculeSet, hash_smiles
from molvae.generator.sampling.screening import Account, Raw, first_draws, new_molecules, screen, unscreened

ATOMS = {"[N+]", "[O-]", "lone charge"}


def raw(blocks):
    start = 0
    for block in blocks:
        yield Raw(start, block, 0.0)
        start += len(block)


def sifted(blocks, n, known=None, names=()):
    account = Account()
    found = list(new_molecules((screen(names, block, atoms=ATOMS) for block in raw(blocks)), n, account, known=known))
    return [one for molecules in found for one in molecules], account, found


def test_radicals_and_foreign_charges_are_left_out_and_counted_but_are_valid():
    drawn = ["C[CH]C", "CC[N+](C)(C)C", "CI(C)C", "C[CH]C", "CCO", "C[C@@](F)Cl"]
    account = Account()
    blocks = (screen((), block, atoms={"[N+]", "[O-]"}) for block in raw(forever([*drawn, "CCN"])))
    found = [one for molecules in new_molecules(blocks, 2, account) for one in molecules]
    assert found == ["CCO", "CCN"]
    assert (account.drawn, account.valid, account.implausible, account.duplicates) == (7, 7, 4, 1)


def forever(block):
    return ([*block] for _ in count())


def test_n_asked_is_n_given():
    smiles, account, _ = sifted([["OCC", "CCO", "C1CC", "", "CCN"], ["CC", "c1ccccc1", "CCC", "CCCC"]], 4)
    assert smiles == ["CCO", "CCN", "CC", "c1ccccc1"]
    assert (account.found, account.drawn, account.valid, account.duplicates) == (4, 7, 5, 1)
    assert account.validity == 5 / 7


def test_none_asked_is_none_drawn():
    assert sifted(forever(["CC"]), 0)[1].drawn == 0
    assert list(first_draws(map(unscreened, raw(forever(["CC"]))), 0, Account())) == []


def test_training_molecules_can_be_left_out():
    smiles, account, _ = sifted([["OCC", "CC", "OCC", "CCN"]], 2, known=KnownMolecules.from_smiles(["CCO"]))
    assert smiles == ["CC", "CCN"]
    assert (account.known, account.duplicates, account.valid) == (1, 1, 4)


@pytest.mark.parametrize(("forms", "known_ones"), [(1, 1), (2, 4), (3, 5)])
def test_held_out_molecules_and_stereoisomers_are_known_if_their_forms_are_compared(forms, known_ones):
    known = KnownMolecules.from_smiles(["C[C@H](N)O"], held_out=["Oc1ccccn1"])
    drawn = ["C[C@H](N)O", "CC(N)O", "C[C@@H](N)O", "Oc1ccccn1", "O=c1cccc[nH]1", "CCO"]
    screened = (screen((), block, forms=FORMS[:forms]) for block in raw([drawn, ["CCN"]]))
    account = Account()
    blocks = new_molecules(screened, 7 - known_ones, account, known=known)
    found = [one for molecules in blocks for one in molecules]
    assert found == [*drawn[known_ones:], "CCN"]
    assert account.known == known_ones


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_the_cuts_change_nothing(canonical_smiles, size):
    texts = ["C1", *canonical_smiles, "", *reversed(canonical_smiles), "CCCCCCC"]
    known = KnownMolecules.from_smiles(canonical_smiles[5:7])
    n = len(canonical_smiles) - 1
    whole, account, _ = sifted([texts], n, known)
    cut, same, _ = sifted([texts[at : at + size] for at in range(0, len(texts), size)], n, known)
    assert cut == whole == [*(one for one in canonical_smiles if one not in canonical_smiles[5:7]), "CCCCCCC"]
    assert same == account


def test_properties_stay_with_their_molecule():
    _, _, found = sifted([["C1", "CCO", "CCO"], ["c1ccccc1"]], 2, names=("heavy_atoms", "logp"))
    assert [molecules.properties[:, 0].tolist() for molecules in found] == [[3.0], [6.0]]
    assert found[1].properties.shape == (1, len(("heavy_atoms", "logp"))) and "logp" in PROPERTIES


@pytest.mark.parametrize(("text", "remedy"), [("CC", "ask for fewer"), ("C1", "train it for longer")])
@pytest.mark.parametrize("size", [1000, 1024])
def test_a_model_that_has_no_more_to_give_is_given_up(text, remedy, size):
    with pytest.raises(SamplingError, match=remedy) as caught:
        sifted(forever([text] * size), 5)
    assert f"{int(text == 'CC')} of the 5 molecules asked for in 20,000 draws" in str(caught.value)


def test_raw_draws_pass_as_they_are():
    account = Account()
    found = list(first_draws(map(unscreened, raw([["C1", "", "CC"], ["CC", "x"]])), 4, account))
    assert found == [["C1", "", "CC"], ["CC"]] and account.drawn == account.found == 4


def test_the_account_foretells_the_draws():
    assert Account().needed(100) == 100
    assert Account(drawn=100, found=25).needed(100) == 400
    assert Account(drawn=100, found=0).needed(100) > 1_000
    assert Account(drawn=100, found=100).needed(100) == 100


def test_a_hash_set_knows_its_own_and_no_others(canonical_smiles):
    known = MoleculeSet.from_smiles(canonical_smiles[::2])
    assert known.intersection(canonical_smiles) == set(canonical_smiles[::2])
    assert MoleculeSet.from_smiles([]).intersection(canonical_smiles) == set()
    assert len(MoleculeSet.from_smiles(["CC", "CC"])) == 1


def test_a_growing_set_is_a_set_of_eight_bytes_a_molecule():
    rng, known, grown = np.random.default_rng(0), set[int](), GrowingSet()
    for _ in range(200):
        block = rng.integers(0, 50_000, size=rng.integers(0, 700), dtype=np.uint64)
        expected = []
        for one in block.tolist():
            expected.append(one not in known)
            known.add(one)
        assert grown.add(block).tolist() == expected
    assert len(grown) == len(known)
    assert sum(run.nbytes for run in grown._runs) == 8 * len(known)
    assert len(grown._runs) <= 17


def test_hashes_are_those_that_models_store():
    assert hash_smiles(["CCO", "c1ccccc1"]).tolist() == [14074757553414938733, 13234177481959681782]
    assert hash_smiles([]).shape == (0,)
