"""Bounds on log p(x), the log-likelihood of a molecule under a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from molvae.model.latent_codec import ElboTerms

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["importance_weighted", "score_table"]


def score_table(terms: ElboTerms, importance: int) -> pd.DataFrame:
    """The likelihood terms of each molecule, in nats.

    Args:
        terms: the terms of N molecules.
        importance: K of `importance_weighted`, at most the number of draws in the terms; 0 leaves the bound out.

    Returns:
        N rows, NaN where the terms are NaN. Columns: ``reconstruction``, the mean of -log p(x|z) over the draws;
        ``kl``, KL(q(z|x) || p(z)) in closed form; ``elbo``, minus their sum; ``tokens``, their number with the end
        token; ``per_token``, reconstruction divided by tokens, which does not favour short molecules; ``bound`` if
        importance is above 0.
    """
    import pandas as pd

    table = pd.DataFrame({"reconstruction": terms.nll.mean(0), "kl": terms.kl})
    table["elbo"] = -(table["reconstruction"] + table["kl"])
    table["tokens"] = terms.tokens
    table["per_token"] = table["reconstruction"] / terms.tokens
    return table.assign(bound=importance_weighted(terms, importance)) if importance else table


def importance_weighted(terms: ElboTerms, draws: int) -> NDArray[np.float64]:
    """The importance-weighted lower bound on log p(x): log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x), z_k from q(z|x).

    In expectation it equals the ELBO for K = 1, does not decrease with K, and tends to log p(x). Source: Importance
    Weighted Autoencoders (Burda et al., 2016), https://arxiv.org/abs/1509.00519

    Args:
        terms: the terms of N molecules, with at least K draws.
        draws: K, at least 1; the first K draws are used.

    Returns:
        (N,) nats per molecule.
    """
    log_weights = (terms.log_ratio - terms.nll)[:draws]
    with np.errstate(invalid="ignore"):  # NaN marks a molecule that cannot be encoded
        bound: NDArray[np.float64] = np.logaddexp.reduce(log_weights, axis=0) - np.log(draws)
    return bound
