"""A scikit-learn transformer from SMILES to latent points, to use before any regressor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from molvae.corpus.latents import latent_columns
from molvae.errors import ConfigError, InputError
from molvae.generator.molvae import MolVAE
from molvae.pretrained import BUNDLED
from molvae.runtime.device import pick_device

__all__ = ["LatentTransformer"]

_UNREADABLE = ("raise", "nan", "prior")


class LatentTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Latent points of molecules as features; fitting learns nothing from the data.

    A pickle holds the name of the model, not its weights, so loading the pickle needs the model.

    Args:
        model: a model folder or run folder, the id of a Hugging Face repository, or ``medchem`` or ``moses``.
        std: add the standard deviations of the posterior as D more features.
        unreadable: what to do with a molecule that cannot be encoded: ``raise`` an error that names it; give ``nan``, a
            row of NaN, for an imputer; give ``prior``, the mean of the prior (zeros, with ones as standard deviations).
        batch_size: rows at a time.
        device: auto, cpu, cuda, cuda:N or mps.

    Attributes:
        latent_dim_: D, after fitting.
        n_features_in_: 1, the column of SMILES.

    >>> from sklearn.linear_model import Ridge  # doctest: +SKIP
    >>> from sklearn.pipeline import make_pipeline  # doctest: +SKIP
    >>> potency = make_pipeline(LatentTransformer(), Ridge())  # doctest: +SKIP
    >>> potency.fit(["CCO", "CCN", "c1ccccc1"], [5.1, 5.3, 6.2]).predict(["CCCO", "CCCN"]).shape  # doctest: +SKIP
    (2,)
    """

    def __init__(
        self,
        model: str | Path = BUNDLED,
        *,
        std: bool = False,
        unreadable: str = "raise",
        batch_size: int = 512,
        device: str = "auto",
    ) -> None:
        self.model = model
        self.std = std
        self.unreadable = unreadable
        self.batch_size = batch_size
        self.device = device

    def fit(self, X: Any, y: Any = None) -> Self:
        """Load the model.

        Args:
            X: molecules, as in `transform`; only checked.
            y: ignored.

        Raises:
            ConfigError: `unreadable` has an unknown value.
            InputError: X is not a column of texts.
            ModelError: the model is missing, truncated or not a molvae model.
        """
        if self.unreadable not in _UNREADABLE:
            raise ConfigError(f"unreadable must be one of {', '.join(_UNREADABLE)}, not {self.unreadable!r}")
        _column(X)
        self._model = MolVAE.from_pretrained(self.model, device=pick_device(self.device))
        self.latent_dim_ = self._model.config.latent_dim
        self.n_features_in_ = 1
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Posterior means.

        Args:
            X: N SMILES: a list, a Series, an array (N,) or (N, 1), or a DataFrame of one column.

        Returns:
            (N, D) float32, or (N, 2 D) with the standard deviations after the means.

        Raises:
            InputError: X is not a column of texts, or a molecule cannot be encoded and `unreadable` is ``raise``.
        """
        check_is_fitted(self, "latent_dim_")
        smiles = _column(X)
        mean, std = self._loaded().posterior(smiles, strict=self.unreadable == "raise", batch_size=self.batch_size)
        if self.unreadable == "prior":
            mean, std = np.nan_to_num(mean, nan=0.0), np.nan_to_num(std, nan=1.0)
        return np.hstack([mean, std]) if self.std else mean

    def inverse_transform(self, X: Any) -> NDArray[np.object_]:
        """Decode points greedily.

        Args:
            X: (N, D), or (N, 2 D) as `transform` gives them.

        Returns:
            (N,) canonical SMILES; None for an invalid one.

        Raises:
            InputError: X has another shape.
        """
        check_is_fitted(self, "latent_dim_")
        points = np.asarray(X, dtype=np.float32)
        if self.std and points.ndim == 2 and points.shape[1] == 2 * self.latent_dim_:
            points = points[:, : self.latent_dim_]
        molecules: NDArray[np.object_] = np.empty(len(points), dtype=object)
        molecules[:] = self._loaded().decode(points, batch_size=self.batch_size)
        return molecules

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the features, as in `molvae encode`: z00, z01, ... and z00_std, ..."""
        check_is_fitted(self, "latent_dim_")
        names = latent_columns(self.latent_dim_)
        names += latent_columns(self.latent_dim_, spread=True) if self.std else []
        return np.array(names, dtype=object)

    def _loaded(self) -> MolVAE:
        if self._model is None:  # loaded from a pickle
            self._model = MolVAE.from_pretrained(self.model, device=pick_device(self.device))
        return self._model

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {**state, "_model": None} if "_model" in state else state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        tags.no_validation = True
        return tags


def _column(X: Any) -> Sequence[str]:
    """The texts of a column in any container.

    Raises:
        InputError: X is a single text, or has several columns.
    """
    if isinstance(X, str):
        raise InputError("give a list of SMILES, not a single one")
    values = np.asarray(X, dtype=object)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise InputError(f"give one column of SMILES, not an array of the shape {values.shape}")
    return [one if isinstance(one, str) else "" for one in values]
