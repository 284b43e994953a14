"""From the rows of a table to distinct molecules in standard form, with an account of every row.

Knows what is kept, merged and rejected; does not know how files are read (`reading`) or made into batches.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import cache, partial
from itertools import islice
from pathlib import Path

from rdkit import Chem

from molvae.chem.molecules import count_heavy_atoms
from molvae.chem.standard import Reason, Rejection, standardize_all
from molvae.chem.workers import map_chunks
from molvae.config import CleanConfig
from molvae.corpus.cleaning_report import Corpus, Counts, Ledger, rejection_report
from molvae.corpus.formats import UNREADABLE_BLOCK
from molvae.corpus.numbers import is_missing
from molvae.corpus.reading import Chunk, Table
from molvae.corpus.tokenizer import bracket_atoms, count_tokens, scan
from molvae.errors import ConfigError, InputError, TokenError

__all__ = ["Corpus", "Counts", "allowed_elements", "clean", "clean_smiles"]

_SYMBOL = re.compile(r"(?:\[\d*)?([A-Z][a-z]?|[a-z]{1,2})")  # [nH] and Cl and [13CH3]; two small letters are [se]

_ORGANIC = frozenset({"B", "C", "N", "O", "P", "S", "F", "Cl", "Br", "I"})

# Small enough that the last chunks keep all workers busy, large enough that the pipes cost nothing.
_ROWS_PER_TASK = 1_000


def clean(
    table: Table,
    config: CleanConfig | None = None,
    *,
    rejected: Path | None = None,
    workers: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Corpus:
    """Read a table and keep its distinct molecules.

    Every row is kept or stands in the rejection report, duplicates as "duplicate of row N". The result does not
    depend on the number of workers.

    Args:
        table: from `open_table`.
        config: None takes the defaults. Hydrogen is allowed whatever its `elements`.
        rejected: a CSV file to write (columns row, text, reason), as the rows come; None writes none.
        workers: processes; None takes all usable cores, and none for a small table.
        on_progress: is told the number of rows done so far, about every thousand rows.

    Raises:
        InputError: no row holds a usable molecule (the message names the commonest reasons), the file breaks off, or
            `rejected` cannot be written.
        ConfigError: `config.elements` names what is no element.
    """
    chunks, names = table.chunks(_ROWS_PER_TASK), table.numeric_columns
    return _cleaned(chunks, names, table.name, config, rejected, workers, on_progress)


def clean_smiles(
    smiles: Iterable[str | None],
    config: CleanConfig | None = None,
    *,
    rejected: Path | None = None,
    workers: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Corpus:
    """Keep the distinct molecules of a list; as `clean`, with the place in the list, from 1, as row number.

    Args:
        smiles: texts; what is not a string (None, NaN) counts as empty.

    Raises:
        InputError: as in `clean`, and for one string in the place of a list.
        ConfigError: as in `clean`.

    >>> corpus = clean_smiles(["OCC", "CCO", "C1CC", "[Na+].CC(=O)[O-]"])
    >>> corpus.smiles, corpus.counts.describe()
    (['CCO', 'CC(=O)O'], '4 rows: 2 kept, 1 duplicate, 1 rejected (not valid SMILES 1)')
    """
    if isinstance(smiles, str):
        raise InputError(f"a list of SMILES is needed, not the single text {smiles[:40]!r}")
    return _cleaned(_listed(smiles), (), "the list of SMILES", config, rejected, workers, on_progress)


def _listed(smiles: Iterable[str | None]) -> Iterator[Chunk]:
    texts = (one if isinstance(one, str) else "" if one is None else str(one) for one in smiles)
    done = 0
    while batch := list(islice(texts, _ROWS_PER_TASK)):
        yield Chunk(list(range(done + 1, done + 1 + len(batch))), batch, {})
        done += len(batch)


def _cleaned(
    chunks: Iterator[Chunk],
    names: tuple[str, ...],
    source: str,
    config: CleanConfig | None,
    rejected: Path | None,
    workers: int | None,
    on_progress: Callable[[int], None] | None,
) -> Corpus:
    waiting: deque[Chunk] = deque()

    def texts() -> Iterator[list[str]]:
        for chunk in chunks:
            waiting.append(chunk)
            yield chunk.smiles

    settings = config or CleanConfig()
    judge = partial(_judged, settings, allowed_elements(settings.elements))
    with rejection_report(rejected) as write, closing(map_chunks(judge, texts(), workers=workers)) as verdicts:
        ledger = Ledger(names, write)
        for verdict in verdicts:
            ledger.enter(waiting.popleft(), verdict)
            if on_progress is not None:
                on_progress(ledger.rows)
    return ledger.close(source)


def allowed_elements(elements: str) -> frozenset[str] | None:
    """The symbols of `CleanConfig.elements`, hydrogen always among them; None allows all.

    Raises:
        ConfigError: what is no element.
    """
    if elements.strip().lower() == "any":
        return None
    symbols = [symbol.strip() for symbol in elements.split(",")]
    known = {Chem.GetPeriodicTable().GetElementSymbol(place) for place in range(1, 119)}
    for symbol in symbols:
        if symbol not in known:
            raise ConfigError(f"elements: {symbol!r} is not the symbol of an element; write 'C,N,O,Cl', or 'any'")
    return frozenset(symbols) | {"H"}


def _judged(config: CleanConfig, allowed: frozenset[str] | None, texts: list[str]) -> list[str | Rejection]:
    forms: list[str | Rejection | None] = [_unread(text) for text in texts]
    wanted = [text for text, form in zip(texts, forms, strict=True) if form is None]
    standard = iter(standardize_all(wanted, stereo=config.stereo, neutralize=config.neutralize))
    return [_verdict(config, allowed, next(standard) if form is None else form) for form in forms]


def _unread(text: str) -> Rejection | None:
    if text.startswith(UNREADABLE_BLOCK):
        return Rejection(Reason.MOL_BLOCK)
    return Rejection(Reason.EMPTY) if is_missing(text) else None


def _verdict(config: CleanConfig, allowed: frozenset[str] | None, form: str | Rejection) -> str | Rejection:
    if isinstance(form, Rejection):
        return form
    # What the standard form took has one heavy atom at least.
    if config.min_heavy_atoms > 1 and (atoms := count_heavy_atoms(form)) < config.min_heavy_atoms:
        return Rejection(Reason.TOO_SHORT, f"{atoms} heavy atoms, of at least {config.min_heavy_atoms}")
    try:
        length = count_tokens(form)
    except TokenError as error:
        return Rejection(Reason.TOKEN, error.reason)
    if allowed is not None and (strange := _strange_elements(form, allowed)):
        return Rejection(Reason.ELEMENT, ", ".join(sorted(strange)))
    if length > config.max_length:
        return Rejection(Reason.TOO_LONG, f"{length} tokens, of at most {config.max_length}")
    return form


def _strange_elements(smiles: str, allowed: frozenset[str]) -> set[str]:
    # Other elements than the organic ones stand in brackets.
    tokens = bracket_atoms(smiles) if allowed >= _ORGANIC else set(scan(smiles))
    return {symbol for token in tokens if (symbol := _element(token)) and symbol not in allowed}


@cache
def _element(token: str) -> str:
    match = _SYMBOL.match(token)
    return match[1].capitalize() if match is not None else ""
