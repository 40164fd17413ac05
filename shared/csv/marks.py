"""One-byte marks for what is longer in the file, so that the fast engine can read it.

Arrow's reader wants one byte between fields and knows no escapes as databases write them.
Delimiters of several characters and escape sequences are replaced by control characters that do
not occur in the text; cells get their real content back after parsing, rejects their own text.
"""

import re
from dataclasses import dataclass
from functools import cached_property

from shared.csv.dialect import Dialect
from shared.errors import InvalidFileError

_SPARE = bytes([0x1F, 0x1E, 0x1D, 0x1C, *range(0x01, 0x09), *range(0x0E, 0x1C), 0x0B, 0x0C, 0x7F])
"""Control characters that mean nothing to a CSV reader; the separators of ASCII come first."""

ESCAPE_CODES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a"}
"""Source: MySQL 8.4 manual, LOAD DATA; PostgreSQL COPY text format knows them too, but not \\Z."""


@dataclass(frozen=True)
class Marks:
    """The delimiter and quote bytes of one block, and what each mark stands for."""

    delimiter: bytes
    quote: bytes
    """Empty when nothing is quoted."""
    written: tuple[tuple[bytes, bytes], ...] = ()
    """Pairs of mark and the text it replaces in the file, in the order of replacing."""
    meaning: tuple[tuple[bytes, bytes], ...] = ()
    """Pairs of mark and what it means inside a cell."""

    def encode(self, text: bytes) -> bytes:
        """Put marks into text."""
        for mark, original in self.written:
            text = text.replace(original, mark)
        return text

    def decode(self, text: bytes) -> bytes:
        """Return the text as it stands in the file."""
        for mark, original in reversed(self.written):
            text = text.replace(mark, original)
        return text

    def cell(self, text: bytes) -> bytes:
        """Return what a cell with marks in it means."""
        return self._pattern.sub(self._replacement, text) if self.meaning else text

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        return re.compile(b"[" + re.escape(b"".join(m for m, _ in self.meaning)) + b"]")

    def _replacement(self, match: re.Match[bytes]) -> bytes:
        return dict(self.meaning)[match[0]]


AS_WRITTEN = Marks(b"", b"")
"""Of text in which nothing was replaced."""


def marks_for(dialect: Dialect, text: bytes) -> Marks:
    """Choose marks for a text: none at all in the usual case.

    Raises:
        InvalidFileError: the text uses so many control characters that no mark is left.
    """
    delimiter = dialect.delimiter.encode()
    quote = (dialect.quote or "").encode()
    if len(delimiter) == 1 and len(quote) < 2 and dialect.escape is None:
        return Marks(delimiter, quote)
    meanings = _escapes(dialect)
    taken = {delimiter, quote, *meanings.values()}
    spare = [m for b in _SPARE if (m := bytes([b])) not in taken and m not in text]
    if len(spare) < len(meanings) + 2:
        raise InvalidFileError(
            "nearly every control character occurs within a few megabytes, so this is no text "
            "file; drop the file as text, or compressed as gz, zst, bz2 or zip"
        )
    pairs = dict(zip(meanings, spare, strict=False))
    if len(delimiter) != 1:
        mark = spare[len(meanings)]
        if delimiter:
            pairs[delimiter], meanings[delimiter] = mark, delimiter
        delimiter = mark
    if len(quote) > 1:
        pairs[quote], meanings[quote] = spare[-1], quote
        quote = spare[-1]
    written = tuple((mark, original) for original, mark in pairs.items())
    meaning = tuple((mark, meanings[original]) for original, mark in pairs.items())
    return Marks(delimiter, quote, written, meaning)


def _escapes(dialect: Dialect) -> dict[bytes, bytes]:
    """Map escape sequences to their meanings, in the order in which they must be replaced."""
    if dialect.escape is None:
        return {}
    plain = [dialect.escape, dialect.quote, dialect.delimiter, "\n", "\r", "N"]
    meanings = {c: c for c in plain if c}
    if dialect.has_escape_codes:
        meanings |= {c: m for c, m in ESCAPE_CODES.items() if c not in meanings}
    found = {(dialect.escape + c).encode(): m.encode() for c, m in meanings.items()}
    return found | {dialect.escape.encode(): b""}
