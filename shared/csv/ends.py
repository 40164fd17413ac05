"""Where lines, pieces and files end: line ends, half a delimiter, the mark of an end of file."""

import re

from shared.csv.dialect import Dialect
from shared.csv.marks import Marks

LINE_END = re.compile(rb"\r{0,3}\n|\r")
"""Of any kind, as detection counts lines."""

_SAMPLE_BYTES = 2**20
_END_OF_FILE = b"\x1a"
"""What MS-DOS programs write behind the last line."""


def newline_of(text: bytes, dialect: Dialect) -> bytes:
    """Return the byte that ends lines: CR only where there is no LF outside of quotes."""
    sample = text[:_SAMPLE_BYTES]
    if dialect.quote:
        quote = re.escape(dialect.quote.encode())
        sample = re.sub(quote + b"[^" + quote + b"]*" + quote, b"", sample) or sample
    return b"\r" if b"\r" in sample and b"\n" not in sample else b"\n"


def half_mark(text: bytes, marks: Marks, dialect: Dialect) -> int:
    """Return how many bytes at the end may be the start of a delimiter or of an escape."""
    delimiter, escape = dialect.delimiter.encode(), (dialect.escape or "").encode()
    if escape and text.endswith(marks.encode(escape)):
        return 1
    halves = (
        mark[:end]
        for mark in (delimiter, (dialect.quote or "").encode())
        for end in range(len(mark) - 1, 0, -1)
    )
    return max((len(half) for half in halves if text.endswith(half)), default=0)


def finished(text: bytes, newline: bytes) -> bytes:
    """End the last line of a file, and leave out what MS-DOS programs write behind it."""
    if text.endswith(_END_OF_FILE) and text[-2:-1] in (b"", b"\n", b"\r"):
        text = text[:-1]
    return text if not text or text.endswith(newline) else text + newline
