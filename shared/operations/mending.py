"""Mended rows between bytes and text, the same for the API, its page and the command line.

They are kept in the encoding of the run's file, because they are read by the contract of its drop
path; whoever mends them may save them as UTF-8, too. Text is decoded here, by the codec that will
encode it again: browsers have other tables for some encodings.
"""

import codecs
import re

from shared.core.runs import Run
from shared.csv.encodings import marked_encoding
from shared.errors import InvalidMessageError
from shared.steps import quarantine
from shared.wiring import Services

DEFAULT = "utf-8"
"""Where no file was staged, so nobody knows."""

_SHIFTS = frozenset("\0\x1b")
"""In bytes that look like UTF-8 but are UTF-16, UTF-32 or ISO-2022."""

_CHARSETS = (
    (re.compile(r"cp(125\d)"), r"windows-\1"),
    (re.compile(r"utf-(16|32)-([bl]e)"), r"utf-\1\2"),
    (re.compile(r"iso8859-(\d+)"), r"iso-8859-\1"),
    (re.compile(r"iso2022_(\w+)"), r"iso-2022-\1"),
    (re.compile(r"euc_(\w+)"), r"euc-\1"),
    (re.compile(r"mac-roman"), "macintosh"),
)
"""Python's names of encodings, and the registered ones. Source: IANA, "Character Sets"."""


def encoding_of(run: Run, services: Services) -> str:
    """Return how the characters of a run's file are written."""
    return quarantine.encoding(run, services) or DEFAULT


def charset(encoding: str) -> str:
    """Return the name of an encoding as a media type has it; Python's, where it has no other."""
    name = codecs.lookup(encoding).name
    for pattern, registered in _CHARSETS:
        if found := pattern.fullmatch(name):
            return found.expand(registered)
    return name


def shown(content: bytes, encoding: str) -> str:
    """Return the rejected rows of a file as text to be mended.

    Raises:
        InvalidMessageError: some of their bytes are no text in the file's encoding.
    """
    try:
        return content.decode(encoding)
    except UnicodeError as exc:
        raise InvalidMessageError(
            f"the rejected rows hold bytes that are no text in {encoding}, so they cannot be "
            "mended as text; export them as a file, and mend that"
        ) from exc


def read(content: bytes, encoding: str) -> str:
    """Return the text of mended rows: of UTF-8, else of the encoding of the run's file.

    What begins with a byte order mark is in the encoding of that, and the mark is part of the text.

    Raises:
        InvalidMessageError: it is none of these.
    """
    marked = marked_encoding(content)
    for name in (marked, DEFAULT, encoding) if marked else (DEFAULT, encoding):
        try:
            text = content.decode(name)
        except UnicodeError:
            continue
        if name in (marked, encoding) or not _SHIFTS.intersection(text):
            return text
    raise InvalidMessageError(
        f"the mended rows are neither UTF-8 nor {encoding}, as the run's file is; save them so"
    )


def written(text: str, encoding: str, *, table: str) -> bytes:
    """Return mended rows as the bytes that the run's file would have for them.

    Raises:
        InvalidMessageError: its encoding has no such character.
    """
    text = text if encoding.startswith("utf-") else text.removeprefix("\ufeff")
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as exc:
        line = text.count("\n", 0, exc.start) + 1
        raise InvalidMessageError(
            f"line {line} of the mended rows has {text[exc.start]!r}, which {encoding} cannot "
            f"write, and the files of {table} are in {encoding}; write it another way"
        ) from exc
