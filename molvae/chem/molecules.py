"""Molecules and their SMILES: strict parsing, one canonical spelling, scaffolds, and a quiet RDKit.

Knows RDKit; knows nothing of files, tables or models. A string that is no molecule gives None, never an exception:
a model prints thousands of them, and a table holds a few.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem.Scaffolds import MurckoScaffold

__all__ = [
    "LONGEST_SMILES",
    "canonical",
    "is_steady",
    "parse",
    "quiet_rdkit",
    "scaffold",
    "settled",
    "strict_parameters",
    "without_extension",
]

# RDKit writes SMILES by recursion over atoms: a chain of some ten thousand atoms overflows the stack and takes the
# whole process down, so longer strings never reach it.
LONGEST_SMILES = 4_000

# A spelling settles at the first or second try; a longer walk has only been seen where RDKit runs in a circle.
_MOST_SPELLINGS = 8

_murcko: Callable[[Chem.Mol], Chem.Mol] = MurckoScaffold.GetScaffoldForMol
_STEADY_BRACKETS = re.compile(r"\[(?:nH|C@@?H?)\]")


def strict_parameters(*, sanitize: bool = True) -> Any:
    """RDKit's parser settings under which a text is a SMILES and nothing else."""
    parameters: Any = Chem.SmilesParserParams()
    parameters.parseName = False
    parameters.allowCXSMILES = False
    parameters.sanitize = sanitize
    return parameters


_STRICT = strict_parameters()


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

    Afterwards every RDKit log is as it was before, also after an exception and when blocks are nested.
    """
    with rdBase.BlockLogs():
        yield


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
    if not isinstance(smiles, str) or not smiles.isascii() or not smiles.isprintable() or " " in smiles:
        return None
    if len(smiles) > LONGEST_SMILES:
        return None
    try:
        mol = Chem.MolFromSmiles(smiles, _STRICT)
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
    return settled(str(Chem.MolToSmiles(mol)), stereo=stereo)


def settled(smiles: str, *, stereo: bool = True) -> str | None:
    """Respell RDKit's output until it no longer changes; None where it cannot be read again.

    Args:
        smiles: a SMILES that RDKit wrote.
        stereo: as in `canonical`.
    """
    seen: list[str] = []
    while smiles not in seen:
        seen.append(smiles)
        mol = parse(smiles)
        if mol is None or len(seen) > _MOST_SPELLINGS:
            return None
        if not stereo:
            Chem.RemoveStereochemistry(mol)
        smiles = str(Chem.MolToSmiles(mol))
    return min(seen[seen.index(smiles) :])


def is_steady(smiles: str) -> bool:
    """Whether a SMILES that RDKit wrote is of the plain kind that it writes the same again.

    Plain is: at most one stereo element, and no bracket atoms but [nH] and a carbon centre. `standardize` respells
    the others; it would take twice the time to respell all.
    """
    centres = smiles.count("@") - smiles.count("@@")
    marks = smiles.count("/") + smiles.count("\\")
    if centres + (marks + 1) // 2 > 1:
        return False
    return "[" not in smiles or "[" not in _STEADY_BRACKETS.sub("", smiles)


def scaffold(smiles: object) -> str:
    """Give the Bemis-Murcko scaffold: ring systems and the chains that link them, without stereo.

    The properties of known drugs. 1. Molecular frameworks (Bemis & Murcko, 1996), https://doi.org/10.1021/jm9602928

    Returns:
        The canonical SMILES of the scaffold; "" for a molecule without rings and for what is no molecule.

    >>> scaffold("CCc1ccccc1"), scaffold("CCO")
    ('c1ccccc1', '')
    """
    mol = parse(smiles)
    if mol is None:
        return ""
    try:
        core = _murcko(mol)
    except (RuntimeError, ValueError):
        return ""
    return str(Chem.MolToSmiles(core, isomericSmiles=False))
