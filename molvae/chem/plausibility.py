"""Which decoded molecules are refused: radicals, unusual valences, and atoms that the training molecules do not have.

RDKit calls a string valid if it can assign some valence to every atom. A missing hydrogen makes a radical, and iodine
with three bonds is allowed, so a valid string need not be a molecule that a chemist can make.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from molvae.chem.molecules import parse

__all__ = ["LONE_CHARGE", "RADICAL", "is_plausible", "unusual_atoms", "unusual_tokens"]

RADICAL = "radical"
"""Stands for an atom with unpaired electrons."""

LONE_CHARGE = "lone charge"
"""Stands for a charge without an opposite one beside it; a nitro group has none."""

_BRACKET = re.compile(r"\[[^\]]*\]")
_USUAL = re.compile(r"\[(?:nH|[A-Z][a-z]?@@?H?)\]")  # neutral stereo centres: RDKit writes no radical as one
# A halogen with several bonds is neither first, nor last, nor alone in a branch; or it is first, and a branch or a ring
# begins there.
_BRANCHED_HALOGEN = re.compile(r"(?<!^)(?<!\.)(?:F|Cl|Br|I)(?![).])(?!$)|(?:^|\.)(?:F|Cl|Br|I)[(\d%=#]")
_MOST_BONDS = {"F": 1, "Cl": 1, "Br": 1, "I": 1}
_MOST_BONDS_WITH_H = {"S": 2, "Se": 2}  # with four or six bonds, sulfur has no hydrogen


def unusual_atoms(smiles: str) -> frozenset[str]:
    """What is unusual about the atoms of a molecule.

    Args:
        smiles: canonical, and valid.

    Returns:
        `RADICAL`; `LONE_CHARGE`; an element with its number of bonds,
        such as "I with 3 bonds", for a neutral halogen with several bonds, or sulfur with hydrogen and more than two;
        and every bracket atom but [nH] and neutral stereo centres, without the marks of stereo.

    >>> sorted(unusual_atoms("C[N+](C)(C)C")), sorted(unusual_atoms("O=[N+]([O-])c1cc[nH]c1"))
    (['[N+]', 'lone charge'], ['[N+]', '[O-]'])
    >>> sorted(unusual_atoms("C[CH]C")), sorted(unusual_atoms("CI(C)C")), sorted(unusual_atoms("C[C@H](N)O"))
    (['[CH]', 'radical'], ['I with 3 bonds'], [])
    """
    rest = _USUAL.sub("C", smiles)
    found = unusual_tokens(_BRACKET.findall(rest))
    mol = parse(smiles) if found or _BRANCHED_HALOGEN.search(rest) else None
    if mol is None:
        return frozenset(found)
    for atom in mol.GetAtoms():
        symbol, charge, bonds = atom.GetSymbol(), atom.GetFormalCharge(), atom.GetTotalValence()
        if atom.GetNumRadicalElectrons():
            found.add(RADICAL)
        if charge and not any(charge * other.GetFormalCharge() < 0 for other in atom.GetNeighbors()):
            found.add(LONE_CHARGE)
        most = _MOST_BONDS.get(symbol) or (atom.GetTotalNumHs() and _MOST_BONDS_WITH_H.get(symbol)) or bonds
        if not charge and bonds > most:
            found.add(f"{symbol} with {bonds} bonds")
    return frozenset(found)


def unusual_tokens(tokens: Iterable[str]) -> set[str]:
    """The bracket atoms among some tokens, as in `unusual_atoms`.

    >>> sorted(unusual_tokens(["C", "[nH]", "[C@@H]", "[N@+]"]))
    ['[N+]']
    """
    brackets = (token for token in tokens if token.startswith("[") and not _USUAL.fullmatch(token))
    return {token.replace("@", "") for token in brackets}


def is_plausible(smiles: str, allowed: Collection[str]) -> bool:
    """Whether a molecule has no radical, and nothing unusual but what is allowed.

    Args:
        smiles: canonical, and valid.
        allowed: from `unusual_atoms` of other molecules.

    >>> is_plausible("C[N+](C)(C)C", {"[N+]", "[O-]"}), is_plausible("CC(N)=O", set())
    (False, True)
    """
    found = unusual_atoms(smiles)
    return RADICAL not in found and all(one in allowed for one in found)
