"""What exploring asks of a model: points of molecules, and molecules at points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Points", "Space"]

Points = NDArray[np.float32]
"""(N, D) latent points"""


class Space(Protocol):
    """A latent space; `molvae.MolVAE` is one."""

    def encode(self, smiles: Sequence[str], *, strict: bool = False, batch_size: int = 512) -> Points:
        """Posterior means (N, D); NaN, or `InputError` if strict, for what cannot be encoded."""
        ...

    def decode(
        self,
        z: NDArray[np.floating[Any]],
        *,
        temperature: float = 0.0,
        seed: int | None = None,
        batch_size: int = 512,
    ) -> list[str | None]:
        """Canonical SMILES at points (N, D); None where there is no molecule."""
        ...
