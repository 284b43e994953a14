"""Laws of the account of what comes back."""

import numpy as np
import pytest

from molvae import MolVAE
from molvae.chem import canonical
from molvae.generator.exploration.fidelity import Fidelity, fidelity_table


@pytest.fixture(scope="module")
def vae(tiny_run):
    return MolVAE.from_pretrained(tiny_run)


def counts(*numbers):
    return np.array(numbers, dtype=np.int64)


def test_the_figures_are_of_what_rdkit_reads():
    molecules = ["CCO", "CCCN", "c1ccccc1", "[Pt]", None]
    back = ["CCO", "CCCO", None, None, None]
    table = fidelity_table(molecules, back, (counts(4, 3, 4, 0, 0), counts(4, 5, 9, 0, 0)))
    assert table["exact"].tolist()[:4] == [True, False, False, False] and table["exact"].isna()[4]
    assert table["tanimoto"][0] == 1.0 and table["tanimoto"].isna().tolist() == [False, False, True, True, True]
    account = Fidelity(worst=3)
    account.add([2, 3, 4], molecules[:3], table[:3])
    account.add([5, 6], ["[Pt]", "x"], table[3:])
    figures = account.figures()
    assert figures["molecules"] == 4 and figures["encoded"] == 0.75
    assert figures["exact reconstruction"] == 0.25 and figures["valid reconstruction"] == 0.5
    assert figures["mean Tanimoto"] == pytest.approx((1 + table["tanimoto"][1]) / 4)
    assert figures["token accuracy"] == pytest.approx(11 / 18)
    assert [pair[1:] for pair in account.worst] == [(3, "CCCN", "CCCO")]


def test_the_worst_are_the_least_similar_of_all_parts():
    account, rng = Fidelity(worst=4), np.random.default_rng(0)
    others = ["C" * n + "O" for n in range(1, 21)]
    every = []
    for part in range(3):
        chosen = list(rng.permutation(others))
        table = fidelity_table(["CCCCN"] * 20, chosen, (counts(*[1] * 20), counts(*[2] * 20)))
        account.add(range(20 * part, 20 * part + 20), ["NCCCC"] * 20, table)
        every += list(table["tanimoto"])
    assert [pair.tanimoto for pair in account.worst] == sorted(every)[:4]


def test_a_model_reports_what_reconstruct_gives(vae, sample_file):
    smiles = [line.split(",")[0] for line in sample_file.read_text().splitlines()[1:30]]
    table = vae.fidelity([*smiles, "C1", "[Pt]"])
    assert [one or None for one in table["reconstruction"]] == vae.reconstruct([*smiles, "C1", "[Pt]"])
    same = [canonical(a) == b for a, b in zip(smiles, table["reconstruction"], strict=False)]
    assert table["exact"].tolist()[:29] == same and table["exact"].isna()[29] and not table["exact"][30]
    assert table["token_accuracy"][:29].between(0, 1).all()
    again = vae.fidelity(smiles, batch_size=3)
    assert (again["token_accuracy"] == table["token_accuracy"][:29]).all()


def test_all_tokens_right_is_an_exact_reconstruction(vae, sample_file):
    # Teacher-forced greedy is step-wise greedy as long as each token is right; and so is the other way round.
    smiles = ["CCO", "c1ccccc1", *(line.split(",")[0] for line in sample_file.read_text().splitlines()[1:200])]
    table = vae.fidelity(smiles)
    assert ((table["token_accuracy"] == 1.0) <= table["exact"]).all()


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("[Pt]", "the model does not know the element Pt"),
        ("N.N.Cl[Pt]Cl", "the model does not know the element Pt"),
        ("C1CC", "not valid SMILES"),
        ("CC(C)(C)(C)C", "impossible valence"),
        ("", "no SMILES"),
    ],
)
def test_a_refusal_says_why(vae, smiles, reason):
    assert vae.refusal("CCO") is None and reason in vae.refusal(smiles)
