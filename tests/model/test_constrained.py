"""Laws of constrained decoding: whatever the decoder thinks, a molecule comes out; and real molecules are allowed."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molvae import ModelConfig, SmilesTokenizer
from molvae.chem import parse, quiet_rdkit
from molvae.chem.smiles_grammar import Grammar
from molvae.config import Decoding
from molvae.corpus.tokenizer import SPECIAL_TOKENS, scan
from molvae.model import SmilesVAE, generate
from molvae.model.latent_codec import Codec

NASTY = (
    "c1ccc(-c2ccccc2)cc1",  # biphenyl, with its bond and without
    "c1ccccc1c1ccccc1",
    "c1ccc2c(c1)ccc1ccccc12",
    "c1cc2ccc3cccc4ccc(c1)c2c34",  # pyrene
    "c1cc2cccc3c2c(c1)CC3",
    "C1=Cc2cc3ccc(cc4nc(cc5ccc(cc1n2)[nH]5)C=C4)[nH]3",
    "c1cc2cc3ccc(cc4ccc(cc5ccc(cc1n2)[nH]5)n4)[nH]3",  # porphine
    "c1ccc2cccc-2cc1",  # azulene
    "c1ccc2cccc2cc1",
    "c1nnn[nH]1",
    "n1cn[nH]n1",
    "O=c1cccc[nH]1",
    "[O-][n+]1ccccc1",
    "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
    "CS(=O)(=O)c1ccccc1",
    "CS(C)(=O)=N",
    "CS(=O)C",
    "O=[N+]([O-])c1ccccc1",
    "CC[N+]#[C-]",
    "CN=[N+]=[N-]",
    "C[N+](C)(C)C",
    "C[n+]1ccccc1",
    "OB(O)c1ccccc1",
    "COP(=O)(O)O",
    "CP(C)(=O)c1ccccc1",
    "C1CCC2(CC1)OCCO2",
    "C1CC2CCC1C2",
    "C%10CCCC%10",
    "C%11CC%11",
    "C=1CCCCC=1",
    "C1=CCCCC=1",
    "N[C@@H](C)C(=O)O",
    "C[C@]12CCC(=O)C[C@@H]1CC[C@H]1[C@H]2CC[C@]2(C)C(=O)CC[C@@H]12",
    r"F/C=C/F",
    r"F/C=C\F",
    r"C/C=C/1CCCC1",
    "O=c1cc[nH]c(=O)[nH]1",
    "c1ccc2c(c1)[nH]c1ccccc12",
    "c1ccc2sccc2c1",
    "c1cc[se]c1",
    "c1ccpcc1",
    "Cp1cccc1",
    "[cH-]1cccc1",
    "c1cc[o+]cc1",
    "O=c1c2ccccc2oc2ccccc12",
    "C1=CC(=C2C=CC=C2)C=C1",
    "N#Cc1ccc(cc1)C#C",
    "FS(F)(F)(F)(F)c1ccccc1",
    "[2H]C([2H])([2H])O",
    "[O-]C(=O)C[NH3+]",
    "C[Si](C)(C)C",
    "c1:c:c:c:c:c:1",
    "c1ccc(/c2ccccc2)cc1",  # a direction makes no single bond
    "c1c/cccc1",
    "C12C3C4C1C5C2C3C45",  # cubane
    "c1ncc2nc[nH]c2n1",
)
TOKENS = sorted({token for one in NASTY for token in scan(one)} | {"Cl", "Br", "I", "2", "3", "[nH+]", "[C@H]", "[S+]"})
CONFIG = ModelConfig(latent_dim=6, embedding_dim=5, encoder_hidden=7, decoder_hidden=9)


def refusal(grammar, ids, max_length=1000):
    """The position of the first token that is refused."""
    state = grammar.start(max_length)
    return next((at for at, token in enumerate(ids) if not state.accept(token)), None)


@pytest.fixture(scope="module")
def model():
    """A model that has learned nothing, over many tokens; its weights are large, so that it is sure of what it says."""
    torch.manual_seed(0)
    tokenizer = SmilesTokenizer(TOKENS)
    model = SmilesVAE(CONFIG, len(tokenizer)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3.0)
    return Codec(model, tokenizer, max_length=40)


@pytest.mark.parametrize("smiles", NASTY)
def test_molecules_that_are_hard_to_read_are_allowed(smiles):
    assert parse(smiles) is not None
    tokenizer = SmilesTokenizer.from_smiles(NASTY)
    grammar = Grammar(tokenizer.tokens, end=tokenizer.eos_id)
    spellings = [smiles, *(Chem.MolToSmiles(parse(smiles), doRandom=True) for _ in range(20))]
    for one in spellings:
        if set(scan(one)) <= tokenizer.ids.keys():
            assert refusal(grammar, [*tokenizer.encode(one), tokenizer.eos_id]) is None, one


def test_real_molecules_are_allowed_in_every_spelling(sample_file):
    smiles = [line.split(",")[0] for line in sample_file.read_text().splitlines()[1:401]]
    for explicit in (False, True):
        spelled = [Chem.MolToSmiles(parse(one), doRandom=True, allBondsExplicit=explicit) for one in smiles]
        tokenizer = SmilesTokenizer.from_smiles([*smiles, *spelled])
        grammar = Grammar(tokenizer.tokens, end=tokenizer.eos_id)
        for one in [*smiles, *spelled]:
            assert refusal(grammar, [*tokenizer.encode(one), tokenizer.eos_id]) is None, one


@pytest.mark.parametrize(
    "smiles",
    [
        *("C1C1", "C11", "C12CC12", "C()C", "(C)C", "C(C", "C)C", "C1CC", "C=", "=C", "C==C", "CC(=)C"),
        *("FC=FC", "N(C)(C)(C)C", "O(C)(C)C", "C(C)(C)(C)(C)C", "C=1CC#1"),
        *("cc", "c1cccc1", "c1ccccc1c", "c1ccccc1=O", "n1cccc1", "o1ccccc1", "[nH]1ccccc1", "c1ccccc1-cC"),
        *("c1cccc1c1cccc1", "C*C", "C~C", "C.", ".C", "<pad>", "C1.C", "c:1ccccC:1"),
        *("C1c%10n/nC1%10", "C1c%10nnC1%10"),
    ],
)
def test_what_is_no_molecule_is_refused(smiles):
    """And some that RDKit reads, but that nobody should write."""
    assert parse(smiles) is None or smiles in {"C*C", "C~C", "C=1CC#1", "c:1ccccC:1"}
    tokens = scan(smiles) if smiles != "<pad>" else [smiles]
    tokenizer = SmilesTokenizer(sorted({*tokens, *TOKENS, "."} - set(SPECIAL_TOKENS)))
    grammar = Grammar(tokenizer.tokens, end=tokenizer.eos_id)
    assert refusal(grammar, [*(tokenizer.ids[token] for token in tokens), tokenizer.eos_id]) is not None


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    tokens=st.sets(st.sampled_from(TOKENS), min_size=1).map(lambda some: sorted({*some, "C", "c", "n", "1", "(", ")"})),
    length=st.integers(1, 60),
    seed=st.integers(0, 2**32 - 1),
)
def test_random_tokens_become_molecules(tokens, length, seed):
    """Of all strings that end, RDKit takes all but a few with aromatic atoms that no chemist has seen."""
    grammar, rng = Grammar(["<eos>", *tokens], end=0), random.Random(seed)
    state, text = grammar.start(length), []
    while True:
        order = sorted(range(len(tokens) + 1), key=lambda token: rng.random())
        allowed = next((token for token in order if state.accept(token)), None)
        if not allowed:
            break
        text.append(tokens[allowed - 1])
    assert len(text) <= length
    if allowed == 0 and not {"p", "[se]"} & set(text):
        with quiet_rdkit():
            assert parse("".join(text)) is not None, "".join(text)


def test_a_test_changes_nothing():
    """Whatever is asked, what is accepted and refused afterwards is the same."""
    grammar, rng = Grammar(["<eos>", *TOKENS], end=0), random.Random(0)
    for _ in range(30):
        asked, plain = grammar.start(40), grammar.start(40)
        for _ in range(200):
            token = rng.randrange(len(TOKENS) + 1)
            for other in rng.sample(range(len(TOKENS) + 1), 5):
                asked.allows(other)
            assert asked.accept(token) == plain.accept(token)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0, 3.0])
def test_every_point_decodes_to_a_molecule(model, temperature):
    rng = np.random.default_rng(0)
    z, uniforms = 3 * rng.standard_normal((60, 6), dtype=np.float32), rng.random((60, 40), dtype=np.float32)
    decoding = Decoding(temperature=temperature, constrained=True)
    texts = model.decode(z, decoding, uniforms)
    assert all(parse(text) is not None and len(scan(text)) <= 40 for text in texts), texts
    assert texts == model.decode(z, decoding, uniforms)  # same seed, same molecules
    parts = [
        text for row in range(0, 60, 7) for text in model.decode(z[row : row + 7], decoding, uniforms[row : row + 7])
    ]
    assert texts == parts  # batch mates do not matter
    free = model.decode(z, decoding.replace(constrained=False), uniforms)
    with quiet_rdkit():
        assert all(one == two for one, two in zip(free, texts, strict=True) if parse(one) is not None)


def test_draws_follow_the_allowed_probabilities(model):
    n, tokenizer, decoder = 2_500, model._tokenizer, model._model.decoder
    grammar = Grammar(tokenizer.tokens, end=tokenizer.eos_id)
    z = torch.ones(1, 6)
    drawn = generate(
        decoder,
        z.expand(n, -1),
        Decoding(max_length=12),
        bos_id=tokenizer.bos_id,
        eos_id=tokenizer.eos_id,
        uniforms=torch.rand(n, 12, generator=torch.Generator().manual_seed(0)),
        prefix=torch.full((n, 1), tokenizer.ids["C"]),
        states=[grammar.start(12) for _ in range(n)],
    )[:, 1]
    state = grammar.start(12)
    state.advance(tokenizer.ids["C"])
    allowed = torch.tensor([state.allows(token) for token in range(len(tokenizer))])
    logits = decoder(torch.tensor([[tokenizer.bos_id, tokenizer.ids["C"]]]), z)[0, 1]
    expected = torch.softmax(logits.where(allowed, -torch.inf), -1)
    assert 0 < int(allowed.sum()) < len(tokenizer)
    torch.testing.assert_close(torch.bincount(drawn, minlength=len(tokenizer)) / n, expected, atol=0.03, rtol=0.0)


def test_greedy_takes_the_best_that_is_allowed(model):
    tokenizer, decoder = model._tokenizer, model._model.decoder
    grammar = Grammar(tokenizer.tokens, end=tokenizer.eos_id)
    z = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    settings = Decoding(temperature=0.0, max_length=200)
    states = [grammar.start(200) for _ in z]
    ids = generate(decoder, z, settings, bos_id=tokenizer.bos_id, eos_id=tokenizer.eos_id, states=states)
    logits = decoder(torch.nn.functional.pad(ids, (1, 0), value=tokenizer.bos_id)[:, :-1], z)
    for row, scores in zip(ids.tolist(), logits, strict=True):
        state = grammar.start(200)
        for token, score in zip(row[:20], scores, strict=False):
            order = score.argsort(descending=True, stable=True).tolist()
            if order[0] == tokenizer.eos_id and not state.allows(order[0]):
                break  # from here on the string hurries to its end
            assert token == next(one for one in order if state.allows(one))
            if token == tokenizer.eos_id:
                break
            state.advance(token)


def test_a_prefix_stands_and_the_rest_makes_a_molecule_of_it(model):
    z = np.random.default_rng(1).standard_normal((12, 6), dtype=np.float32)
    prefixes = [scan(text) for text in ("c1cc", "C(", "C1CC(=O", "CCN=", "c1c[nH]", "C=1") * 2]
    texts = model.decode(z, Decoding(temperature=0.0, constrained=True), None, prefixes=prefixes)
    for text, prefix in zip(texts, prefixes, strict=True):
        assert text.startswith("".join(prefix)) and parse(text) is not None


def test_behind_what_can_become_no_molecule_everything_is_allowed():
    grammar = Grammar(["<eos>", "C", "=", "1"], end=0)
    state = grammar.start(5)
    state.advance(2)
    assert all(state.allows(token) for token in range(4))
