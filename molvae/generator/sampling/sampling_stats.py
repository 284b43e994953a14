"""Ask for N molecules and get N: valid, unique, canonical; what was thrown away on the way is counted.

Knows what a new molecule is and when a model has no more to give; does not know where raw strings come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from molvae.chem.molecule_set import GrowingSet, MoleculeSet
from molvae.errors import SamplingError
from molvae.generator.sampling.screening import Screened

__all__ = ["Account", "Molecules", "Samples", "sift", "take"]

_PATIENCE = 20_000  # draws without enough new molecules after which a model is given up
_LEAST_YIELD = 0.001  # new molecules per draw below which it is not enough


@dataclass
class Account:
    """What became of the draws, and of the time."""

    found: int = 0
    """molecules given"""
    drawn: int = 0
    """raw strings that were looked at"""
    valid: int = 0
    """of those, molecules"""
    duplicates: int = 0
    """of the valid ones, molecules drawn before"""
    known: int = 0
    """of the distinct ones, training molecules that were left out"""
    seconds: float = 0.0
    """so far"""
    decoding: float = 0.0
    """seconds for which decoding was waited for"""
    screening: float = 0.0
    """seconds for which RDKit was waited for"""
    decoding_busy: float = 0.0
    """share of the time in which the decoding threads were at work"""
    screening_busy: float = 0.0
    """share of the time in which RDKit's processes were at work"""
    threads: int = 1
    """threads that decoded"""
    workers: int = 1
    """processes in which RDKit worked; 1: that which decodes"""

    @property
    def validity(self) -> float:
        """Share of valid strings among all raw draws."""
        return self.valid / max(1, self.drawn)

    def needed(self, n: int) -> int:
        """Draws that n molecules will take in all, at the rate so far; at first each draw is trusted."""
        missing = n - self.found
        return self.drawn + (-(-missing * self.drawn // max(1, self.found)) if self.drawn else missing)


@dataclass
class Samples(Account):
    """Molecules drawn from a model, and the account of the draws they were taken from."""

    smiles: list[str] = field(default_factory=list)
    """valid, distinct, canonical SMILES in the order of the draws"""


class Molecules(list[str]):
    """Some SMILES, and beside them their properties.

    Args:
        smiles: k of them.
        properties: (k, P), the columns that were asked for.
    """

    def __init__(self, smiles: Iterable[str], properties: NDArray[np.float64]) -> None:
        super().__init__(smiles)
        self.properties = properties


def sift(
    screened: Iterable[Screened], n: int, account: Account, *, known: MoleculeSet | None = None
) -> Iterator[Molecules]:
    """Let through n distinct molecules, in the order of the draws.

    It holds eight bytes for each molecule seen, and nothing else. How the draws are cut into blocks changes nothing
    but the cuts.

    Args:
        screened: blocks, as many as needed.
        n: molecules wanted.
        account: is kept, up to the draw of the last molecule given.
        known: molecules to be left out.

    Raises:
        SamplingError: the draws have almost stopped to give new molecules; the message says how many there were.
    """
    seen, milestone = GrowingSet(), 0  # molecules when progress was last judged
    for block in screened if n else ():
        new = seen.add(block.hashes)
        left_out = new & known.holds(block.hashes) if known is not None else np.zeros_like(new)
        accepted, at = new & ~left_out, 0
        while at < block.drawn and account.found < n:
            # Up to the end of the block, the draw of the last molecule, or the next time to judge.
            last = np.flatnonzero(accepted & (block.positions >= at))[: n - account.found]
            end = int(block.positions[last[-1]]) + 1 if len(last) == n - account.found else block.drawn
            end = min(end, at + _PATIENCE - account.drawn % _PATIENCE)
            rows = (block.positions >= at) & (block.positions < end)
            account.drawn += end - at
            account.valid += int(rows.sum())
            account.duplicates += int((rows & ~new).sum())
            account.known += int((rows & left_out).sum())
            account.found += int((rows & accepted).sum())
            chosen = np.flatnonzero(rows & accepted)
            yield Molecules([block.smiles[i] for i in chosen], block.properties[chosen])
            at = end
            if account.drawn % _PATIENCE == 0 and account.found < n:
                if account.found - milestone < _LEAST_YIELD * _PATIENCE:
                    raise SamplingError(_why(account, n))
                milestone = account.found
        if account.found == n:
            return


def take(screened: Iterable[Screened], n: int, account: Account) -> Iterator[Molecules]:
    """Let through the first n draws as they are."""
    for block in screened if n else ():
        texts = block.smiles[: n - account.found]
        account.drawn += len(texts)
        account.found += len(texts)
        yield Molecules(texts, block.properties[: len(texts)])
        if account.found == n:
            return


def _why(account: Account, n: int) -> str:
    message = (
        f"the model gave {account.found:,} of the {n:,} molecules asked for in {account.drawn:,} draws "
        f"({account.validity:.1%} valid, {account.duplicates:,} duplicates"
    )
    if account.known:
        message += f", {account.known:,} training molecules left out"
    remedy = "train it for longer" if account.validity < 0.05 else "ask for fewer or raise the temperature"
    return f"{message}) and almost nothing new comes: {remedy}"
