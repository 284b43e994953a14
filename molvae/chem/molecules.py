"""Molecules and their SMILES: strict parsing, canonical SMILES, scaffolds, and silencing RDKit's log.

An invalid string gives None, never an exception: models generate thousands of them, and tables contain some.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem.Scaffolds import MurckoScaffold

__all__ = [
    "LONGEST_SMILES",
    "STRICT",
    "canonical",
    "count_heavy_atoms",
    "is_readable",
    "is_steady",
    "parse",
    "quiet_rdkit",
    "random_spelling",
    "scaffold",
    "scaffold_of",
    "settled",
    "strict_parameters",
    "without_extension",
]

# RDKit writes SMILES by recursion over atoms: a chain of about ten thousand atoms overflows the stack and crashes the
# process, so RDKit never gets longer strings.
LONGEST_SMILES = 4_000

_MAX_SPELLINGS = 8  # one or two are enough, unless RDKit alternates between several
_LARGEST_SCAFFOLD = 500  # heavy atoms; RDKit's time grows with their third power, to minutes for 4,000

_murcko: Callable[[Chem.Mol], Chem.Mol] = MurckoScaffold.GetScaffoldForMol
_ATOM = re.compile(r"\[[^\]]*\]|Br|Cl|[BCNOPSFIbcnops*]")
_HYDROGEN = re.compile(r"\[\d*H(?![a-z])")
_STEADY_BRACKETS = re.compile(r"\[(?:nH\+?|C@@?H?|NH[23]?\+|O-)\]|\[N\+\]\(=O\)\[O-\]|O=\[N\+\]\(\[O-\]\)")


def strict_parameters(*, sanitize: bool = True) -> Any:
    """Parser settings that accept only a plain SMILES: no name and no CXSMILES extension."""
    parameters: Any = Chem.SmilesParserParams()
    parameters.parseName = False
    parameters.allowCXSMILES = False
    parameters.sanitize = sanitize
    return parameters


STRICT = strict_parameters()
"""Use these only for texts that are `is_readable`."""

_EXTENSION = re.compile(r"\s+\|[^|]*\|\s*$")


def without_extension(text: str) -> str:
    """Remove the extension of a CXSMILES, which stands between bars: labels, coordinates, stereo groups.

    >>> without_extension("C[C@H](N)O |&1:1|")
    'C[C@H](N)O'
    """
    return _EXTENSION.sub("", text) if "|" in text else text


@contextmanager
def quiet_rdkit() -> Iterator[None]:
    """Silence RDKit's log inside a `with` block.

    Afterwards every RDKit log is restored, also after an exception. Blocks may be nested, and blocks of several threads
    may overlap: the last to end restores the log.
    """
    _silence.begin()
    try:
        yield
    finally:
        _silence.end()


class _Silence:
    """Counts the open blocks of all threads, because they share RDKit's log."""

    def __init__(self) -> None:
        self._lock, self._blocks = Lock(), 0
        self._closed: Any = None

    def begin(self) -> None:
        with self._lock:
            if not self._blocks:
                self._closed = rdBase.BlockLogs()
            self._blocks += 1

    def end(self) -> None:
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                self._closed = None  # restores the log


_silence = _Silence()


def is_readable(text: str) -> bool:
    """Whether RDKit can parse a text safely: it is not too long, and all characters occur in SMILES."""
    return len(text) <= LONGEST_SMILES and text.isascii() and text.isprintable() and " " not in text


def parse(smiles: object) -> Chem.Mol | None:
    """Parse one SMILES strictly; never raises.

    Gives the sanitized molecule with at least one atom. Gives None for an invalid SMILES, a name after the SMILES, a
    CXSMILES extension, white space, the empty molecule, more than `LONGEST_SMILES` characters, and any object that is
    not a string (None, NaN, ...).

    >>> parse("CCO").GetNumAtoms()
    3
    >>> parse("CCO ethanol") is None and parse("") is None and parse(float("nan")) is None
    True
    """
    if not isinstance(smiles, str) or not is_readable(smiles):
        return None
    try:
        mol = Chem.MolFromSmiles(smiles, STRICT)
    except (RuntimeError, ValueError):  # an internal error of RDKit
        return None
    return mol if mol is not None and mol.GetNumAtoms() else None


def canonical(smiles: object, *, stereo: bool = True) -> str | None:
    """Compute the canonical SMILES of a molecule.

    Idempotent: `canonical(canonical(s)) == canonical(s)`. RDKit alone does not guarantee this for some molecules
    (mostly with stereo elements that depend on each other), so its output is parsed and written again until it no
    longer changes. If RDKit alternates between several spellings, the alphabetically first is taken.

    Args:
        smiles: the text.
        stereo: keep stereo centres and double-bond geometry. Isotopes are always kept.

    Returns:
        The canonical isomeric SMILES; None if `parse` gives None, or RDKit cannot parse its own output.

    >>> canonical("OCC"), canonical("C[C@H](N)O", stereo=False), canonical("C1CC")
    ('CCO', 'CC(N)O', None)
    """
    mol = parse(smiles)
    if mol is None:
        return None
    if not stereo:
        Chem.RemoveStereochemistry(mol)
    written = str(Chem.MolToSmiles(mol))
    if written == smiles:
        return written
    last = settled(written, stereo=stereo)
    return last[0] if last is not None else None


def settled(smiles: str, *, stereo: bool = True) -> tuple[str, Chem.Mol] | None:
    """Parse and write a SMILES that RDKit wrote until it no longer changes; `stereo` as in `canonical`.

    Returns:
        The SMILES and the molecule parsed from it; None if RDKit cannot parse its own output.
    """
    seen: dict[str, Chem.Mol] = {}
    while smiles not in seen:
        mol = parse(smiles)
        if mol is None or len(seen) == _MAX_SPELLINGS:
            return None
        if not stereo:
            Chem.RemoveStereochemistry(mol)
        seen[smiles] = mol
        smiles = str(Chem.MolToSmiles(mol))
    spellings = list(seen)
    final = min(spellings[spellings.index(smiles) :])
    return final, seen[final]


def random_spelling(smiles: str, seed: int) -> str | None:
    """A randomized SMILES of a molecule: RDKit starts at a random atom and orders branches at random.

    Randomized SMILES strings improve the quality of molecular generative models (Arus-Pous et al., 2019),
    https://doi.org/10.1186/s13321-019-0393-0

    Args:
        smiles: the molecule.
        seed: from 1 to 2^31 - 1; the same seed gives the same spelling.

    Returns:
        A SMILES, possibly the given one; None if `smiles` is invalid or RDKit cannot write it.

    >>> random_spelling("CCO", 1) in ("CCO", "OCC", "C(C)O", "C(O)C")
    True
    """
    mol = parse(smiles)
    try:
        return None if mol is None else str(Chem.MolToRandomSmilesVect(mol, 1, randomSeed=seed)[0])
    except (RuntimeError, ValueError):
        return None


def is_steady(written: str, text: str, mol: Chem.Mol | None) -> bool:
    """Whether RDKit certainly writes the same SMILES again after parsing it; this check avoids doing so.

    That is so if the only bracket atoms are [nH], carbon centres, nitro groups, [O-] and protonated nitrogens, and if
    there is at most one stereo element, or all stereo centres are independent of each other.

    Args:
        written: the SMILES that RDKit wrote for `mol`.
        text: the SMILES that `mol` was parsed from; stereo may have been removed since.
        mol: the molecule; it may be None if `text` has at most one stereo centre.
    """
    if written == text:
        return True
    if "[" in written and "[" in _STEADY_BRACKETS.sub("", written):
        return False
    centres = written.count("@") - written.count("@@")
    marks = written.count("/") + written.count("\\")
    if centres + (marks + 1) // 2 <= 1:
        return True
    return not marks and mol is not None and _are_independent(text, mol)


def _are_independent(text: str, mol: Chem.Mol) -> bool:
    """Whether the stereo centres, and the neighbours of each, would differ even without stereo.

    Every symmetry of the graph without stereo then maps each centre and its neighbours to themselves. So no centre
    exists only because of other centres, and the canonical order of the atoms does not depend on stereo.
    """
    atoms = _ATOM.findall(text)
    if len(atoms) != mol.GetNumAtoms():  # RDKit has removed explicit hydrogens
        return False
    alike: dict[int, list[int]] = {}
    for place, rank in enumerate(Chem.CanonicalRankAtoms(mol, breakTies=False, includeChirality=False)):
        alike.setdefault(rank, []).append(place)
    tied = [places for places in alike.values() if len(places) > 1]
    centres = [place for place, symbol in enumerate(atoms) if "@" in symbol]
    bond = mol.GetBondBetweenAtoms
    return not any(
        sum(place in centres for place in places) > 1
        or any(sum(bond(place, centre) is not None for place in places) > 1 for centre in centres)
        for places in tied
    )


def count_heavy_atoms(smiles: str) -> int:
    """The number of atoms other than hydrogen in a valid SMILES, without parsing it.

    >>> count_heavy_atoms("[2H]c1c[nH]cc1Cl")
    6
    """
    return sum(_HYDROGEN.match(atom) is None for atom in _ATOM.findall(smiles))


def scaffold(smiles: object) -> str:
    """Compute the Bemis-Murcko scaffold: ring systems and the chains between them, without stereo.

    The properties of known drugs. 1. Molecular frameworks (Bemis & Murcko, 1996), https://doi.org/10.1021/jm9602928

    Returns:
        The canonical SMILES of the scaffold; "" for a molecule without rings or with more than 500 heavy atoms, and
        for an invalid text.

    >>> scaffold("CCc1ccccc1"), scaffold("CCO")
    ('c1ccccc1', '')
    """
    mol = parse(smiles)
    core = None if mol is None else scaffold_of(mol)
    return "" if core is None else str(Chem.MolToSmiles(core, isomericSmiles=False))


def scaffold_of(mol: Chem.Mol) -> Chem.Mol | None:
    """The Bemis-Murcko scaffold of a molecule, with its stereo; None if `scaffold` gives ""."""
    if not mol.GetRingInfo().NumRings() or mol.GetNumAtoms() > _LARGEST_SCAFFOLD:
        return None
    try:
        return _murcko(mol)
    except (RuntimeError, ValueError):
        return None
