"""Molecules and their SMILES: strict parsing, one canonical spelling, scaffolds, and a quiet RDKit.

Knows RDKit; knows nothing of files, tables or models. A string that is no molecule gives None, never an exception:
a model prints thousands of them, and a table holds a few.
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

# RDKit writes SMILES by recursion over atoms: a chain of some ten thousand atoms overflows the stack and takes the
# whole process down, so longer strings never reach it.
LONGEST_SMILES = 4_000

# A spelling settles at the first or second try; a longer walk has only been seen where RDKit runs in a circle.
_MOST_SPELLINGS = 8
_LARGEST_SCAFFOLD = 500  # heavy atoms: the time that RDKit takes grows with their third power, to minutes for 4,000

_murcko: Callable[[Chem.Mol], Chem.Mol] = MurckoScaffold.GetScaffoldForMol
_ATOM = re.compile(r"\[[^\]]*\]|Br|Cl|[BCNOPSFIbcnops*]")
_HYDROGEN = re.compile(r"\[\d*H(?![a-z])")
_STEADY_BRACKETS = re.compile(r"\[(?:nH\+?|C@@?H?|NH[23]?\+|O-)\]|\[N\+\]\(=O\)\[O-\]|O=\[N\+\]\(\[O-\]\)")


def strict_parameters(*, sanitize: bool = True) -> Any:
    """RDKit's parser settings under which a text is a SMILES and nothing else."""
    parameters: Any = Chem.SmilesParserParams()
    parameters.parseName = False
    parameters.allowCXSMILES = False
    parameters.sanitize = sanitize
    return parameters


STRICT = strict_parameters()
"""For texts that are `is_readable`."""


_EXTENSION = re.compile(r"\s+\|[^|]*\|\s*$")


def without_extension(text: str) -> str:
    """A CXSMILES as plain SMILES: what stands between bars behind it (labels, coordinates, stereo groups) is cut off.

    >>> without_extension("C[C@H](N)O |&1:1|")
    'C[C@H](N)O'
    """
    return _EXTENSION.sub("", text) if "|" in text else text


@contextmanager
def quiet_rdkit() -> Iterator[None]:
    """Silence RDKit's log inside a `with` block.

    Afterwards every RDKit log is as it was before, also after an exception, when blocks are nested, and when blocks of
    several threads overlap: the last to end opens the log.
    """
    _silence.begin()
    try:
        yield
    finally:
        _silence.end()


class _Silence:
    """RDKit's log is one for all threads; so is this."""

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
                self._closed = None  # which opens the log


_silence = _Silence()


def is_readable(text: str) -> bool:
    """Whether RDKit may be given a text: it is not too long, and of characters that SMILES has."""
    return len(text) <= LONGEST_SMILES and text.isascii() and text.isprintable() and " " not in text


def parse(smiles: object) -> Chem.Mol | None:
    """Read one SMILES strictly.

    Never raises. Names behind the SMILES, CXSMILES extensions, white space, the empty molecule, texts of more than
    `LONGEST_SMILES` characters and everything that is not a string (None, NaN, ...) give None.

    Args:
        smiles: the text.

    Returns:
        The sanitized molecule with at least one atom, or None.

    >>> parse("CCO").GetNumAtoms()
    3
    >>> parse("CCO ethanol") is None and parse("") is None and parse(float("nan")) is None
    True
    """
    if not isinstance(smiles, str) or not is_readable(smiles):
        return None
    try:
        mol = Chem.MolFromSmiles(smiles, STRICT)
    except (RuntimeError, ValueError):  # an invariant violated inside RDKit: it knows no better than None either
        return None
    return mol if mol is not None and mol.GetNumAtoms() else None


def canonical(smiles: object, *, stereo: bool = True) -> str | None:
    """Give the canonical spelling of a SMILES.

    Idempotent: `canonical(canonical(s)) == canonical(s)`. RDKit alone does not keep that promise for some molecules
    (mostly with several stereo elements that depend on each other); here its output is read and written again until
    it no longer changes. Where it runs in a circle, the alphabetically first spelling of the circle is taken.

    Args:
        smiles: the text; anything that `parse` refuses gives None.
        stereo: keep stereo centres and double-bond geometry. Isotopes are kept either way.

    Returns:
        The canonical isomeric SMILES, or None where there is no molecule or RDKit cannot read what it wrote.

    >>> canonical("OCC"), canonical("C[C@H](N)O", stereo=False), canonical("C1CC")
    ('CCO', 'CC(N)O', None)
    """
    mol = parse(smiles)
    if mol is None:
        return None
    if not stereo:
        Chem.RemoveStereochemistry(mol)
    written = str(Chem.MolToSmiles(mol))
    if written == smiles:  # written as it was read: it has settled
        return written
    last = settled(written, stereo=stereo)
    return last[0] if last is not None else None


def settled(smiles: str, *, stereo: bool = True) -> tuple[str, Chem.Mol] | None:
    """Respell RDKit's output until it no longer changes.

    Args:
        smiles: a SMILES that RDKit wrote.
        stereo: as in `canonical`.

    Returns:
        The spelling, and the molecule as read from it; None where RDKit cannot read what it wrote.
    """
    seen: dict[str, Chem.Mol] = {}
    while smiles not in seen:
        mol = parse(smiles)
        if mol is None or len(seen) == _MOST_SPELLINGS:
            return None
        if not stereo:
            Chem.RemoveStereochemistry(mol)
        seen[smiles] = mol
        smiles = str(Chem.MolToSmiles(mol))
    spellings = list(seen)
    final = min(spellings[spellings.index(smiles) :])
    return final, seen[final]


def random_spelling(smiles: str, seed: int) -> str | None:
    """Another spelling of a molecule: RDKit starts at a random atom and takes branches in random order.

    Randomized SMILES strings improve the quality of molecular generative models (Arus-Pous et al., 2019),
    https://doi.org/10.1186/s13321-019-0393-0

    Args:
        smiles: the molecule.
        seed: from 1 to 2^31 - 1; the same seed gives the same spelling.

    Returns:
        A SMILES, perhaps the one given; None where `smiles` is no molecule or RDKit cannot write it.

    >>> random_spelling("CCO", 1) in ("CCO", "OCC", "C(C)O", "C(O)C")
    True
    """
    mol = parse(smiles)
    try:
        return None if mol is None else str(Chem.MolToRandomSmilesVect(mol, 1, randomSeed=seed)[0])
    except (RuntimeError, ValueError):
        return None


def is_steady(written: str, text: str, mol: Chem.Mol | None) -> bool:
    """Whether a SMILES that RDKit wrote is of the plain kind that it writes the same again.

    Plain is: no bracket atoms but [nH], a carbon centre, a nitro group, [O-] and a nitrogen with hydrogen and a charge;
    and at most one stereo element, or several centres that do not depend on each other. `standardize` respells the
    others; it would take twice the time to respell all.

    Args:
        written: what RDKit wrote of `mol`.
        text: what `mol` was read from; stereo may have been removed since.
        mol: the molecule; it may be None where `text` has at most one centre.
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
    """Whether the stereocentres could be told apart, and so could the neighbours of each, if all stereo were erased.

    Every symmetry of the bare graph then keeps each centre and its neighbours in place: no centre is one only because
    of others, and the canonical order of the atoms is as sure as that of a molecule without stereo.
    """
    atoms = _ATOM.findall(text)
    if len(atoms) != mol.GetNumAtoms():  # hydrogens that were written as atoms are none in the molecule
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
    """The number of atoms other than hydrogen in a valid SMILES, without reading it as a molecule.

    >>> count_heavy_atoms("[2H]c1c[nH]cc1Cl")
    6
    """
    return sum(_HYDROGEN.match(atom) is None for atom in _ATOM.findall(smiles))


def scaffold(smiles: object) -> str:
    """Give the Bemis-Murcko scaffold: ring systems and the chains that link them, without stereo.

    The properties of known drugs. 1. Molecular frameworks (Bemis & Murcko, 1996), https://doi.org/10.1021/jm9602928

    Returns:
        The canonical SMILES of the scaffold; "" for a molecule without rings, for one of more than 500 heavy atoms, and
        for what is no molecule.

    >>> scaffold("CCc1ccccc1"), scaffold("CCO")
    ('c1ccccc1', '')
    """
    mol = parse(smiles)
    core = None if mol is None else scaffold_of(mol)
    return "" if core is None else str(Chem.MolToSmiles(core, isomericSmiles=False))


def scaffold_of(mol: Chem.Mol) -> Chem.Mol | None:
    """The Bemis-Murcko scaffold of a molecule, with its stereo; None where `scaffold` gives ""."""
    if not mol.GetRingInfo().NumRings() or mol.GetNumAtoms() > _LARGEST_SCAFFOLD:
        return None
    try:
        return _murcko(mol)
    except (RuntimeError, ValueError):
        return None
