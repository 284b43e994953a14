"""One standard form of a molecule as people deposit it: salts stripped, charges neutralized, one spelling.

Knows what makes two rows of a table the same molecule; does not know about tables, lengths or vocabularies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from rdkit import Chem
from rdkit.Chem import rdMolDescriptors
from rdkit.Chem.MolStandardize import rdMolStandardize

from molvae.chem.molecules import LONGEST_SMILES, is_steady, parse, settled, strict_parameters, without_extension

__all__ = ["Reason", "Rejection", "Standardized", "standardize"]


class Reason(StrEnum):
    """Why a text is not taken; the value is what a person reads."""

    EMPTY = "empty cell"
    SYNTAX = "not valid SMILES"
    VALENCE = "impossible valence"
    AROMATICITY = "aromatic ring without Kekule structure"
    MOL_BLOCK = "unreadable mol block"
    WILDCARD = "wildcard atom"
    NO_CARBON = "no organic fragment"
    ELEMENT = "element not allowed"
    TOO_SHORT = "too short"
    TOO_LONG = "too long"
    TOKEN = "token that cannot be read"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A text that is not taken.

    Attributes:
        reason: the kind, to count.
        detail: what precisely, may be empty.
    """

    reason: Reason
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)


@dataclass(frozen=True, slots=True)
class Standardized:
    """A molecule in standard form.

    Attributes:
        smiles: its canonical SMILES.
        mol: the molecule that was written as `smiles`.
    """

    smiles: str
    mol: Chem.Mol


_CARBON = Chem.MolFromSmarts("[#6]")
_WILDCARD = Chem.MolFromSmarts("[#0]")
# Charges, atom maps, several fragments, wildcards: all else needs no standardizer. A '-' outside brackets is a bond.
_SPECIAL = re.compile(r"\.|\*|#0|\[[^\]]*[-+:]")
_STEREO = re.compile(r"[@/\\]")


def standardize(smiles: str | Chem.Mol, *, stereo: bool = True, neutralize: bool = True) -> Standardized | Rejection:
    """Bring a molecule into standard form, or say why not. Never raises.

    In this order: the largest fragment that contains carbon (by heavy atoms, then weight, then canonical SMILES);
    atom-map numbers removed; charges neutralized by adding or removing hydrogens, where the atoms allow it
    (quaternary nitrogens, nitro groups, N-oxides and the like keep theirs, with what balances them); canonical SMILES.
    Tautomers are not merged, and metals bound covalently stay.

    Args:
        smiles: the text (surrounding white space and the extension of a CXSMILES are ignored), or a molecule, which
            is not changed.
        stereo: keep stereo centres and double-bond geometry.
        neutralize: whether charges are neutralized.

    Returns:
        The standard form, or the reason of rejection.

    >>> standardize("[Na+].CC(=O)[O-]").smiles
    'CC(=O)O'
    >>> str(standardize("CC(C)(C)(C)C"))
    'impossible valence: Explicit valence for atom # 1 C, 5, is greater than permitted'
    """
    if isinstance(smiles, str):
        text = without_extension(smiles.strip())
        mol = parse(text)
        if mol is None:
            return _diagnosis(text)
        special, marked = _SPECIAL.search(text) is not None, _STEREO.search(text) is not None
    else:
        mol, special, marked = Chem.Mol(smiles), True, True
    if special and mol.HasSubstructMatch(_WILDCARD):
        return Rejection(Reason.WILDCARD)
    if not mol.HasSubstructMatch(_CARBON):
        return Rejection(Reason.NO_CARBON)
    try:
        if special:
            mol = _simplified(mol, neutralize)
        if marked and not stereo:
            Chem.RemoveStereochemistry(mol)
        return _spelled(mol, stereo=stereo, check=special)
    except (RuntimeError, ValueError) as error:
        return Rejection(Reason.SYNTAX, _first_line(error))


def _spelled(mol: Chem.Mol, *, stereo: bool, check: bool) -> Standardized | Rejection:
    written = str(Chem.MolToSmiles(mol))
    if not check and is_steady(written):
        return Standardized(written, mol)
    final = settled(written, stereo=stereo)
    respelled = parse(final)
    if final is None or respelled is None:
        return Rejection(Reason.SYNTAX, "RDKit cannot read its own canonical SMILES")
    return Standardized(final, respelled)


def _simplified(mol: Chem.Mol, neutralize: bool) -> Chem.Mol:
    fragments: list[Chem.Mol] = [part for part in Chem.GetMolFrags(mol, asMols=True) if part.HasSubstructMatch(_CARBON)]
    for part in fragments:
        for atom in part.GetAtoms():
            atom.SetAtomMapNum(0)
    largest = fragments[0] if len(fragments) == 1 else min(fragments, key=_rank)
    if not neutralize or not any(atom.GetFormalCharge() for atom in largest.GetAtoms()):
        return largest
    neutral: Chem.Mol = _uncharger().uncharge(largest)
    # Where RDKit cannot read the neutral form the charge was there for a reason.
    return neutral if parse(Chem.MolToSmiles(neutral)) is not None else largest


def _rank(fragment: Chem.Mol) -> tuple[int, float, str]:
    weight = round(rdMolDescriptors.CalcExactMolWt(fragment), 6)
    return -fragment.GetNumHeavyAtoms(), -weight, str(Chem.MolToSmiles(fragment))


@cache
def _uncharger() -> Any:
    return rdMolStandardize.Uncharger()


def _diagnosis(text: str) -> Rejection:
    if not text:
        return Rejection(Reason.EMPTY)
    if len(text) > LONGEST_SMILES:
        return Rejection(Reason.TOO_LONG, f"{len(text)} characters, of at most {LONGEST_SMILES}")
    if "\n" in text or "\r" in text:
        return Rejection(Reason.SYNTAX, "a line break inside the cell, perhaps an unbalanced quote")
    if " " in text and parse(text.split()[0]) is not None:
        return Rejection(Reason.SYNTAX, "more than a SMILES in the cell, parted by a blank")
    if not text.isascii() or not text.isprintable() or " " in text:
        return Rejection(Reason.SYNTAX, "characters that SMILES does not have")
    try:
        mol = Chem.MolFromSmiles(text, strict_parameters(sanitize=False))
        problems = Chem.DetectChemistryProblems(mol) if mol is not None else ()
    except (RuntimeError, ValueError) as error:
        return Rejection(Reason.SYNTAX, _first_line(error))
    if not problems:
        return Rejection(Reason.SYNTAX)
    kind = Reason.VALENCE if "Valence" in problems[0].GetType() else Reason.AROMATICITY
    return Rejection(kind, _first_line(problems[0].Message()))


def _first_line(message: object) -> str:
    return str(message).strip().partition("\n")[0]
