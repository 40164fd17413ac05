"""What becomes of a record that cannot be a row, and what is worth saying about one that can."""

from dataclasses import dataclass

RAW_CHARACTERS = 2**16
"""How much of a record's text is kept with its reject; more would let one bad file flood logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """One record that is not loaded, with all that is needed to find, judge and mend it."""

    line: int
    """Where the record starts: 1-based physical line of the decompressed file."""
    byte_offset: int
    """Where the record starts: bytes into the decompressed file, in its own encoding."""
    byte_count: int
    """How long the record is there, without its line end."""
    column: str | None
    """The first column that is wrong; None when the record itself is."""
    raw: str
    """The record as it stands in the file, without its line end; undecodable bytes as ``\\xNN``."""
    is_truncated: bool = False
    """``raw`` is only the first part of the record."""
    rule: str
    """A short stable name, such as ``wrong_width``, ``unclosed_quote`` or ``not_int64``."""
    reason: str
    """What is wrong, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something about a file that was read without loss, but that a person may want to know."""

    line: int
    rule: str
    """``undoubled_quote``, ``repeated_header``, ``trailer``, …"""
    text: str
