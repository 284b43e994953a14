"""Tanimoto similarity between sets of fingerprints, as matrix products of blocks: exact, on all cores or a GPU."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["internal_diversity", "nearest_similarity"]

Fingerprints = NDArray[np.uint8]

_ROWS = 2_048  # of a block: a product of two fits into 16 MB


def nearest_similarity(
    fingerprints: Fingerprints,
    reference: Fingerprints | None = None,
    *,
    device: str | torch.device = "cpu",
    on_progress: Callable[[int], None] = lambda _: None,
) -> NDArray[np.float32]:
    """(N,) the Tanimoto similarity of each molecule to its nearest neighbour; 0 where there is no other.

    The mean of those in a reference set is SNN of MOSES. A pair without any bit has similarity 1.

    Args:
        fingerprints: (N, bytes), packed.
        reference: (M, bytes), packed; None looks among the molecules themselves, each but itself.
        device: a torch device.
        on_progress: is told how many rows of the reference are done.
    """
    own = [_bits(block, device) for block in _blocks(fingerprints)]
    best = [torch.zeros(len(block), device=device) for block in own]
    done = 0
    for column, block in enumerate(_blocks(fingerprints if reference is None else reference)):
        others = _bits(block, device)
        for row, mine in enumerate(own if reference is not None else own[: column + 1]):
            similarity = _tanimoto(mine, others)
            if reference is None and row == column:
                similarity.fill_diagonal_(0.0)
            elif reference is None:  # what is left of the diagonal is the mirror of what is right of it
                best[column] = torch.maximum(best[column], similarity.amax(0))
            best[row] = torch.maximum(best[row], similarity.amax(1))
        done += len(block)
        on_progress(done)
    nearest: NDArray[np.float32] = torch.cat(best).cpu().numpy() if best else np.zeros(0, dtype=np.float32)
    return nearest


def internal_diversity(fingerprints: Fingerprints, *, device: str | torch.device = "cpu") -> tuple[float, float]:
    """IntDiv and IntDiv2 of MOSES: 1 - the mean over molecules of the power mean of their similarities to all.

    Every molecule counts itself. The powers are 1 and 2. Source: MOSES (Polykovskiy et al., 2020),
    https://doi.org/10.3389/fphar.2020.565644, with the inner root of its implementation.

    Args:
        fingerprints: (N, bytes), packed; N at least 1.
        device: a torch device.
    """
    own = [_bits(block, device) for block in _blocks(fingerprints)]
    sums = torch.zeros(2, len(fingerprints), dtype=torch.float64, device=device)
    for row, mine in enumerate(own):
        here = slice(row * _ROWS, row * _ROWS + len(mine))
        for others in own:
            similarity = _tanimoto(mine, others)
            sums[0, here] += similarity.sum(1, dtype=torch.float64)
            sums[1, here] += similarity.square_().sum(1, dtype=torch.float64)
    means = sums / len(fingerprints)
    return 1.0 - means[0].mean().item(), 1.0 - means[1].sqrt().mean().item()


def _blocks(fingerprints: Fingerprints) -> list[Fingerprints]:
    return [fingerprints[at : at + _ROWS] for at in range(0, len(fingerprints), _ROWS)]


def _bits(packed: Fingerprints, device: str | torch.device) -> Tensor:
    return torch.from_numpy(np.unpackbits(packed, axis=1)).to(device).float()


def _tanimoto(a: Tensor, b: Tensor) -> Tensor:
    """(n, m) similarities of bits (n, F) and (m, F)."""
    common = a @ b.T
    either = a.sum(1, keepdim=True) + b.sum(1) - common
    return torch.where(either > 0, common / either, 1.0)
