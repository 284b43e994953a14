"""Find the SMILES column and the numeric columns of a table from a sample of each column."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from molvae.chem.molecules import parse, quiet_rdkit, without_extension
from molvae.corpus.numbers import grouped_example, grouping, is_code, is_missing, number
from molvae.errors import InputError, pluralize

__all__ = [
    "Choice",
    "Numeric",
    "alike",
    "choose",
    "is_smiles_name",
    "looks_like_smiles",
    "numeric_columns",
    "plain_name",
    "resolve",
    "unique",
]

SAMPLE = 100
"""Number of values of a column that are examined."""

# In order of preference; isomeric before canonical, because canonical SMILES of PubChem have no stereo.
_NAMES = (
    *("smiles", "isomericsmiles", "canonicalsmiles", "standardizedsmiles", "smilesstring", "smile", "smi"),
    *("structure", "structures", "molecule", "molecules", "mol", "mols", "drug", "drugs", "ligand", "compound"),
)
_LEXICAL = re.compile(r"(?:Cl|Br|[BCNOPSFIbcnops*]|\[[^\[\]\s]+\]|[-0-9()=#$+\\/%.:~@<>])+")
_NUMERIC_SHARE = 0.9
_SMILES_SHARE = 0.5
_MUCH_BETTER = 1.5
_TYPICAL_LENGTH = 10  # characters of a real molecule; 'C' and 'CO' may be anything


@dataclass(frozen=True, slots=True)
class Choice:
    """The SMILES column.

    Attributes:
        index: 0-based.
        how: why it was chosen, for the user.
        score: confidence, to compare ways of reading a file: 0 to 1, plus 1 if the name confirms it.
    """

    index: int
    how: str
    score: float


@dataclass(frozen=True, slots=True)
class Numeric:
    """The numeric columns.

    Attributes:
        columns: their 0-based indices.
        grouping: the thousands separator of every column of the file, as in `molvae.corpus.numbers.number`.
        codes: those of `columns` that hold codes such as 007.
        examples: those of `columns` with thousands separators, and one text of each.
    """

    columns: tuple[int, ...]
    grouping: tuple[str, ...]
    codes: tuple[int, ...]
    examples: tuple[tuple[int, str], ...]

    def describe(self, names: Sequence[str]) -> str:
        """The end of a sentence about thousands separators; "" if there are none."""
        if not self.examples:
            return ""
        index, text = self.examples[0]
        more = f", and so in {pluralize(len(self.examples) - 1, 'further column')}" if len(self.examples) > 1 else ""
        return f"; {text} in {names[index]!r} is {number(text, self.grouping[index]):.15g}{more}"


@dataclass(frozen=True, slots=True)
class _Trial:
    parsed: int
    total: int
    score: float


def looks_like_smiles(text: str) -> bool:
    """Whether a text consists of SMILES symbols and has an atom; it need not be a valid molecule."""
    return _LEXICAL.fullmatch(text) is not None and any(letter.isalpha() or letter == "*" for letter in text)


def is_smiles_name(name: str) -> bool:
    """Whether a column name means SMILES, ignoring case, spaces, '-' and '_'."""
    plain = plain_name(name)
    return plain in _NAMES or ("smiles" in plain and len(plain) < 40)


def numeric_columns(samples: Sequence[Sequence[str]], delimiter: str, *, without: int | None) -> Numeric:
    """Find the columns in which at least nine of ten non-empty values are numbers, and how they are written.

    Args:
        samples: values of each column.
        delimiter: the delimiter of the file; "" if there is none.
        without: the index of a column to skip, the SMILES.
    """
    signs = tuple(grouping(sample, delimiter) for sample in samples)
    found = []
    for index, (sample, sign) in enumerate(zip(samples, signs, strict=True)):
        values = [value for value in sample if not is_missing(value)]
        numbers = sum(not math.isnan(number(value, sign)) for value in values)
        if index != without and numbers and numbers >= _NUMERIC_SHARE * len(values):
            found.append(index)
    examples = [(index, grouped_example(samples[index], signs[index])) for index in found]
    codes = tuple(index for index in found if any(map(is_code, samples[index])))
    return Numeric(tuple(found), signs, codes, tuple((index, text) for index, text in examples if text))


def choose(names: Sequence[str] | None, samples: Sequence[Sequence[str]]) -> Choice | None:
    """Choose the SMILES column: by its name if its values are SMILES, or else by its values.

    Args:
        names: the names of the columns; None without a header.
        samples: values of each column.

    Returns:
        The choice; None if no column holds SMILES.
    """
    trials = [_tried(sample) for sample in samples]
    by_name = [index for index in _by_name(names or ()) if index < len(trials)]
    top = max((trial.score for trial in trials), default=0.0)
    for index in by_name:
        trial = trials[index]
        # 'compound' may hold ids that parse, and 'scaffold_smiles' few distinct values: prefer a much better column.
        outdone = plain_name((names or ())[index]) != "smiles" and top > _MUCH_BETTER * trial.score
        if trial.total and trial.parsed >= _SMILES_SHARE * trial.total and not outdone:
            return Choice(index, f"by name: {_share(trial)}", 1 + trial.parsed / trial.total)
    likely = [
        index for index, trial in enumerate(trials) if trial.total and trial.parsed >= _SMILES_SHARE * trial.total
    ]
    if likely:
        best = max(likely, key=lambda index: trials[index].score)
        return Choice(best, f"by content: {_share(trials[best])}", trials[best].score)
    for index in by_name:
        if trials[index].parsed or not trials[index].total:
            return Choice(index, f"by name, but only {_share(trials[index])}", 0.1)
    return None


def resolve(wanted: str | int, names: Sequence[str], where: str) -> int:
    """Find the column that the user requests.

    Args:
        wanted: a name, exact or else ignoring case; or a number from 1, as int or as text.
        names: the names of the columns.
        where: the file, for the message.

    Returns:
        The 0-based index.

    Raises:
        InputError: there is no such column; the message lists the columns.
    """
    if isinstance(wanted, str):
        folded = [name.casefold() for name in names]
        if wanted in names:
            return list(names).index(wanted)
        if wanted.strip().casefold() in folded:
            return folded.index(wanted.strip().casefold())
    try:
        position = int(wanted)
    except ValueError:
        position = 0
    if 1 <= position <= len(names):
        return position - 1
    shown = ", ".join(f"{place} {name!r}" for place, name in enumerate(names[:20], start=1))
    more = f", and {len(names) - 20} more" if len(names) > 20 else ""
    raise InputError(f"{where} has no column {wanted!r}; its columns, numbered from 1, are {shown}{more}")


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Make column names distinct: an empty one becomes column_3, a second 'x' becomes x_2."""
    taken: Counter[str] = Counter()
    result: list[str] = []
    for place, name in enumerate(names, start=1):
        base = name.strip() or f"column_{place}"
        taken[base] += 1
        fresh = base if taken[base] == 1 else f"{base}_{taken[base]}"
        while fresh in result:
            taken[base] += 1
            fresh = f"{base}_{taken[base]}"
        result.append(fresh)
    return tuple(result)


def alike(name: str, columns: Sequence[str]) -> list[str]:
    """The columns whose names contain a text, ignoring case."""
    return [column for column in columns if name.strip().casefold() in column.casefold()]


def plain_name(name: str) -> str:
    """A name without case, spaces and punctuation, to compare it."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _by_name(names: Sequence[str]) -> list[int]:
    plain = [plain_name(name) for name in names]
    known = [plain.index(name) for name in _NAMES if name in plain]
    return known + [index for index, name in enumerate(names) if index not in known and is_smiles_name(name)]


def _tried(sample: Sequence[str]) -> _Trial:
    values = [without_extension(value.strip()) for value in sample if not is_missing(value)][:SAMPLE]
    if not values:
        return _Trial(0, 0, 0.0)
    with quiet_rdkit():
        good = [value for value in values if looks_like_smiles(value) and parse(value) is not None]
    if not good:
        return _Trial(0, len(values), 0.0)
    length = min(1.0, sum(map(len, good)) / len(good) / _TYPICAL_LENGTH)
    variety = len(set(good)) / len(good)
    return _Trial(len(good), len(values), len(good) / len(values) * length * (1 + variety) / 2)


def _share(trial: _Trial) -> str:
    return f"{trial.parsed} of {trial.total} values parse"
