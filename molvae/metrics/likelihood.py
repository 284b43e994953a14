"""Bounds on log p(x): how likely a model finds a molecule, and so how strange it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from molvae.model.latent_codec import ElboTerms

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["importance_weighted", "score_table"]


def score_table(terms: ElboTerms, importance: int) -> pd.DataFrame:
    """What the terms say of each molecule, in nats.

    Args:
        terms: of N molecules.
        importance: K of `importance_weighted`, at most the draws of the terms; 0 leaves the bound out.

    Returns:
        N rows, of NaN where the terms are: ``reconstruction``, -log p(x|z), the mean over the draws; ``kl``,
        KL(q(z|x) || p(z)) in closed form; ``elbo``, minus their sum; ``tokens``, the end counted as one; ``per_token``,
        the reconstruction divided by them, which does not take what is short for likely; ``bound`` where asked for.
    """
    import pandas as pd

    table = pd.DataFrame({"reconstruction": terms.nll.mean(0), "kl": terms.kl})
    table["elbo"] = -(table["reconstruction"] + table["kl"])
    table["tokens"] = terms.tokens
    table["per_token"] = table["reconstruction"] / terms.tokens
    return table.assign(bound=importance_weighted(terms, importance)) if importance else table


def importance_weighted(terms: ElboTerms, draws: int) -> NDArray[np.float64]:
    """The importance-weighted lower bound on log p(x): log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x), z_k from q(z|x).

    In expectation it is the ELBO for K = 1, never falls with K, and tends to log p(x). Source: Importance Weighted
    Autoencoders (Burda et al., 2016), https://arxiv.org/abs/1509.00519

    Args:
        terms: of N molecules, with K draws at least.
        draws: K, at least 1; the first draws are taken.

    Returns:
        (N,) nats per molecule
    """
    log_weights = (terms.log_ratio - terms.nll)[:draws]
    with np.errstate(invalid="ignore"):  # NaN stands for what cannot be encoded
        bound: NDArray[np.float64] = np.logaddexp.reduce(log_weights, axis=0) - np.log(draws)
    return bound
