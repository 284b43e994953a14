"""Latent points as descriptors: cross-validated predictions from them and from fingerprints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rdkit import RDConfig
from sklearn.base import RegressorMixin, clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from molvae.chem import parse, scaffold
from molvae.chem.fingerprints import morgan_bits
from molvae.errors import InputError
from molvae.generator.molvae import MolVAE

__all__ = ["cross_validated", "descriptors_of", "known_series"]

Features = NDArray[np.float32]

_FOLDS = 5
_TREES = 200


def known_series() -> pd.DataFrame:
    """CHEMBL2321810, aryl sulfonamides with their activities: ``smiles``, ``activity``; it is part of RDKit.

    Raises:
        InputError: this RDKit does not have it.
    """
    folder = Path(RDConfig.RDContribDir, "FreeWilson", "data")
    if not folder.is_dir():
        raise InputError(f"this RDKit does not have the series CHEMBL2321810 ({folder}); give a file of your own")
    molecules = pd.read_csv(folder / "CHEMBL2321810.smi", sep=" ", names=["smiles", "Name"])
    return molecules.merge(pd.read_csv(folder / "CHEMBL2321810_act.csv"), on="Name").rename(columns={"Act": "activity"})


def descriptors_of(vae: MolVAE, smiles: Sequence[str]) -> tuple[dict[str, Features], NDArray[np.bool_]]:
    """Descriptors of molecules.

    Args:
        vae: the model.
        smiles: N molecules.

    Returns:
        by name (M, F): the latent means, and Morgan fingerprints of radius 2 folded to 2,048 bits; and a mask (N,) of
        the M molecules that the model can encode
    """
    means = vae.encode(smiles)
    known = np.asarray(np.isfinite(means).all(1))
    mols: list[Any] = [parse(one) for one in np.asarray(smiles, dtype=object)[known]]
    bits = morgan_bits(mols).astype(np.float32)
    return {"latent means": means[known], "Morgan fingerprints": bits}, known


def cross_validated(
    descriptors: Mapping[str, Features], smiles: Sequence[str], values: NDArray[np.float64], *, seed: int = 0
) -> pd.DataFrame:
    """R2 of predictions in five-fold cross-validation.

    Args:
        descriptors: by name, (M, F).
        smiles: the M molecules.
        values: (M,) the labels.
        seed: of the folds and of the forest.

    Returns:
        a row for each descriptor, a column for each split and regressor: ``random`` folds, and ``scaffold`` folds,
        which keep molecules of a Murcko scaffold together; ridge regression, a support vector machine, a random forest

    Raises:
        InputError: there are too few molecules, or scaffolds, for the folds.
    """
    groups = [scaffold(one) for one in smiles]
    if len(set(groups)) < _FOLDS:
        raise InputError(f"there are {len(set(groups))} scaffolds, too few for {_FOLDS} folds")
    splits = {
        "random": list(KFold(_FOLDS, shuffle=True, random_state=seed).split(values)),
        "scaffold": list(GroupKFold(_FOLDS, shuffle=True, random_state=seed).split(values, groups=groups)),
    }
    table = {}
    for name, features in descriptors.items():
        row = {}
        for split, folds in splits.items():
            for regressor, model in _regressors(seed).items():
                predicted = cross_val_predict(clone(model), features, values, cv=folds)
                row[f"{split} {regressor}"] = float(r2_score(values, predicted))
        table[name] = row
    return pd.DataFrame.from_dict(table, orient="index")


def _regressors(seed: int) -> dict[str, RegressorMixin]:
    """The same for all descriptors; their hyperparameters are chosen on the training folds."""
    machine = Pipeline([("scale", StandardScaler()), ("machine", SVR())])
    choices = {"scale": [StandardScaler(), "passthrough"], "machine__C": [1.0, 10.0]}
    return {
        "ridge": RidgeCV(np.logspace(-2, 4, 13)),
        "SVR": GridSearchCV(machine, choices, cv=KFold(3, shuffle=True, random_state=seed)),
        "forest": RandomForestRegressor(_TREES, random_state=seed, n_jobs=-1),
    }
