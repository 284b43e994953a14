"""What the heads of a model say of latent points, in the units of the properties."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from molvae.errors import ModelError
from molvae.model import SmilesVAE

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_heads", "predicted_at"]


def check_heads(model: SmilesVAE) -> None:
    """Raise `ModelError` for a model that has no heads."""
    if not model.config.heads:
        raise ModelError(
            "the model predicts no property: train one that does (molvae train FILE --properties NAME,NAME; with "
            "--init-from it goes on from this model)"
        )


@torch.inference_mode()
def predicted_at(model: SmilesVAE, z: NDArray[np.float32]) -> pd.DataFrame:
    """The properties at latent points.

    Args:
        model: with heads.
        z: (N, D)

    Returns:
        N rows of float64, one column a property; NaN where a point is not finite.

    Raises:
        ModelError: the model has no heads.
    """
    import pandas as pd

    check_heads(model)
    finite = np.isfinite(z).all(1)
    points = torch.from_numpy(z[finite]).to(next(model.parameters()).device)
    table = pd.DataFrame(np.nan, columns=list(model.config.heads), index=range(len(z)))
    for name, head in model.property_heads().items():
        mean, std = head.scale
        table.loc[finite, name] = mean + std * head(points).double().cpu().numpy()
    return table
