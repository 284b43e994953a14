"""Activations of ChemNet for the Frechet ChemNet Distance; the network comes with the extra ``molvae[fcd]``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from molvae.metrics.distances import Moments
from molvae.runtime.device import max_threads, one_thread_each

__all__ = ["has_chemnet", "moments_of"]

_ROWS = 256


def has_chemnet() -> bool:
    """Whether ChemNet is installed."""
    return find_spec("fcd_torch") is not None


def moments_of(
    smiles: Sequence[str],
    *,
    device: str | torch.device = "cpu",
    on_progress: Callable[[int], None] = lambda _: None,
) -> Moments | None:
    """Mean and covariance of the activations of ChemNet's last hidden layer; None for fewer than two molecules.

    Source: Frechet ChemNet Distance (Preuer et al., 2018), https://doi.org/10.1021/acs.jcim.8b00234

    Args:
        smiles: canonical SMILES; repeated ones count each time.
        device: a torch device.
        on_progress: gets the number of molecules done.
    """
    if len(smiles) < 2:
        return None
    network, encode = _chemnet()
    network.to(device)

    @torch.inference_mode()
    def activations_of(start: int) -> NDArray[np.float64]:
        batch = np.stack([encode(one) for one in smiles[start : start + _ROWS]])
        output = network(torch.from_numpy(batch).transpose(1, 2).float().to(device))
        activations: NDArray[np.float64] = output.double().cpu().numpy()
        return activations

    total, squares, n = np.zeros(()), np.zeros(()), 0
    # torch uses little more than one core for an LSTM: on a CPU run one batch per core, on a GPU one at a time.
    on_cpu = torch.device(device).type == "cpu"
    threads = ThreadPoolExecutor(max_threads() if on_cpu else 1, thread_name_prefix="molvae-chemnet")
    with one_thread_each() if on_cpu else nullcontext(), threads:
        # Double precision, because the covariance is a difference of large numbers.
        for rows in threads.map(activations_of, range(0, len(smiles), _ROWS)):
            total, squares, n = total + rows.sum(0), squares + rows.T @ rows, n + len(rows)
            on_progress(n)
    mean = total / n
    return Moments(mean, (squares - n * np.outer(mean, mean)) / (n - 1))


@cache
def _chemnet() -> tuple[Any, Callable[[str], Any]]:
    from fcd_torch import FCD
    from fcd_torch.utils import SmilesDataset

    def encode(smiles: str) -> Any:
        return SmilesDataset([smiles], canonize=False)[0]

    return FCD(device="cpu").model, encode
