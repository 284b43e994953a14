"""A property that the model was trained on, as an objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from molvae.errors import ConfigError
from molvae.optimization.objectives.objective import NO_FAILURES, Scores

if TYPE_CHECKING:
    from molvae.generator.molvae import MolVAE

__all__ = ["PredictedProperty"]


class PredictedProperty:
    """The prediction of a property head for each molecule; NaN for a molecule that the model cannot encode.

    Args:
        name: as in `Objective`.
        column: the property, as `MolVAE.predict` names it.
        vae: the model.

    Raises:
        ConfigError: there is no model, or it was not trained on this property.
    """

    def __init__(self, name: str, column: str, vae: MolVAE | None) -> None:
        if vae is None or column not in vae.config.heads:
            known = "" if vae is None or not vae.config.heads else f" (it predicts {', '.join(vae.config.heads)})"
            raise ConfigError(
                f"{name}: the model does not predict {column!r}{known}; train one with molvae train FILE --properties "
                f"{column!r}, and name it with --model"
            )
        self.name, self.failures = name, NO_FAILURES
        self._column, self._vae = column, vae

    def __call__(self, smiles: Sequence[str], /) -> Scores:
        """The predictions (N,) for N texts, in the unit of the labels."""
        predicted: Scores = self._vae.predict(smiles)[self._column].to_numpy(np.float64)
        return predicted

    def __repr__(self) -> str:
        return f"PredictedProperty({self.name!r})"
