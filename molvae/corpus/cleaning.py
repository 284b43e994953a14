"""Turn the rows of a table into distinct molecules in standard form; count and report every row that is not kept."""

from __future__ import annotations

import math
import os
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from molvae.chem.molecules import count_heavy_atoms
from molvae.chem.standard import Reason, Rejection, standardize_all
from molvae.chem.workers import map_chunks
from molvae.config import CleanConfig
from molvae.corpus.formats import UNREADABLE_BLOCK
from molvae.corpus.numbers import is_missing
from molvae.corpus.reading import Chunk, Table
from molvae.corpus.tokenizer import bracket_atoms, count_tokens, element_of, scan
from molvae.corpus.writing import csv_writer
from molvae.errors import ConfigError, InputError, TokenError, pluralize

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Corpus", "Counts", "allowed_elements", "clean", "clean_smiles", "write_report"]

_ORGANIC = frozenset({"B", "C", "N", "O", "P", "S", "F", "Cl", "Br", "I"})

_ROWS_PER_TASK = 1_000  # few enough to keep all workers busy at the end, enough to make transfers cheap


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of rows; `rows == kept + duplicates + sum(rejected.values())`.

    Attributes:
        rows: all rows read.
        kept: rows with a new molecule.
        duplicates: rows whose molecule occurred before.
        rejected: rejected rows by reason, most frequent first.
    """

    rows: int
    kept: int
    duplicates: int
    rejected: Mapping[str, int]

    def describe(self) -> str:
        """The numbers in one line."""
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in self.rejected.items())
        line = f"{pluralize(self.rows, 'row')}: {self.kept:,} kept, {pluralize(self.duplicates, 'duplicate')}"
        return f"{line}, {sum(self.rejected.values()):,} rejected" + (f" ({reasons})" if reasons else "")


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Distinct molecules and their properties.

    Attributes:
        smiles: N canonical SMILES, all distinct, in the order of their first rows.
        properties: N rows of the table's numeric columns (float64), aligned with `smiles`. If several rows hold the
            same molecule, the mean of their values; NaN if there is no value.
        counts: numbers of kept, duplicate and rejected rows.
    """

    smiles: list[str]
    properties: pd.DataFrame
    counts: Counts

    def __len__(self) -> int:
        return len(self.smiles)


def clean(
    table: Table,
    config: CleanConfig | None = None,
    *,
    rejected: Path | None = None,
    workers: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Corpus:
    """Read a table and keep its distinct molecules.

    Every row is either kept or listed in the rejection report; duplicates as "duplicate of row N". The result does not
    depend on the number of workers.

    Args:
        table: from `open_table`.
        config: None takes the defaults. Hydrogen is always allowed.
        rejected: a CSV file for the rejection report (columns row, text, reason); None writes none.
        workers: number of processes; None takes all usable cores, or one for a small table.
        on_progress: gets the number of rows done, about every thousand rows.

    Raises:
        InputError: no row holds a usable molecule (the message gives the most frequent reasons), the file is truncated,
            or `rejected` cannot be written.
        ConfigError: `config.elements` contains an unknown element.
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
    """Keep the distinct molecules of a list, as `clean` does for a table; row numbers are places in the list, from 1.

    Args:
        smiles: the texts; None counts as empty, other objects as their text.

    Raises:
        InputError: as in `clean`, and if `smiles` is a single string.
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
    judge = partial(_verdicts, settings, allowed_elements(settings.elements))
    with _rejection_report(rejected) as write, closing(map_chunks(judge, texts(), workers=workers)) as verdicts:
        builder = _CorpusBuilder(names, write)
        for chunk_verdicts in verdicts:
            builder.add(waiting.popleft(), chunk_verdicts)
            if on_progress is not None:
                on_progress(builder.rows)
    return builder.build(source)


def allowed_elements(elements: str) -> frozenset[str] | None:
    """The symbols of `CleanConfig.elements` and hydrogen; None allows all elements.

    Raises:
        ConfigError: a symbol is not an element.
    """
    if elements.strip().lower() == "any":
        return None
    symbols = [symbol.strip() for symbol in elements.split(",")]
    known = {Chem.GetPeriodicTable().GetElementSymbol(place) for place in range(1, 119)}
    for symbol in symbols:
        if symbol not in known:
            raise ConfigError(f"elements: {symbol!r} is not the symbol of an element; write 'C,N,O,Cl', or 'any'")
    return frozenset(symbols) | {"H"}


def _verdicts(config: CleanConfig, allowed: frozenset[str] | None, texts: list[str]) -> list[str | Rejection]:
    forms: list[str | Rejection | None] = [_unreadable(text) for text in texts]
    wanted = [text for text, form in zip(texts, forms, strict=True) if form is None]
    standard = iter(standardize_all(wanted, stereo=config.stereo, neutralize=config.neutralize))
    return [_verdict(config, allowed, next(standard) if form is None else form) for form in forms]


def _unreadable(text: str) -> Rejection | None:
    if text.startswith(UNREADABLE_BLOCK):
        return Rejection(Reason.MOL_BLOCK)
    return Rejection(Reason.EMPTY) if is_missing(text) else None


def _verdict(config: CleanConfig, allowed: frozenset[str] | None, form: str | Rejection) -> str | Rejection:
    if isinstance(form, Rejection):
        return form
    # A standard form has at least one heavy atom.
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
    # All elements outside the organic subset are in brackets.
    tokens = bracket_atoms(smiles) if allowed >= _ORGANIC else set(scan(smiles))
    return {symbol for token in tokens if (symbol := element_of(token)) and symbol not in allowed}


class _CorpusBuilder:
    """Collects the distinct molecules of a table, chunk by chunk in the order of the rows.

    Args:
        names: the numeric columns.
        write: gets the row number, text and reason of every row that is not kept.

    Attributes:
        rows: number of rows added.
    """

    def __init__(self, names: tuple[str, ...], write: Callable[[int, str, str], None]) -> None:
        self.rows = 0
        self._names = names
        self._write = write
        self._places: dict[str, int] = {}
        self._first_rows = array("q")
        self._merged = array("q")
        self._numbers: list[NDArray[np.float64]] = []
        self._rejected: Counter[Reason] = Counter()
        self._examples: dict[Reason, str] = {}

    def add(self, chunk: Chunk, verdicts: list[str | Rejection]) -> None:
        """Add the next rows, each with its canonical SMILES or the reason of rejection."""
        good = np.zeros(len(chunk), dtype=bool)
        for place, (row, text, verdict) in enumerate(zip(chunk.rows, chunk.smiles, verdicts, strict=True)):
            if isinstance(verdict, Rejection):
                self._reject(row, text, verdict)
            else:
                good[place] = True
                self._keep(row, text, verdict)
        self.rows += len(chunk)
        if self._names:
            self._numbers.append(np.stack([chunk.numbers[name][good] for name in self._names], axis=1))

    def _keep(self, row: int, text: str, smiles: str) -> None:
        place = self._places.setdefault(smiles, len(self._places))
        self._merged.append(place)
        if place == len(self._first_rows):
            self._first_rows.append(row)
        else:
            self._write(row, text, f"duplicate of row {self._first_rows[place]}")

    def _reject(self, row: int, text: str, rejection: Rejection) -> None:
        self._rejected[rejection.reason] += 1
        self._examples.setdefault(rejection.reason, f"row {row} {text[:40]!r}" if text.strip() else f"row {row}")
        self._write(row, text, str(rejection))

    def build(self, source: str) -> Corpus:
        """Return the corpus.

        Raises:
            InputError: no molecule was kept; the message names `source`.
        """
        if not self._places:
            raise InputError(self._no_molecule_message(source))
        kept = len(self._places)
        counts = {str(reason): count for reason, count in self._rejected.most_common()}
        return Corpus(
            list(self._places), self._properties(kept), Counts(self.rows, kept, len(self._merged) - kept, counts)
        )

    def _properties(self, kept: int) -> pd.DataFrame:
        import pandas as pd

        sums = np.zeros((kept, len(self._names)))
        present = np.zeros_like(sums)
        if self._names:
            places = np.frombuffer(self._merged, dtype=np.int64)
            values = np.concatenate(self._numbers)
            with np.errstate(over="ignore"):
                np.add.at(sums, places, np.nan_to_num(values))
            np.add.at(present, places, ~np.isnan(values))
        sums[present == 0] = math.nan
        return pd.DataFrame(sums / np.maximum(present, 1), columns=list(self._names))

    def _no_molecule_message(self, source: str) -> str:
        if not self.rows:
            return f"{source} holds no rows"
        reasons = "; ".join(
            f"{reason} {count:,} (first: {self._examples[reason]})" for reason, count in self._rejected.most_common(3)
        )
        return f"{source}: none of its {self.rows:,} rows is a usable molecule: {reasons}"


@contextmanager
def _rejection_report(path: Path | None) -> Iterator[Callable[[int, str, str], None]]:
    """Open a rejection report; yields a function that writes one row.

    Args:
        path: a CSV file, which is overwritten; None writes nothing.

    Raises:
        InputError: the file cannot be written, at any time.
    """
    if path is None:
        yield lambda row, text, reason: None
        return
    try:
        # Half a surrogate pair (possible in a list of texts) cannot be encoded: write it escaped.
        file = open(path, "w", encoding="utf-8", errors="backslashreplace", newline="", opener=_open)  # noqa: SIM115
    except OSError as error:
        raise _unwritable(path, error) from error
    writer = csv_writer(file)

    def write(*row: object) -> None:
        try:
            writer.writerow(row)
        except OSError as error:
            raise _unwritable(path, error) from error

    try:
        write("row", "text", "reason")
        yield write
        try:
            file.flush()
        except OSError as error:
            raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):  # the flush above reported it already
            file.close()


def _open(path: str, flags: int) -> int:
    return os.open(
        path, flags | getattr(os, "O_NONBLOCK", 0), 0o666
    )  # otherwise a pipe without a reader blocks forever


def write_report(path: Path, content: bytes) -> None:
    """Write the content of a rejection report.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        path.write_bytes(content)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"the rejection report {path} cannot be written: {error.strerror or error}")
