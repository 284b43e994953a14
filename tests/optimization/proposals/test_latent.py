"""Laws of proposals from the latent space: what the decoder writes becomes a proposal only if it is plausible."""

import numpy as np
import pytest

from molvae.optimization.proposals.latent import Drawn, LatentProposals

PARENT = "CCOc1ccccc1"


class Scribe:
    """A latent space whose decoder writes given texts."""

    atoms: frozenset[str] = frozenset()

    def __init__(self, *texts):
        self.texts = list(texts)

    def encode(self, smiles):
        return np.zeros((len(smiles), 2), dtype=np.float32)

    def decode(self, z, *, temperature, rng, prefixes, constrained):
        return self.texts[: len(z)]


def proposed(texts, parent=PARENT):
    latent = LatentProposals(Scribe(*texts), stereo=False, max_heavy_atoms=20, constrained=False, core=None)
    n = len(texts)
    found = latent.propose(["latent noise"] * n, [parent] * n, [PARENT] * n, np.random.default_rng(0))
    return [one.smiles for one in found], latent.drawn


def test_radicals_and_foreign_charges_are_no_proposals_but_count_as_molecules():
    assert proposed(["CC[CH]C", "C[N+](C)(C)C", "CI(C)C", "OCC", "C1"]) == (["CCO"], Drawn(5, 4))


@pytest.mark.parametrize("text", ["CC[N+](C)(C)C", "O=[N+]([O-])C"])
def test_a_charge_of_the_parent_is_allowed(text):
    assert len(proposed([text], "C[N+](C)(C)C[N+](=O)[O-]")[0]) == 1


def test_a_radical_is_no_proposal_even_if_its_parent_is_one():
    assert proposed(["CC[CH]C", "CCC"], "C[CH]C")[0] == ["CCC"]
