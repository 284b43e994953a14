"""Laws of the tokenizer: nothing is dropped, ids are stable, errors point."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molvae import ModelError, SmilesTokenizer, TokenError
from molvae.corpus.tokenizer import SPECIAL_TOKENS, bracket_atoms, count_tokens, scan
from tests.conftest import SMILES

TABLE = [
    ("CCO", ["C", "C", "O"]),
    ("ClCBr", ["Cl", "C", "Br"]),
    ("C[C@@H](N)O", ["C", "[C@@H]", "(", "N", ")", "O"]),
    (r"F/C=C\F", ["F", "/", "C", "=", "C", "\\", "F"]),
    ("C%12CC%12", ["C", "%12", "C", "C", "%12"]),
    ("C%(123)C", ["C", "%(123)", "C"]),
    ("[13CH4].[Na+]", ["[13CH4]", ".", "[Na+]"]),
    ("c1[nH]cc1", ["c", "1", "[nH]", "c", "c", "1"]),
    ("N->[Pt]", ["N", "->", "[Pt]"]),
    ("C:C~C$C#N", ["C", ":", "C", "~", "C", "$", "C", "#", "N"]),
    ("[Sc]", ["[Sc]"]),
    ("*C", ["*", "C"]),
    ("CnBr", ["C", "n", "Br"]),
    ("", []),
]
PIECES = st.sampled_from(sorted({token for _, tokens in TABLE for token in tokens}))


def test_tokens_of():
    for smiles, tokens in TABLE:
        assert scan(smiles) == tokens


@given(st.lists(PIECES))
def test_scan_is_lossless_and_decode_inverts_encode(pieces):
    smiles = "".join(pieces)
    tokenizer = SmilesTokenizer.from_smiles([smiles for smiles, _ in TABLE])
    assert "".join(scan(smiles)) == smiles == tokenizer.decode(tokenizer.encode(smiles))


@given(st.text(max_size=150))
def test_any_text_is_scanned_whole_or_refused_with_the_place(text):
    try:
        assert "".join(scan(text)) == text
    except TokenError as error:
        assert "".join(scan(text[: error.position])) == text[: error.position]
        shown = "".join(one if one.isprintable() else "?" for one in text)
        assert str(error).endswith(f"\n  {shown}\n  {' ' * error.position}^")


@given(st.integers(0, 5_000), st.integers(0, 5_000))
def test_of_a_long_text_what_surrounds_the_bad_character_is_shown(before, behind):
    text = "C" * before + "?" + "C" * behind
    with pytest.raises(TokenError) as caught:
        scan(text)
    _, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^")] == "?" and len(shown) < 420 and caught.value.smiles == text


def test_an_invalid_or_unknown_token_is_named_with_a_caret_under_it():
    invalid = [("CC?O", 2), ("C[Na", 1), ("Cx", 1), ("C%1", 1), ("CC C", 2), ("é", 0), ("C[]", 1)]
    tokenizer = SmilesTokenizer.from_smiles(["CCO"])
    for smiles, position in [*invalid, ("CC[Se]O", 2)]:
        with pytest.raises(TokenError) as caught:
            tokenizer.encode(smiles)
        assert caught.value.position == position
        assert str(caught.value).endswith(f"\n  {smiles}\n  {' ' * position}^")
    assert "'[Se]' is not in the vocabulary" in str(caught.value)


TEXT = st.one_of(
    st.lists(PIECES, max_size=12).map("".join),
    st.text(alphabet="CBcnlr[]()%12->*\n\r\0é@H", max_size=8),
)


@given(TEXT)
def test_tokens_are_counted_as_they_are_scanned(text):
    try:
        tokens = scan(text)
    except TokenError as error:
        with pytest.raises(TokenError) as caught:
            count_tokens(text)
        assert caught.value.position == error.position
    else:
        assert count_tokens(text) == len(tokens)
        assert bracket_atoms(text) == {token for token in tokens if token.startswith("[")}


@given(st.lists(TEXT, max_size=6), st.lists(TEXT, max_size=6), st.integers(1, 4))
def test_many_are_encoded_as_one_by_one(known, smiles, at_once):
    known = [one for one in known if is_scanned(one)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("molvae.corpus.tokenizer._AT_ONCE", at_once)
        tokenizer = SmilesTokenizer.from_smiles([*known, *(smiles for smiles, _ in TABLE)])
        assert set(tokenizer.tokens[4:]) == {token for one in known for token in scan(one)} | {
            token for _, tokens in TABLE for token in tokens
        }
        try:
            rows = [[tokenizer.bos_id, *tokenizer.encode(one), tokenizer.eos_id] for one in smiles]
        except TokenError as error:
            with pytest.raises(TokenError) as caught:
                tokenizer.encode_all(smiles)
            assert str(caught.value) == str(error)
            return
        ids, lengths = tokenizer.encode_all(smiles)
    assert (ids.dtype, lengths.dtype) == (np.uint16, np.int64)
    assert lengths.tolist() == [*map(len, rows)]
    assert ids.tolist() == [index for row in rows for index in row]


def is_scanned(text: str) -> bool:
    try:
        scan(text)
    except TokenError:
        return False
    return True


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_the_vocabulary_refuses_what_scan_refuses(smiles):
    if all(map(is_scanned, smiles)):
        SmilesTokenizer.from_smiles(smiles)
    else:
        first = next(one for one in smiles if not is_scanned(one))
        with pytest.raises(TokenError) as caught:
            SmilesTokenizer.from_smiles(smiles)
        assert caught.value.smiles == first


def test_line_ends_are_no_way_around_the_vocabulary():
    tokenizer = SmilesTokenizer.from_smiles(["[\n\r]", "CO"])
    assert tokenizer.encode_all(["[\n\r]", "CO"])[1].tolist() == [3, 4]
    for smiles in (["C\n\rC", "O"], ["C\n\rC[", "]O"], ["C\n", "O"], ["C", "\rO"]):
        with pytest.raises(TokenError):
            tokenizer.encode_all(smiles)


def test_ids_are_stable():
    assert SmilesTokenizer.from_smiles(SMILES) == SmilesTokenizer.from_smiles(SMILES[::-1] * 2)
    tokenizer = SmilesTokenizer.from_smiles(["c1ccccc1Cl", "CCO"])
    assert tokenizer.tokens == (*SPECIAL_TOKENS, "1", "C", "Cl", "O", "c")
    assert (tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id, tokenizer.mask_id) == (0, 1, 2, 3)
    with pytest.raises(TypeError):
        tokenizer.ids["N"] = 9
    old = SmilesTokenizer.from_smiles(["CCO"])
    new = old.grow(["CN", "CBr", "CO"])
    assert new.tokens == (*old.tokens, "Br", "N")
    assert old.grow(["OC"]) is old


def test_decode_stops_at_the_end_and_skips_special_tokens():
    tokenizer = SmilesTokenizer.from_smiles(["CO"])
    c, o = tokenizer.encode("CO")
    assert tokenizer.decode([1, c, 3, o, 2, c, 0]) == "CO"


def test_json():
    tokenizer = SmilesTokenizer.from_smiles(SMILES)
    assert SmilesTokenizer.from_json(tokenizer.to_json()) == tokenizer
    contents = [["C"], [*SPECIAL_TOKENS, 7], [*SPECIAL_TOKENS, "C", "C"], None]
    texts = [json.dumps({"format": "molvae-tokenizer/1", "tokens": tokens}) for tokens in contents]
    for text in ["", "[]", "{}", json.dumps({"format": "other", "tokens": [*SPECIAL_TOKENS, "C"]}), *texts]:
        with pytest.raises(ModelError):
            SmilesTokenizer.from_json(text)
