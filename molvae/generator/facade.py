"""`MolVAE`, the facade: SMILES on one side, arrays on the other."""

from __future__ import annotations

from molvae.generator.sampler import Sampler

__all__ = ["MolVAE"]


class MolVAE(Sampler):
    """A trained model that reads and writes SMILES.

    Every method takes and returns batches, in the order given. Molecules that cannot be used are values: None where a
    SMILES is expected, NaN where numbers are.

    Args:
        stored: model, tokenizer, training set and card.
        device: a torch device.

    >>> vae = MolVAE.from_pretrained("molvae-runs/mine")  # doctest: +SKIP
    >>> vae.sample(2, seed=0)  # doctest: +SKIP
    ['CCOc1ccc(C(=O)NC2CC2)cc1', 'Cc1nc(N2CCOCC2)sc1C(N)=O']
    """
