"""The standard form of a molecule: salts removed, charges neutralized, canonical SMILES."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from rdkit import Chem
from rdkit.Chem import rdMolDescriptors
from rdkit.Chem.MolStandardize import rdMolStandardize

from molvae.chem.molecules import (
    LONGEST_SMILES,
    STRICT,
    is_readable,
    is_steady,
    parse,
    settled,
    strict_parameters,
    without_extension,
)

__all__ = ["Reason", "Rejection", "Standardized", "standardize", "standardize_all"]


class Reason(StrEnum):
    """Why a text is rejected; the value is shown to the user."""

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
    """A rejected text.

    Attributes:
        reason: the kind of problem.
        detail: more about it; may be empty.
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
        mol: the molecule.
    """

    smiles: str
    mol: Chem.Mol


_CARBON = Chem.MolFromSmarts("[#6]")
_WILDCARD = Chem.MolFromSmarts("[#0]")
_SIDE_BY_SIDE = Chem.MolFromSmarts("[#7]-[OX2H]")
# Matches only carbon atoms: no other symbol is a C without a small letter, and c follows a capital in Sc, Tc and Ac.
_CARBON_SYMBOL = re.compile(r"C(?![a-z])|(?<![A-Z])c")
# Charges, atom maps, several fragments, wildcards; other molecules are standard. A '-' outside brackets is a bond.
_SPECIAL = re.compile(r"\.|\*|#0|\[[^\]]*[-+:]")
# SMILES that are known to be canonical: tables repeat molecules in many spellings.
_settled_before: set[str] = set()
_MAX_REMEMBERED = 100_000
_UNREADABLE = "RDKit cannot read its own canonical SMILES"

# Ions of nitrogen and oxygen with their neutral forms, by removing or adding a proton. The neutral form is valid if
# and only if the ion is.
_CATIONS = {"[NH+]": "[N]", "[NH2+]": "[NH]", "[NH3+]": "[NH2]", "[nH+]": "[n]"}
_ANIONS = {"[O-]": "[OH]", "[N-]": "[NH]", "[NH-]": "[NH2]", "[n-]": "[nH]"}
_IONS = _CATIONS | _ANIONS
# A nitro group in its usual spellings, which stays unchanged, or any atom with a charge or a map number.
_CHARGED = re.compile(
    r"\[N\+\]\(=O\)\(?\[O-\]|O=\[N\+\]\(\[O-\]\)|\[O-\]\[N\+\]\(=O\)|\[N\+\]\(\[O-\]\)(?:\(=O\)|=O)"
    r"|(\[[^\]]*[-+:][^\]]*\])"
)


def standardize(smiles: str | Chem.Mol, *, stereo: bool = True, neutralize: bool = True) -> Standardized | Rejection:
    """Bring a molecule into standard form, or give the reason of rejection. Never raises.

    The steps: keep the largest fragment that contains carbon (by heavy atoms, then weight, then canonical SMILES);
    remove atom-map numbers; neutralize charges by adding or removing hydrogens if possible (quaternary nitrogens, nitro
    groups, N-oxides and similar groups keep their charges and counterions); write canonical SMILES. Tautomers are not
    merged, and covalently bound metals stay.

    Args:
        smiles: the text (surrounding white space and CXSMILES extensions are ignored), or a molecule, which does not
            change.
        stereo: keep stereo centres and double-bond geometry.
        neutralize: neutralize charges.

    >>> standardize("[Na+].CC(=O)[O-]").smiles
    'CC(=O)O'
    >>> str(standardize("CC(C)(C)(C)C"))
    'impossible valence: Explicit valence for atom # 1 C, 5, is greater than permitted'
    """
    try:
        if isinstance(smiles, str):
            text = without_extension(smiles.strip())
            plain = _plain(text, neutralize)
            mol = parse(plain.text) if plain is not None else None
            if plain is not None and mol is not None and not _puzzling(plain, mol):
                return _spelled(mol, plain, stereo=stereo)
            mol = parse(text)
            if mol is None:
                return _diagnosis(text)
        else:
            mol = Chem.Mol(smiles)
        if mol.HasSubstructMatch(_WILDCARD):
            return Rejection(Reason.WILDCARD)
        if not mol.HasSubstructMatch(_CARBON):
            return Rejection(Reason.NO_CARBON)
        return _spelled(_simplified(mol, neutralize), None, stereo=stereo)
    except (RuntimeError, ValueError) as error:
        return Rejection(Reason.SYNTAX, _first_line(error))


def standardize_all(texts: Sequence[str], *, stereo: bool = True, neutralize: bool = True) -> list[str | Rejection]:
    """`standardize` for many texts, faster: the SMILES or the rejection of each.

    All texts are parsed before any is checked further, because Python code between two RDKit calls is ten times slower:
    RDKit fills the caches of the processor.
    """
    plains = [_plain(without_extension(text.strip()), neutralize) for text in texts]
    written: list[str] = [""] * len(plains)
    mols: dict[int, Chem.Mol] = {}
    for place, plain in enumerate(plains):
        if plain is None:
            continue
        try:
            mol = Chem.MolFromSmiles(plain.text, STRICT)
            if mol is None or _puzzling(plain, mol):
                continue
            if not stereo:
                Chem.RemoveStereochemistry(mol)
            written[place] = Chem.MolToSmiles(mol)
        except (RuntimeError, ValueError):
            continue
        if plain.centres > 1:
            mols[place] = mol
    results: list[str | Rejection] = []
    for place, (text, plain, spelling) in enumerate(zip(texts, plains, written, strict=True)):
        if plain is None or not spelling:
            form = standardize(text, stereo=stereo, neutralize=neutralize)
            results.append(form if isinstance(form, Rejection) else form.smiles)
        elif spelling in _settled_before:
            results.append(spelling)
        else:
            results.append(_last_spelling(spelling, plain, mols.get(place), stereo))
    return results


def _last_spelling(spelling: str, plain: _Plain, mol: Chem.Mol | None, stereo: bool) -> str | Rejection:
    if not is_steady(spelling, plain.text, mol):
        form = _settled(spelling, stereo)
        if isinstance(form, Rejection) or form.smiles != spelling:
            return form if isinstance(form, Rejection) else form.smiles
    elif plain.centres < 2:  # quick to check: no need to remember it
        return spelling
    if len(_settled_before) == _MAX_REMEMBERED:
        _settled_before.clear()
    _settled_before.add(spelling)
    return spelling


class _Plain(NamedTuple):
    """A molecule that needs no standardizer, as most molecules: one fragment, neutral or an ordinary ion.

    The charges of an ordinary ion are those in `_IONS` and nitro groups. All of `_IONS` become neutral, because no
    other charge needs a counterion. Replacing them in the text is fast, whereas a molecule changed by the standardizer
    must be written and parsed again.
    """

    text: str
    """the neutral SMILES"""
    centres: int
    """upper limit of the number of stereo centres"""
    zwitterion: bool


def _plain(text: str, neutralize: bool) -> _Plain | None:
    zwitterion = False
    if _SPECIAL.search(text) is not None:
        if "." in text or "*" in text or "#0" in text:
            return None
        ions = {ion for ion in _CHARGED.findall(text) if ion}
        anions = ions - _CATIONS.keys()
        zwitterion = bool(anions) and "+" in text
        if not neutralize or not ions <= _IONS.keys() or (zwitterion and anions != {"[O-]"}):
            return None
        text = _CHARGED.sub(_neutral, text)
    if _CARBON_SYMBOL.search(text) is None or not is_readable(text):
        return None
    return _Plain(text, text.count("@") - text.count("@@"), zwitterion)


def _neutral(match: re.Match[str]) -> str:
    return _IONS[match[1]] if match[1] else match[0]


def _puzzling(plain: _Plain, mol: Chem.Mol) -> bool:
    # Adjacent charges (such as those of an N-oxide with a hydrogen) belong together: leave them to the standardizer.
    return plain.zwitterion and bool(mol.HasSubstructMatch(_SIDE_BY_SIDE))


def _spelled(mol: Chem.Mol, plain: _Plain | None, *, stereo: bool) -> Standardized | Rejection:
    if not stereo:
        Chem.RemoveStereochemistry(mol)
    written = str(Chem.MolToSmiles(mol))
    if plain is not None and is_steady(written, plain.text, mol):
        return Standardized(written, mol)
    return _settled(written, stereo)


def _settled(written: str, stereo: bool) -> Standardized | Rejection:
    try:
        last = settled(written, stereo=stereo)
    except (RuntimeError, ValueError) as error:
        return Rejection(Reason.SYNTAX, _first_line(error))
    return Standardized(*last) if last is not None else Rejection(Reason.SYNTAX, _UNREADABLE)


def _simplified(mol: Chem.Mol, neutralize: bool) -> Chem.Mol:
    parts = Chem.GetMolFrags(mol, asMols=True) if len(Chem.GetMolFrags(mol)) > 1 else (mol,)
    fragments: list[Chem.Mol] = [part for part in parts if part.HasSubstructMatch(_CARBON)]
    for part in fragments:
        for atom in part.GetAtoms():
            atom.SetAtomMapNum(0)
    largest = fragments[0] if len(fragments) == 1 else min(fragments, key=_rank)
    if not neutralize or not any(atom.GetFormalCharge() for atom in largest.GetAtoms()):
        return largest
    neutral: Chem.Mol = _uncharger().uncharge(largest)
    # If RDKit cannot parse the neutral form, keep the charge.
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
