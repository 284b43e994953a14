"""Laws of decoration: the scaffold is whole, groups are at its attachment points alone, and N asked is N given."""

import random

import numpy as np
import pytest
from rdkit import Chem

from molvae import ConfigError, InputError, MolVAE
from molvae.chem import canonical, parse, quiet_rdkit
from molvae.chem.smiles_grammar import Grammar
from molvae.corpus.tokenizer import scan
from molvae.generator.exploration import walk as gathering
from molvae.generator.exploration.decoration import Template

SCAFFOLDS = [
    "O=C(Nc1ccc([*:1])cc1)c1ccnc([*:2])c1",
    "[*:1]c1ccccc1",
    "c1ccc2c(c1)cc([*:1])n2[*:2]",
    "*CC(*)(*)O",
    "O=C1CCN(*)C1",
]
RGROUPS = pytest.importorskip("rdkit.Chem.rdRGroupDecomposition")  # its type stubs cannot be read
LEAD = "CC(=O)Nc1ccc(O)cc1"


@pytest.fixture(scope="module")
def vae(tiny_run):
    return MolVAE.from_pretrained(tiny_run)


def groups(smiles, scaffold):
    """The groups of a molecule on a scaffold, as RDKit finds them; None where there are others."""
    settings = RGROUPS.RGroupDecompositionParameters()
    settings.onlyMatchAtRGroups = True
    settings.removeHydrogensPostMatch = True
    core = Chem.MolFromSmiles(scaffold)
    for number, atom in enumerate([atom for atom in core.GetAtoms() if not atom.GetAtomicNum()], start=1):
        atom.SetAtomMapNum(number)
    decomposition = RGROUPS.RGroupDecomposition(core, settings)
    if decomposition.Add(Chem.MolFromSmiles(smiles)) < 0:
        return None
    decomposition.Process()
    (row,) = decomposition.GetRGroupsAsRows()
    return [group for name, group in row.items() if name != "Core"]


@pytest.mark.parametrize("scaffold", SCAFFOLDS)
@pytest.mark.parametrize("near", [None, LEAD])
def test_molecules_hold_the_scaffold_and_have_groups_at_its_attachment_points(vae, scaffold, near):
    walk = vae.decorate(scaffold, n=5, near=near, seed=1)
    assert len(walk.smiles) == len(set(walk.smiles)) == 5 and walk.shortfall is None
    for one in walk.smiles:
        assert canonical(one) == one
        found = groups(one, scaffold)
        assert found is not None and len(found) == scaffold.count("*"), one
        assert all(any(atom.GetAtomicNum() > 1 for atom in group.GetAtoms()) for group in found), one
    assert vae.decorate(scaffold, n=5, near=near, seed=1, batch_size=7).table.equals(walk.table)
    assert vae.decorate(scaffold, n=5, near=near, seed=2).smiles != walk.smiles
    if near:
        assert walk.table["similarity"].is_monotonic_decreasing and canonical(near) not in walk.smiles
    assert "<svg" in walk.picture()


def test_a_template_is_followed_whatever_the_decoder_thinks(vae):
    """Random tokens between those of the scaffold: it is there, and no group is bound to it twice."""
    tokens, grammar = vae.tokenizer.tokens, Grammar(vae.tokenizer.tokens, end=vae.tokenizer.eos_id)
    template = ["c", "1", "c", "c", "(", "*", ")", "n", "c", "(", "C", "*", ")", "c", "1"]
    given = [None if one == "*" else vae.tokenizer.ids[one] for one in template]
    rng, whole = random.Random(0), 0
    for _ in range(100):
        state, text = grammar.start(200, given), []
        while len(text) < 200:
            order = sorted(range(len(tokens)), key=lambda one: rng.random() - 2 * (tokens[one] == ")"))
            token = next((one for one in order if state.accept(one)), grammar.end)  # a group may come to a dead end
            if token == grammar.end:
                break
            text.append(tokens[token])
        smiles = "".join(text)
        with quiet_rdkit():
            if parse(smiles) is not None:
                whole += 1
                assert groups(smiles, "c1cc([*:1])nc(C[*:2])c1") is not None, smiles
    assert whole > 20


def test_spellings_are_of_the_scaffold_with_points_where_a_branch_or_the_string_ends(vae):
    template = Template(SCAFFOLDS[0], vae.tokenizer, np.random.default_rng(0))
    spellings = {tuple(template.spelling()) for _ in range(50)}
    assert len(spellings) > 10
    for one in spellings:
        assert canonical("".join(one)) == canonical("O=C(Nc1ccc(*)cc1)c1ccnc(*)c1")
        ends = [one[at + 1 : at + 2] for at, token in enumerate(one) if token == "*"]
        assert len(ends) == 2 and set(ends) <= {(")",), ()}
        assert scan("".join(one)) == list(one)


@pytest.mark.parametrize(
    ("scaffold", "message"),
    [
        ("c1ccccc1", "has no attachment point"),
        ("c1cc(*", "is no valid SMILES"),
        ("", "is no valid SMILES"),
        ("C=*", "one single bond"),
        ("*", "one single bond"),
        ("**", "one single bond"),
        ("C1*C1", "one single bond"),
        ("C*.C", "more than one molecule"),
        ("[U]*", r"does not know the token '\[U\]'"),
        ("C" * 200 + "*", "more than the"),
    ],
)
def test_a_scaffold_that_cannot_be_decorated_is_named_in_one_sentence(vae, scaffold, message):
    with pytest.raises(InputError, match=message) as caught:
        vae.decorate(scaffold, n=2)
    assert "\n" not in str(caught.value)


def test_settings_have_bounds_and_a_shortfall_is_explained(vae, monkeypatch):
    for settings in ({"n": 0}, {"temperature": -1.0}, {"seed": -1}, {"batch_size": 0}, {"properties": ("charm",)}):
        with pytest.raises(ConfigError):
            vae.decorate(SCAFFOLDS[0], **settings)
    with pytest.raises(InputError, match="molecule 1 of 1"):
        vae.decorate(SCAFFOLDS[0], near="no molecule")
    monkeypatch.setattr(gathering, "_EXTRA", 1)
    monkeypatch.setattr(gathering, "_EACH", 0)
    walk = vae.decorate(SCAFFOLDS[0], n=200)  # of a single block of draws
    assert len(walk.smiles) < 200 and f"only {len(walk.smiles)} of 200 molecules in 128 draws" in walk.shortfall
