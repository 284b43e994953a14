"""Regions that a search leaves for a while, since it has found nothing better there for long.

A search climbs where it is, and many objectives have tops that are not the highest: molecules whose neighbours are all
worse. Then the surroundings of its best are closed to it, and it goes on from the best that is unlike them, until it
stands still there, too. After some of these all is open again.
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
from molvae.optimization.guidance import idle_calls

__all__ = ["Regions"]

_NEAR = 0.4  # Tanimoto similarity (Morgan counts, radius 2) to a center, from which on a molecule is of its region
_SHARE = 0.25  # of all calls
_MOST = 6  # regions that are left at a time
_FEWEST = 20  # molecules with a score to go on from
_KEPT = 32_768  # fingerprints


class Regions:
    """Which regions are left, by their centers; a `Constraint` on what is proposed elsewhere.

    Args:
        patience: calls without anything better after which a region is left, or a fourth of all calls where that is
            more: what is better comes the later the longer a search lasts. 0 for never.

    Attributes:
        centers: the best molecule of each region that is left, in the order in which they were.
        since: how many molecules were scored when that last changed.
    """

    name = "elsewhere"

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self.centers: tuple[str, ...] = ()
        self.since = 0
        self._elsewhere = np.zeros(0, dtype=np.bool_)  # of the molecules that were looked at so far

    def look(
        self, smiles: Sequence[str], merits: NDArray[np.float64], asked: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.float64], int]:
        """See how the search does, and leave a region if it stands still.

        Args:
            smiles: N molecules that were scored, in the order of the calls.
            merits: (N,) theirs; NaN where there is none.
            asked: (N,) as in `idle_calls`.

        Returns:
            The merits (N,), NaN in the regions that are left; and the calls since there was anything better elsewhere,
            or since it became elsewhere.
        """
        own = self._outside(smiles, merits)
        calls = np.ones(len(smiles), dtype=np.bool_) if asked is None else asked
        idle = min(idle_calls(own, calls), int(calls[self.since :].sum()))
        if self._patience and idle > max(self._patience, _SHARE * calls.sum()) and np.isfinite(own).any():
            self._leave(smiles, merits, smiles[int(np.nanargmax(own))])
            own, idle = self._outside(smiles, merits), 0
        return own, idle

    def _leave(self, smiles: Sequence[str], merits: NDArray[np.float64], center: str) -> None:
        """Leave one more region; where too many are left by then, or too little is outside of them, open all."""
        self._close((*self.centers, center), len(smiles))
        if len(self.centers) > _MOST or np.isfinite(self._outside(smiles, merits)).sum() < _FEWEST:
            self._close((), len(smiles))

    def _close(self, centers: Sequence[str], since: int) -> None:
        self.centers, self.since = tuple(centers), since
        self._elsewhere = np.zeros(0, dtype=np.bool_)

    def _outside(self, smiles: Sequence[str], merits: NDArray[np.float64]) -> NDArray[np.float64]:
        new = self.allows(smiles[len(self._elsewhere) :])
        self._elsewhere = np.concatenate([self._elsewhere, new])
        return np.where(self._elsewhere, merits, np.nan)

    def allows(self, smiles: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each of N molecules is outside of the regions that are left, (N,)."""
        if not self.centers:
            return np.ones(len(smiles), dtype=np.bool_)
        with quiet_rdkit():
            centers = [_bits(one) for one in self.centers]
            near = [max(BulkTanimotoSimilarity(_bits(one), centers)) >= _NEAR for one in smiles]
        return ~np.array(near, dtype=np.bool_)

    def state(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {"centers": list(self.centers), "since": self.since}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another was."""
        self._close(state["centers"], state["since"])


@lru_cache(maxsize=_KEPT)
def _bits(smiles: str) -> Any:
    mol = parse(smiles)
    return fingerprint(Chem.Mol() if mol is None else mol, "ECFP4")
