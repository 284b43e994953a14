"""What the figures of a sample mean, in a few words each."""

from __future__ import annotations

__all__ = ["meaning_of"]

_MEANING = {
    "samples": "strings that were sampled",
    "valid": "share of strings that are molecules",
    "unique@1000": "distinct of the first 1,000 valid",
    "unique@10000": "distinct of the first 10,000 valid",
    "FCD": "Frechet ChemNet distance; 0 is best",
    "SNN": "mean similarity to the nearest test molecule",
    "Frag": "cosine of BRICS fragment counts",
    "Scaf": "cosine of scaffold counts",
    "IntDiv": "1 - mean similarity within the sample",
    "IntDiv2": "the same by root mean square",
    "Filters": "share that passes the MOSES filters",
    "logP": "Wasserstein distance to the test set",
    "SA": "Wasserstein distance to the test set",
    "QED": "Wasserstein distance to the test set",
    "weight": "Wasserstein distance to the test set, Da",
    "Novelty": "distinct ones that are not in training",
    "KL": "GuacaMol, KL to the training set, nats",
    "KL score": "GuacaMol, mean of exp(-KL); 1 is best",
    "FCD score": "GuacaMol, exp(-FCD / 5); 1 is best",
    "exact reconstruction": "share of test molecules that come back",
    "molecules": "that RDKit reads",
    "encoded": "share that the model can read",
    "valid reconstruction": "share that come back as a molecule",
    "mean Tanimoto": "to what comes back; 0 for no molecule",
    "median Tanimoto": "the same",
    "token accuracy": "share of tokens, the true ones before given",
    "valid midpoints": "share of those between test molecules",
    "-log p(x|z)": "nats, at a draw of the posterior",
    "KL(q(z|x), p(z))": "nats, posterior to prior",
    "-log p(x), posterior": "nats, an upper bound",
    "-log p(x), coupling": "nats, an upper bound for samples",
    "active units": "latent dimensions that differ",
    "I(x, z), at least": "nats that the latent tells of a molecule",
    "KL(q(z), p(z)), at least": "nats, all posteriors together to the prior",
    "reconstructed molecules": "test molecules",
}


def meaning_of(name: str) -> str:
    """The words for a figure of an evaluation; none for an unknown one."""
    return _MEANING.get(name) or _MEANING.get(name.split("/")[0], "")
