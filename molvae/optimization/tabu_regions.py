"""Tabu regions: parts of chemical space that a search leaves after a long time without improvement.

Many objectives have local optima, molecules whose neighbours are all worse. When a search is stuck in one, molecules
similar to its best one become tabu, and the search continues from the best of the others, until it is stuck there, too.
When there are too many tabu regions, all become open again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.DataStructs import BulkTanimotoSimilarity

from molvae.chem import parse, quiet_rdkit
from molvae.chem.fingerprints import fingerprint
from molvae.optimization.surrogate.acquisition import calls_without_improvement

__all__ = ["TabuRegions"]

_NEAR = 0.4  # least Tanimoto similarity (Morgan counts, radius 2) to the center of a region
_SHARE = 0.25  # of all calls
_MOST = 6  # tabu regions at a time
_FEWEST = 20  # molecules with a score outside of them
_KEPT = 32_768  # fingerprints


class TabuRegions:
    """The tabu regions of a search, by their centers; a `Constraint` on proposals.

    Args:
        patience: calls without improvement after which a region becomes tabu, or a fourth of all calls if that is more:
            improvements become rarer the longer a search lasts. 0 means never.

    Attributes:
        centers: the best molecule of each tabu region, the oldest region first.
        since: the number of scored molecules when `centers` last changed.
    """

    name = "outside of tabu regions"

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self.centers: tuple[str, ...] = ()
        self.since = 0
        self._is_outside = np.zeros(0, dtype=np.bool_)  # of the molecules of the last update

    def update(
        self, smiles: Sequence[str], utilities: NDArray[np.float64], asked: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.float64], int]:
        """Add a region if the search is stuck.

        Args:
            smiles: N molecules that were scored, in the order of the calls.
            utilities: (N,) theirs; NaN where there is none.
            asked: (N,) as in `calls_without_improvement`.

        Returns:
            The utilities (N,), NaN in tabu regions; and the calls without improvement outside of them, since the
            regions last changed.
        """
        outside = self._outside(smiles, utilities)
        calls = np.ones(len(smiles), dtype=np.bool_) if asked is None else asked
        stagnation = min(calls_without_improvement(outside, calls), int(calls[self.since :].sum()))
        if self._patience and stagnation > max(self._patience, _SHARE * calls.sum()) and np.isfinite(outside).any():
            self._add(smiles, utilities, smiles[int(np.nanargmax(outside))])
            outside, stagnation = self._outside(smiles, utilities), 0
        return outside, stagnation

    def _add(self, smiles: Sequence[str], utilities: NDArray[np.float64], center: str) -> None:
        """Add a region; if there are too many then, or too few molecules outside of them, open all."""
        self._set((*self.centers, center), len(smiles))
        if len(self.centers) > _MOST or np.isfinite(self._outside(smiles, utilities)).sum() < _FEWEST:
            self._set((), len(smiles))

    def _set(self, centers: Sequence[str], since: int) -> None:
        self.centers, self.since = tuple(centers), since
        self._is_outside = np.zeros(0, dtype=np.bool_)

    def _outside(self, smiles: Sequence[str], utilities: NDArray[np.float64]) -> NDArray[np.float64]:
        new = self.allows(smiles[len(self._is_outside) :])
        self._is_outside = np.concatenate([self._is_outside, new])
        return np.where(self._is_outside, utilities, np.nan)

    def allows(self, smiles: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each of N molecules is outside of the tabu regions, (N,)."""
        if not self.centers:
            return np.ones(len(smiles), dtype=np.bool_)
        with quiet_rdkit():
            centers = [_bits(one) for one in self.centers]
            near = [max(BulkTanimotoSimilarity(_bits(one), centers)) >= _NEAR for one in smiles]
        return ~np.array(near, dtype=np.bool_)

    def state(self) -> dict[str, Any]:
        """The state, as values for JSON."""
        return {"centers": list(self.centers), "since": self.since}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from the state of another."""
        self._set(state["centers"], state["since"])


@lru_cache(maxsize=_KEPT)
def _bits(smiles: str) -> Any:
    mol = parse(smiles)
    return fingerprint(Chem.Mol() if mol is None else mol, "ECFP4")
