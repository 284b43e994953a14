"""Convert between SMILES, tokens and token ids.

A token is an atom (``C``, ``Cl``, ``[nH]``), a bond, a branch or a ring closure. The joined tokens of a SMILES are the
SMILES again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import islice
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from molvae.errors import ModelError, TokenError

__all__ = ["SPECIAL_TOKENS", "SmilesTokenizer", "bracket_atoms", "count_tokens", "element_of", "scan"]

SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>", "<mask>")
"""The first four tokens of every vocabulary: padding, start, end, and the mask of token dropout."""

_FORMAT = "molvae-tokenizer/1"

# OpenSMILES (Craig A. James et al., 2016), http://opensmiles.org/opensmiles.html, section 3, and RDKit's dative bonds
# and ring closures of more than two digits.
_TOKEN = re.compile(
    r"\[[^\[\]]+\]"  # bracket atom
    r"|Br|Cl|[BCNOPSFIbcnops*]"  # organic subset
    r"|->|<-|[-=#$:~/\\.()]"  # bonds, dot, branches
    r"|%\(\d+\)|%\d\d|\d"  # ring closures
)
# Tokens of several characters. None contains a line break, so that many SMILES can be tokenized as one text.
_LONG = re.compile(r"\[[^\[\]\r\n]+\]|Br|Cl|->|<-|%\(\d+\)|%\d\d")
_SHORT = frozenset("BCNOPSFIbcnops*-=#$:~/\\.()0123456789")
_AT_ONCE = 10_000  # molecules that are tokenized together: fast, and little memory
_FIRST_LETTER = 1 << 16  # long tokens are replaced by single characters from this code point on
_UNKNOWN = (1 << 16) - 1

_SYMBOL = re.compile(r"(?:\[\d*)?([A-Z][a-z]?|[a-z]{1,2})")
_BRACKET = re.compile(r"\[[^\[\]]+\]")
# Tokens of one character, and Cl and Br, which are counted by their second; bracket atoms are replaced by '*'.
_COUNTABLE = re.compile(r"(?:[NOPSFIbcnops*0-9()=#$:~/\\.-]++|Cl?|Br?)*+")


def scan(smiles: str) -> list[str]:
    r"""Split a SMILES into its tokens; ``"".join(scan(s)) == s`` for every string that is accepted.

    Args:
        smiles: a text of SMILES symbols; it need not be a valid molecule.

    Raises:
        TokenError: a character does not begin a SMILES token.

    >>> scan(r"F/C=C\Cl")
    ['F', '/', 'C', '=', 'C', '\\', 'Cl']
    """
    tokens: list[str] = _TOKEN.findall(smiles)
    if sum(map(len, tokens)) != len(smiles):
        position = _first_gap(smiles)
        raise TokenError(smiles, position, f"{smiles[position]!r} begins no SMILES token")
    return tokens


def count_tokens(smiles: str) -> int:
    """The number of tokens of a SMILES: `len(scan(smiles))`, five times faster.

    Raises:
        TokenError: as `scan`.

    >>> count_tokens("C[C@H](N)Cl")
    6
    """
    text = _BRACKET.sub("*", smiles) if "[" in smiles else smiles
    if _COUNTABLE.fullmatch(text) is None:
        return len(scan(smiles))
    return len(text) - text.count("l") - text.count("r")


def bracket_atoms(smiles: str) -> set[str]:
    """The distinct bracket atoms among the tokens of a SMILES."""
    return set(_BRACKET.findall(smiles)) if "[" in smiles else set()


@cache
def element_of(token: str) -> str:
    """The symbol of the element of an atom token, aromatic or not; "" for another token.

    >>> [element_of(token) for token in ("[nH]", "Cl", "[13CH3]", "[se]", "=")]
    ['N', 'Cl', 'C', 'Se', '']
    """
    match = _SYMBOL.match(token)
    return match[1].capitalize() if match is not None else ""


def _first_gap(smiles: str) -> int:
    end = 0
    for match in _TOKEN.finditer(smiles):
        if match.start() != end:
            break
        end = match.end()
    return end


class SmilesTokenizer:
    """An immutable vocabulary of tokens with ids.

    Ids 0 to 3 are `SPECIAL_TOKENS`; the other tokens follow in the given order. `from_smiles` sorts tokens by code
    point, so the order of the molecules does not matter. `grow` appends tokens, so old ids stay valid.

    Args:
        tokens: the distinct tokens without the special ones, in the order of their ids.

    >>> tokenizer = SmilesTokenizer.from_smiles(["CCO", "c1ccccc1Cl"])
    >>> tokenizer.tokens
    ('<pad>', '<bos>', '<eos>', '<mask>', '1', 'C', 'Cl', 'O', 'c')
    >>> tokenizer.decode(tokenizer.encode("OCc1ccccc1"))
    'OCc1ccccc1'
    """

    pad_id, bos_id, eos_id, mask_id = range(4)

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens: tuple[str, ...] = (*SPECIAL_TOKENS, *tokens)
        ids = {token: index for index, token in enumerate(self.tokens)}
        if len(ids) != len(self.tokens):
            raise ModelError("the vocabulary contains a token twice")
        self.ids: Mapping[str, int] = MappingProxyType(ids)

    @classmethod
    def from_smiles(cls, smiles: Iterable[str]) -> SmilesTokenizer:
        """The vocabulary of all tokens in `smiles`, sorted by code point.

        Raises:
            TokenError: a string is not a sequence of SMILES tokens.
        """
        return cls(sorted(_distinct(smiles)))

    def grow(self, smiles: Iterable[str]) -> SmilesTokenizer:
        """This vocabulary with the new tokens of `smiles` appended, sorted by code point; self if there are none."""
        new = sorted(_distinct(smiles) - self.ids.keys())
        return SmilesTokenizer((*self._own, *new)) if new else self

    def encode(self, smiles: str) -> list[int]:
        """The ids of the tokens of one SMILES, without special tokens.

        Raises:
            TokenError: a token is invalid or not in the vocabulary; the message points at it.
        """
        tokens = scan(smiles)
        try:
            return [self.ids[token] for token in tokens]
        except KeyError:
            bad = str(self.unknown(tokens))
            position = sum(map(len, tokens[: tokens.index(bad)]))
            strange = self.unknown_element(bad)
            why = f"it knows no {strange}" if strange else f"these are {', '.join(self._own)}"
            reason = f"the token {bad!r} is not in the vocabulary of this model: {why}"
            raise TokenError(smiles, position, reason) from None

    def unknown(self, tokens: Iterable[str]) -> str | None:
        """The first unknown token; one of an unknown element goes before others. None if all are known."""
        bad = [token for token in tokens if token not in self.ids]
        return next(filter(self.unknown_element, bad), bad[0] if bad else None)

    def unknown_element(self, token: str) -> str:
        """The element of a token if no token of the vocabulary has it; else ""."""
        symbol = element_of(token)
        return "" if symbol in self._elements else symbol

    @cached_property
    def _elements(self) -> frozenset[str]:
        return frozenset(map(element_of, self._own))

    def encode_all(self, smiles: Sequence[str]) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
        """The concatenated ids of many SMILES, each between start and end token; and their lengths.

        Raises:
            TokenError: as in `encode`, for the first SMILES with an invalid or unknown token.
        """
        parts = [self._encode_some(smiles[at : at + _AT_ONCE]) for at in range(0, len(smiles), _AT_ONCE)]
        ids = np.concatenate([np.empty(0, np.uint16), *(part[0] for part in parts)])
        return ids, np.concatenate([np.empty(0, np.int64), *(part[1] for part in parts)])

    def _encode_some(self, smiles: Sequence[str]) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
        letters, table = self._alphabet
        text = "\r" + "\n\r".join(smiles) + "\n"
        if text.isascii() and text.count("\n") == text.count("\r") == len(smiles):
            # Replace long tokens by single characters; a table then gives the id of every character.
            spelled = _LONG.sub(lambda match: letters.get(match[0], "\0"), text)
            ids = table[np.frombuffer(spelled.encode("utf-32-le"), dtype=np.uint32)]
            if not (ids == _UNKNOWN).any():
                return ids, np.diff(np.flatnonzero(ids == self.eos_id), prepend=-1)
        rows = [[self.bos_id, *self.encode(one), self.eos_id] for one in smiles]
        return np.array([index for row in rows for index in row], np.uint16), np.array([*map(len, rows)], np.int64)

    @cached_property
    def _alphabet(self) -> tuple[dict[str, str], NDArray[np.uint16]]:
        """A character for each long token, and a table from code points to ids."""
        table = np.full(_FIRST_LETTER + len(self), _UNKNOWN, dtype=np.uint16)
        table[ord("\r")], table[ord("\n")] = self.bos_id, self.eos_id
        letters = {}
        for token in self._own:
            if token in _SHORT:
                table[ord(token)] = self.ids[token]
            else:
                letters[token] = chr(_FIRST_LETTER + self.ids[token])
                table[_FIRST_LETTER + self.ids[token]] = self.ids[token]
        return letters, table

    def decode(self, ids: Iterable[int]) -> str:
        """The SMILES of a sequence of ids up to the first end token, without other special tokens."""
        text: list[str] = []
        for index in ids:
            if index == self.eos_id:
                break
            if index >= len(SPECIAL_TOKENS):
                text.append(self.tokens[index])
        return "".join(text)

    def to_json(self) -> str:
        """This vocabulary as JSON; `from_json` reads it again."""
        return json.dumps({"format": _FORMAT, "tokens": self.tokens}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> SmilesTokenizer:
        """The vocabulary of a JSON text from `to_json`.

        Raises:
            ModelError: the text is not such JSON.
        """
        try:
            data = json.loads(text)
            tokens = data["tokens"]
            ours = data["format"] == _FORMAT and tuple(tokens[:4]) == SPECIAL_TOKENS
        except (ValueError, KeyError, TypeError):
            ours = False
        if not ours or not all(isinstance(token, str) and token for token in tokens):
            raise ModelError(f"this is not a tokenizer of molvae (a JSON object with format {_FORMAT!r} and tokens)")
        return cls(tokens[4:])

    @cached_property
    def _own(self) -> tuple[str, ...]:
        return self.tokens[len(SPECIAL_TOKENS) :]

    def __len__(self) -> int:
        return len(self.tokens)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tokens)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SmilesTokenizer) and self.tokens == other.tokens

    def __hash__(self) -> int:
        return hash(self.tokens)

    def __repr__(self) -> str:
        return f"SmilesTokenizer({len(self)} tokens)"


def _distinct(smiles: Iterable[str]) -> set[str]:
    tokens: set[str] = set()
    rest = iter(smiles)
    while some := list(islice(rest, _AT_ONCE)):
        text = "\n".join(some)
        short = set(_LONG.sub("\n", text)) - {"\n"}
        if text.count("\n") == len(some) - 1 and short <= _SHORT:
            tokens.update(short, _LONG.findall(text))
        else:
            tokens.update(token for one in some for token in scan(one))
    return tokens
