"""Outlier detection: likelihoods of molecules of the model's kind, and of others.

The others have only known tokens, so that no token reveals them: the same molecules after random edits or truncation,
molecules of ZINC-250k without stereochemistry, and peptides. A figure is scored by the area under the ROC curve
(AUROC) against held-out molecules: 0.5 is chance, 1 is perfect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from rdkit import Chem
from sklearn.metrics import roc_auc_score

from molvae.chem import canonical, quiet_rdkit
from molvae.corpus.datasets import find_optional
from molvae.corpus.reading import read_smiles
from molvae.corpus.tokenizer import scan
from molvae.errors import InputError
from molvae.generator.molvae import MolVAE

__all__ = ["FIGURES", "auroc_table", "cut_off", "edited", "outliers_of", "peptide"]

FIGURES = {"elbo": -1, "bound": -1, "reconstruction": 1, "per_token": 1}
"""Columns of `MolVAE.score` that detect outliers, and the sign that makes outliers higher."""

_ATTEMPTS = 200  # attempts to find a valid random edit
_RESIDUES = "ACDEFGHIKLMNPQRSTVWY"


def edited(smiles: str, edits: int, tokens: Sequence[str], rng: np.random.Generator) -> str | None:
    """A molecule after random valid edits, each of which replaces, inserts or deletes a token.

    Args:
        smiles: canonical SMILES.
        edits: number of edits.
        tokens: tokens to insert.
        rng: chooses token, position and kind of edit.

    Returns:
        canonical SMILES of another molecule; None if none was found
    """
    current = smiles
    for _ in range(edits):
        parts = scan(current)
        for _ in range(_ATTEMPTS):
            place, kind = int(rng.integers(len(parts))), int(rng.integers(3))
            put_in = [] if kind == 2 else [tokens[int(rng.integers(len(tokens)))]]
            found = canonical("".join([*parts[:place], *put_in, *parts[place + (kind != 1) :]]), stereo=False)
            if found is not None and found not in (current, smiles) and "." not in found:
                current = found
                break
        else:
            return None
    return current


def cut_off(smiles: str, rng: np.random.Generator) -> str | None:
    """A molecule truncated at random in the second half of its SMILES; None if no truncation is valid."""
    parts = scan(smiles)
    for length in rng.permutation(np.arange((len(parts) + 1) // 2, len(parts))):
        found = canonical("".join(parts[:length]), stereo=False)
        if found is not None:
            return found
    return None


def peptide(rng: np.random.Generator) -> str | None:
    """A random peptide of two to four of the twenty residues, without stereochemistry."""
    residues = "".join(_RESIDUES[one] for one in rng.integers(len(_RESIDUES), size=int(rng.integers(2, 5))))
    return canonical(Chem.MolToSmiles(Chem.MolFromSequence(residues)), stereo=False)


def outliers_of(molecules: Sequence[str], tokens: Sequence[str], *, seed: int = 0) -> dict[str, list[str]]:
    """Sets of other molecules by name, each at most as large as `molecules` and disjoint from them.

    Args:
        molecules: canonical SMILES.
        tokens: tokens that edits may insert.
        seed: of all random choices.
    """
    rng = np.random.default_rng(seed)
    makers: dict[str, Callable[[str], str | None]] = {
        "one random edit": lambda one: edited(one, 1, tokens, rng),
        "three random edits": lambda one: edited(one, 3, tokens, rng),
        "cut off": lambda one: cut_off(one, rng),
        "peptides": lambda _: peptide(rng),
    }
    known = set(molecules)
    sets = {}
    with quiet_rdkit():
        for name, make in makers.items():
            sets[name] = [other for other in map(make, molecules) if other is not None and other not in known]
        path = find_optional("zinc250k")
        if path is not None:
            library = read_smiles(path)
            drawn = (canonical(library[row], stereo=False) for row in rng.permutation(len(library))[: len(molecules)])
            sets["ZINC-250k without stereo"] = [one for one in drawn if one is not None and one not in known]
    return sets


def auroc_table(
    vae: MolVAE, molecules: Sequence[str], sets: Mapping[str, Sequence[str]], *, importance: int = 16, seed: int = 0
) -> pd.DataFrame:
    """How well the likelihood distinguishes each set from the molecules.

    Args:
        vae: the model.
        molecules: molecules of its kind that it was not trained on.
        sets: other molecules by name; those that the model cannot encode are left out.
        importance: K of the importance-weighted bound.
        seed: of the posterior draws.

    Returns:
        a row for each set: the number of ``molecules``, the AUROC of each of `FIGURES`, and ``length``, the best AUROC
        of the number of tokens or its distance from the median

    Raises:
        InputError: none of the molecules, or of the sets, can be encoded.
    """
    usual = vae.score(molecules, importance=importance, seed=seed).dropna()
    if usual.empty:
        raise InputError("the model can encode none of the molecules")
    rows = {}
    for name, others in sets.items():
        strange = vae.score(others, importance=importance, seed=seed).dropna()
        if strange.empty:
            continue
        both = pd.concat([usual, strange])
        is_strange = np.arange(len(both)) >= len(usual)
        row = {figure: roc_auc_score(is_strange, sign * both[figure]) for figure, sign in FIGURES.items()}
        by_length = roc_auc_score(is_strange, both["tokens"])
        by_distance = roc_auc_score(is_strange, (both["tokens"] - usual["tokens"].median()).abs())
        rows[name] = {"molecules": len(strange), **row, "length": max(by_length, 1.0 - by_length, by_distance)}
    if not rows:
        raise InputError("the model can encode none of the molecules that it is to be compared with")
    return pd.DataFrame.from_dict(rows, orient="index")
