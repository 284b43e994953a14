"""Check raw strings with RDKit, keep n distinct molecules, and count what was discarded.

Worker processes run this module, so it imports no torch.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from molvae.chem import PROPERTIES, canonical, is_plausible, parse
from molvae.chem.known_molecules import FORMS, Form, KnownMolecules, hashed
from molvae.chem.molecule_set import GrowingSet
from molvae.errors import SamplingError

__all__ = ["Account", "Molecules", "Raw", "Samples", "Screened", "first_draws", "new_molecules", "screen", "unscreened"]

_PATIENCE = 20_000  # draws after which the yield of new molecules is checked
_LEAST_YIELD = 0.001  # new molecules per draw; sampling stops with an error below it


class Raw(NamedTuple):
    """Strings as the decoder gave them."""

    start: int
    """number of the first among all draws"""
    texts: list[str]
    seconds: float
    """decoding time"""


class Screened(NamedTuple):
    """The V molecules among some raw strings, in the order of the draws."""

    start: int
    """number of the first string among all draws"""
    drawn: int
    """number of strings"""
    positions: NDArray[np.int64]
    """(V,) position of each molecule among the strings"""
    smiles: list[str]
    """V canonical SMILES"""
    hashes: NDArray[np.uint64]
    """(F, V), in F forms as `molvae.chem.known_molecules.hashed` tells; the first is that of the SMILES"""
    plausible: NDArray[np.bool_]
    """(V,) whether each is a molecule as `molvae.chem.is_plausible` tells"""
    properties: NDArray[np.float64]
    """(V, P)"""
    decoding: float
    """decoding time, seconds"""
    screening: float
    """RDKit time, seconds of one core"""


def screen(
    names: tuple[str, ...], raw: Raw, *, atoms: Collection[str] = (), forms: Sequence[Form] = FORMS[:1]
) -> Screened:
    """Find the molecules.

    Args:
        names: of the properties to compute (of `PROPERTIES`).
        raw: the strings.
        atoms: unusual atoms that a plausible molecule may have.
        forms: to hash.
    """
    begin = time.thread_time()
    found = [(at, one) for at, text in enumerate(raw.texts) if (one := canonical(text)) is not None]
    smiles = [one for _, one in found]
    properties = np.empty((len(smiles), len(names)))
    if names:
        wanted = [PROPERTIES[name] for name in names]
        for row, one in enumerate(smiles):
            mol = parse(one)  # of the canonical SMILES: rounding does not depend on the SMILES that was drawn
            properties[row] = [each(mol) for each in wanted]
    positions = np.array([at for at, _ in found], dtype=np.int64)
    hashes = hashed(smiles, forms)
    plausible = np.array([is_plausible(one, atoms) for one in smiles], dtype=np.bool_)
    seconds = time.thread_time() - begin
    return Screened(raw.start, len(raw.texts), positions, smiles, hashes, plausible, properties, raw.seconds, seconds)


def unscreened(raw: Raw) -> Screened:
    """All strings as they are, without hashes."""
    n, nothing = len(raw.texts), np.empty((1, 0), dtype=np.uint64)
    properties, plausible = np.empty((n, 0)), np.empty(0, dtype=np.bool_)
    return Screened(raw.start, n, np.arange(n), raw.texts, nothing, plausible, properties, raw.seconds, 0.0)


@dataclass
class Account:
    """Counts of draws, and times."""

    found: int = 0
    """molecules given"""
    drawn: int = 0
    """raw strings checked"""
    valid: int = 0
    """molecules among the raw strings"""
    duplicates: int = 0
    """valid ones that were drawn before"""
    implausible: int = 0
    """distinct ones that were left out as radicals, or for valences or charges that no training molecule has"""
    known: int = 0
    """distinct ones that were left out as known"""
    seconds: float = 0.0
    """time so far"""
    decoding: float = 0.0
    """seconds spent waiting for the decoder"""
    screening: float = 0.0
    """seconds spent waiting for RDKit"""
    decoding_busy: float = 0.0
    """share of the time in which the decoding threads worked"""
    screening_busy: float = 0.0
    """share of the time in which the RDKit processes worked"""
    threads: int = 1
    """decoding threads"""
    workers: int = 1
    """RDKit processes; 1: RDKit runs in the process that decodes"""

    @property
    def validity(self) -> float:
        """Share of valid strings among all raw draws."""
        return self.valid / max(1, self.drawn)

    def needed(self, n: int) -> int:
        """Estimate the total number of draws for n molecules, from the yield so far; at first assume a yield of 1."""
        missing = n - self.found
        return self.drawn + (-(-missing * self.drawn // max(1, self.found)) if self.drawn else missing)


@dataclass
class Samples(Account):
    """Molecules drawn from a model, and the counts of the draws."""

    smiles: list[str] = field(default_factory=list)
    """valid, distinct, canonical SMILES in the order of the draws"""


class Molecules(list[str]):
    """A list of SMILES with their properties.

    Args:
        smiles: k SMILES.
        properties: (k, P), the requested columns.
    """

    def __init__(self, smiles: Iterable[str], properties: NDArray[np.float64]) -> None:
        super().__init__(smiles)
        self.properties = properties


def new_molecules(
    screened: Iterable[Screened], n: int, account: Account, *, known: KnownMolecules | None = None
) -> Iterator[Molecules]:
    """Give n distinct, plausible molecules, in the order of the draws.

    Memory grows by eight bytes for each molecule seen. The boundaries of the blocks do not change the molecules.

    Args:
        screened: blocks, as many as needed.
        n: number of molecules.
        account: updated in place, up to the draw of the last molecule given.
        known: molecules to leave out.

    Raises:
        SamplingError: the model gives almost no new molecules; the message names how many it gave.
    """
    seen, milestone = GrowingSet(), 0  # milestone: molecules at the last check of the yield
    for block in screened if n else ():
        new = seen.add(block.hashes[0])
        sound = new & block.plausible
        left_out = sound & known.has(block.hashes) if known is not None else np.zeros_like(new)
        accepted, at = sound & ~left_out, 0
        while at < block.drawn and account.found < n:
            # Up to the end of the block, the draw of the last molecule, or the next check.
            last = np.flatnonzero(accepted & (block.positions >= at))[: n - account.found]
            end = int(block.positions[last[-1]]) + 1 if len(last) == n - account.found else block.drawn
            end = min(end, at + _PATIENCE - account.drawn % _PATIENCE)
            rows = (block.positions >= at) & (block.positions < end)
            account.drawn += end - at
            account.valid += int(rows.sum())
            account.duplicates += int((rows & ~new).sum())
            account.implausible += int((rows & new & ~sound).sum())
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


def first_draws(screened: Iterable[Screened], n: int, account: Account) -> Iterator[Molecules]:
    """Give the first n draws as they are."""
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
    if account.implausible:
        message += f", {account.implausible:,} left out for radicals, valences or charges"
    if account.known:
        message += f", {account.known:,} known molecules left out"
    remedy = "train it for longer" if account.validity < 0.05 else "ask for fewer or raise the temperature"
    return f"{message}) and almost nothing new comes: {remedy}"
