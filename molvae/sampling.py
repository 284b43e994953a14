"""Ask for N molecules and get N: valid, unique, canonical; what was thrown away on the way is counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from molvae.chem import canonical, quiet_rdkit
from molvae.errors import SamplingError

__all__ = ["Samples", "collect"]

_PATIENCE = 20_000  # draws without enough new molecules after which a model is given up
_LEAST_YIELD = 0.001  # new molecules per draw below which it is not enough


@dataclass
class Samples:
    """Molecules drawn from a model, and the account of the draws they were taken from."""

    smiles: list[str] = field(default_factory=list)
    """valid, distinct, canonical SMILES in the order of the draws"""
    drawn: int = 0
    """raw strings that were looked at"""
    valid: int = 0
    """of those, molecules"""
    duplicates: int = 0
    """of the valid ones, molecules drawn before"""
    known: int = 0
    """of the distinct ones, training molecules that were left out"""
    seconds: float = 0.0

    @property
    def validity(self) -> float:
        """Share of valid strings among all raw draws."""
        return self.valid / max(1, self.drawn)


def collect(
    draws: Iterable[list[str]],
    n: int,
    *,
    known: Callable[[Collection[str]], set[str]] | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Samples:
    """Take raw draws until n distinct valid molecules are found.

    Args:
        draws: blocks of raw strings, as many as needed.
        n: molecules wanted.
        known: gives those of some canonical SMILES that are to be left out.
        on_progress: called with the number found so far, after each block.

    Raises:
        SamplingError: the draws have almost stopped to give new molecules; the message says how many there were.
    """
    result, seen, start = Samples(), set[str](), time.perf_counter()
    milestone = (0, 0)  # draws and molecules when progress was last judged
    for block in draws if n else ():
        with quiet_rdkit():
            molecules = [canonical(one) for one in block]
        leave_out = known({one for one in molecules if one}) if known else set()
        for molecule in molecules:
            if len(result.smiles) == n:
                break
            result.drawn += 1
            if molecule is None:
                continue
            result.valid += 1
            if molecule in seen:
                result.duplicates += 1
                continue
            seen.add(molecule)
            if molecule in leave_out:
                result.known += 1
            else:
                result.smiles.append(molecule)
        on_progress(len(result.smiles))
        if len(result.smiles) == n:
            break
        if result.drawn - milestone[0] >= _PATIENCE:
            if len(result.smiles) - milestone[1] < _LEAST_YIELD * _PATIENCE:
                raise SamplingError(_why(result, n))
            milestone = (result.drawn, len(result.smiles))
    result.seconds = time.perf_counter() - start
    return result


def _why(result: Samples, n: int) -> str:
    message = (
        f"the model gave {len(result.smiles):,} of the {n:,} molecules asked for in {result.drawn:,} draws "
        f"({result.validity:.1%} valid, {result.duplicates:,} duplicates"
    )
    if result.known:
        message += f", {result.known:,} training molecules left out"
    remedy = "train it for longer" if result.validity < 0.05 else "ask for fewer or raise the temperature"
    return f"{message}) and almost nothing new comes: {remedy}"
