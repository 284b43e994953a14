"""Open the bytes of a table: a file, a pipe or standard input, gzipped or not; detect the encoding."""

from __future__ import annotations

import codecs
import difflib
import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from molvae.errors import InputError

__all__ = ["HEAD_BYTES", "Source"]

HEAD_BYTES = 1 << 20
"""Size of the head of a table that is examined before reading: enough for hundreds of rows."""

_MAX_LINE = 1 << 24
_MAX_IN_MEMORY = 1 << 30

_GZIP = b"\x1f\x8b"
_FOREIGN = (
    (b"PK\x03\x04", "is a zip archive or an Excel workbook; save the sheet as CSV, or unzip it, and give that file"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook; save the sheet as CSV and give that file"),
    (b"%PDF", "is a PDF; give a table (csv, tsv, smi, sdf or parquet)"),
    (b"BZh", "is compressed with bzip2; decompress it, or compress it with gzip"),
    (b"\xfd7zXZ", "is compressed with xz; decompress it, or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd; decompress it, or compress it with gzip"),
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1a\x1b")


def _latin_1(error: UnicodeError) -> tuple[str, int]:
    # An invalid byte after the head must not end a long run; in such files it is nearly always Latin-1.
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("molvae-latin-1", _latin_1)


class _Replay(io.RawIOBase):
    """A stream that first returns the head that was already read from it."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        piece = self._head[: len(view)] or self._rest.read(len(view))
        self._head = self._head[len(piece) :]
        view[: len(piece)] = piece
        return len(piece)


class Source:
    """The decompressed bytes of one table.

    A file can be opened many times, a pipe and standard input only once.

    Args:
        path: a file, or "-" for standard input.

    Attributes:
        name: a printable name for messages.
        suffix: the extension in lower case, without .gz; "" for standard input.
        head: the first `HEAD_BYTES` decompressed bytes.
        encoding, encoding_name, errors: how to decode text.

    Raises:
        InputError: it is missing, a folder, unreadable, empty, truncated, or not a table.
    """

    def __init__(self, path: str | Path) -> None:
        if "\0" in str(path):
            raise InputError(f"{str(path)!r} cannot be the name of a file")
        self._stdin = str(path) == "-"
        self._path = Path(path)
        # Bytes of a name that are not UTF-8 cannot be encoded in messages and files: replace them.
        name = os.fsencode(self._path.name or str(path)).decode("utf-8", "replace")
        self.name = "standard input" if self._stdin else name
        suffixes = [] if self._stdin else [one.lower() for one in self._path.suffixes]
        self._named_gzip = suffixes[-1:] == [".gz"]
        self.suffix = "".join((suffixes[:-1] if self._named_gzip else suffixes)[-1:])
        self._is_gzip = False
        self._single: BinaryIO | None = None
        self._pipe: BinaryIO | None = None
        self._contents: bytes | None = None
        with self._errors():
            self.head = self._read_head()
        self._check_kind()
        self.encoding, self.encoding_name, self.errors = _encoding(self.head)

    @property
    def is_parquet(self) -> bool:
        """Whether it begins like a Parquet file."""
        return self.head.startswith(b"PAR1")

    @property
    def file(self) -> Path | None:
        """The file if it can be read again; None for a pipe and standard input."""
        return None if self._stdin or not self._path.is_file() else self._path

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open it at its beginning.

        Raises:
            InputError: it can be read only once and was read before, or reading fails inside the block.
        """
        with self._errors():
            if self._is_stream():
                if self._single is None:
                    raise InputError(f"{self.name} can be read only once; save it to a file and give that")
                stream, self._single = self._single, None
                try:
                    yield stream
                finally:
                    if self._pipe is not None:
                        self._pipe.close()
            else:
                with self._path.open("rb") as file:
                    yield self._decompressed(file)

    @contextmanager
    def lines(self, newline: str | None = "") -> Iterator[Iterator[str]]:
        """Open it at its beginning as lines of text with line ends; `newline` as in the built-in `open`.

        Raises:
            InputError: as in `open`, or a line is too long.
        """
        with self.open() as raw, io.TextIOWrapper(raw, self.encoding, self.errors, newline=newline) as text:
            yield self._bounded(text)

    def _bounded(self, text: io.TextIOWrapper) -> Iterator[str]:
        """The lines; one that is too long raises an error, because a small gzip file can unpack to gigabytes."""
        number = 0
        while line := text.readline(_MAX_LINE + 1):
            number += 1
            if len(line) > _MAX_LINE:
                raise InputError(f"{self.name}, line {number}: it has more than {_MAX_LINE:,} characters")
            yield line

    @contextmanager
    def seekable(self) -> Iterator[BinaryIO]:
        """Open it as a seekable file, any number of times; a pipe or a gzipped file is read into memory.

        Raises:
            InputError: as in `open`, or it needs too much memory.
        """
        if self.file is not None and not self._is_gzip:
            with self._errors(), self.file.open("rb") as file:
                yield file
            return
        if self._contents is None:
            with self.open() as stream:
                contents = stream.read(_MAX_IN_MEMORY + 1)
            if len(contents) > _MAX_IN_MEMORY:
                raise InputError(
                    f"{self.name} unpacks to more than {_MAX_IN_MEMORY >> 20:,} MB; unpack it to a file and give that"
                )
            self._contents = contents if self._is_stream() else None
        else:
            contents = self._contents
        yield io.BytesIO(contents)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn errors of reading bytes into an `InputError`."""
        try:
            yield
        except FileNotFoundError as error:
            raise InputError(f"{self._path} does not exist{self._suggestion()}") from error
        except IsADirectoryError as error:
            raise InputError(f"{self._path} is a folder; give a file") from error
        except PermissionError as error:
            raise InputError(f"{self._path} cannot be read: permission denied; change its permissions") from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(
                f"{self.name} is gzipped, but damaged or cut off ({error}); fetch or compress it again"
            ) from error
        except OSError as error:
            raise InputError(f"{self._path} cannot be read: {error.strerror or error}") from error

    def _is_stream(self) -> bool:
        return self._stdin or (self._path.exists() and not self._path.is_file() and not self._path.is_dir())

    def _decompressed(self, raw: BinaryIO) -> BinaryIO:
        magic = raw.read(2)
        self._is_gzip = magic == _GZIP
        replayed = io.BufferedReader(_Replay(magic, raw))
        if magic == _GZIP:
            return io.BufferedReader(gzip.GzipFile(fileobj=replayed))
        if self._named_gzip and magic:
            raise InputError(f"{self.name} is named .gz but is not gzipped; remove .gz from its name")
        return replayed

    def _read_head(self) -> bytes:
        if not self._is_stream():
            with self._path.open("rb") as file:
                return self._decompressed(file).read(HEAD_BYTES)
        if not self._stdin:
            self._pipe = self._path.open("rb")
        elif sys.stdin is None:
            raise InputError("standard input is closed; give a file")
        stream = self._decompressed(self._pipe or sys.stdin.buffer)
        head = stream.read(HEAD_BYTES)
        self._single = io.BufferedReader(_Replay(head, stream))
        return head

    def _check_kind(self) -> None:
        if not self.head.strip(b" \t\r\n\x00\xef\xbb\xbf\xff\xfe"):
            raise InputError(f"{self.name} is empty")
        for magic, remedy in _FOREIGN:
            if self.head.startswith(magic):
                raise InputError(f"{self.name} {remedy}")
        if self.is_parquet or self.head.startswith(tuple(mark for mark, *_ in _BYTE_ORDER_MARKS)):
            return
        sample = self.head[:4096]
        # Of random bytes one in ten is a control character; a text may contain a few.
        if sum(byte in _CONTROLS for byte in sample) > 4 + len(sample) // 20:
            raise InputError(f"{self.name} is a binary file; give a table (csv, tsv, smi, sdf or parquet)")

    def _suggestion(self) -> str:
        try:
            there = [one.name for one in self._path.parent.iterdir()]
        except OSError:
            return ""
        close = difflib.get_close_matches(self._path.name, there, n=1)
        return f"; did you mean {self._path.with_name(close[0])}?" if close else ""


def _encoding(head: bytes) -> tuple[str, str, str]:
    for mark, codec, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return codec, name, "molvae-latin-1" if codec == "utf-8-sig" else "replace"
    try:
        # Incremental, because the head may end inside a character.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "latin-1", "Latin-1 (it is not valid UTF-8)", "strict"
    return "utf-8", "UTF-8", "molvae-latin-1"
