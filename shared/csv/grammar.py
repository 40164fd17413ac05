"""What a record is, byte by byte: the exact reading that decides wherever the fast one may not.

Strict RFC 4180 first. Blanks between a delimiter and a quote are no content; a quote inside an
unquoted field is content. Where quotes make no sense, the readings that people's files need are
tried in a fixed order, and what remains is a problem with a name and a place.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

MAX_FIELDS = 20_000
"""Of one record so many fields are kept; the others are counted. No file has so many columns."""

_ANY_LINE_END = re.compile(rb"\r*\n|\r")
"""Turning LF into CR LF twice leaves CR CR LF: one line end, not two."""


@dataclass(frozen=True, slots=True)
class Syntax:
    """The bytes that mean something, for one block."""

    delimiter: bytes
    quote: bytes
    newline: bytes
    """The byte that ends a line of this file: LF, also after CR; or CR, where there is no LF."""
    width: int
    """Fields of a record, counting the nothing after a trailing delimiter."""
    has_any_line_end: bool = False
    """LF, CR and CR LF all end lines."""

    @property
    def stray(self) -> bytes:
        """The line end that is not the file's: it may end a line, be content, or be damage."""
        return b"\r" if self.newline == b"\n" else b"\n"

    def line_end(self, text: bytes, start: int) -> tuple[int, int]:
        """Return where the line's content ends and where the next line starts."""
        if self.has_any_line_end:
            match = _ANY_LINE_END.search(text, start)
            return match.span() if match else (len(text), len(text))
        at = text.find(self.newline, start)
        if at < 0:
            return len(text), len(text)
        is_pair = self.newline == b"\n" and at > start and text[at - 1 : at] == b"\r"
        return at - is_pair, at + 1


class Flaw(Enum):
    """Why a record cannot be read as it stands."""

    UNCLOSED = auto()
    """A quoted field has no end within the text."""
    TEXT_AFTER_QUOTE = auto()
    """Something other than a delimiter or line end follows a closing quote."""


@dataclass(frozen=True, slots=True)
class Record:
    """The fields of one record, and where it ends."""

    fields: list[tuple[bytes, bool]]
    """Content, and whether it was quoted; the first ``MAX_FIELDS``."""
    end: int
    """Past the line end."""
    flaw: Flaw | None = None
    flaw_at: int = 0
    """Where the text goes on that should not be there."""
    opened_at: int = 0
    """The quote of the field that is flawed."""
    is_padded: bool = False
    """There are blanks between delimiters and quotes."""
    uncounted: int = 0
    """Fields beyond those that are kept."""

    @property
    def width(self) -> int:
        """How many fields there are."""
        return len(self.fields) + self.uncounted


def read_record(text: bytes, start: int, syntax: Syntax) -> Record:
    """Read the record that starts here, strictly; a flaw ends it early.

    With a flaw, ``fields`` are those before it, and ``end`` is the end of its physical line.
    """
    fields: list[tuple[bytes, bool]] = []
    at, is_padded, uncounted = start, False, 0
    content_end, line_end = syntax.line_end(text, start)
    while True:
        opening = _opening_quote(text, at, syntax)
        if opening is None:
            found = text.find(syntax.delimiter, at, content_end)
            field_end = found if found >= 0 else content_end
            fields.append((text[at:field_end], False))
        else:
            closing = _closing_quote(text, opening, syntax.quote)
            if closing < 0:
                return Record(fields, line_end, Flaw.UNCLOSED, len(text), opening)
            field_end = _skip_blanks(text, closing + 1, syntax)
            if closing >= line_end:
                content_end, line_end = syntax.line_end(text, closing)
            if field_end != content_end and text[field_end : field_end + 1] != syntax.delimiter:
                return Record(fields, line_end, Flaw.TEXT_AFTER_QUOTE, field_end, opening)
            is_padded = is_padded or opening > at or field_end > closing + 1
            fields.append((_content(text, opening, closing, syntax.quote), True))
        if len(fields) > MAX_FIELDS:
            fields.pop()
            uncounted += 1
            is_plain = uncounted == 1 and not _has_quote(text, field_end, content_end, syntax)
            if is_plain and field_end != content_end:
                uncounted += text.count(syntax.delimiter, field_end, content_end)
                field_end = content_end
        if field_end == content_end:
            return Record(fields, line_end, is_padded=is_padded, uncounted=uncounted)
        at = field_end + 1


def read_with_bare_quotes(text: bytes, start: int, syntax: Syntax) -> Record | None:
    """Read a line whose quoted fields have quotes in them that nobody doubled.

    A quote then closes only before a delimiter or the line end. None unless that gives the right
    number of fields and leaves no quote outside of quoted fields: then there is but one reading.
    Two quotes before a delimiter are one of the content, and else the end of content with one.
    """
    content_end, line_end = syntax.line_end(text, start)
    line = text[start:content_end]
    for closes_after_quote in (False, True):
        fields = _bare_fields(line, syntax, closes_after_quote=closes_after_quote)
        if fields is not None and len(fields) == syntax.width:
            return Record(fields, line_end)
    return None


def _bare_fields(
    line: bytes, syntax: Syntax, *, closes_after_quote: bool
) -> list[tuple[bytes, bool]] | None:
    fields: list[tuple[bytes, bool]] = []
    at = 0
    while True:
        if line[at : at + 1] == syntax.quote:
            closing = _bare_closing_quote(line, at, syntax, closes_after_quote=closes_after_quote)
            if closing < 0:
                return None
            fields.append((_content(line, at, closing, syntax.quote), True))
            at = closing + 1
        else:
            found = line.find(syntax.delimiter, at)
            field = line[at : found if found >= 0 else None]
            if syntax.quote in field:
                return None
            fields.append((field, False))
            at += len(field)
        if at == len(line):
            return fields
        if len(fields) > syntax.width:
            return None
        at += 1


def read_with_stray_quotes(text: bytes, start: int, syntax: Syntax) -> Record | None:
    """Read a line in which fields start with a quote that nothing closes before the next field.

    Such a quote is content. None unless that gives the right number of fields and leaves no other
    quote out of place: then there is but one reading.
    """
    content_end, line_end = syntax.line_end(text, start)
    line = text[start:content_end]
    fields: list[tuple[bytes, bool]] = []
    at = 0
    while at <= len(line) and len(fields) <= syntax.width:
        closing = (
            _closing_quote(line, at, syntax.quote) if line.startswith(syntax.quote, at) else -1
        )
        if closing >= 0 and line[closing + 1 : closing + 2] in (b"", syntax.delimiter):
            fields.append((_content(line, at, closing, syntax.quote), True))
            at = closing + 2
            continue
        found = line.find(syntax.delimiter, at)
        field = line[at : found if found >= 0 else None]
        if syntax.quote in field[1:]:
            return None
        fields.append((field, False))
        at += len(field) + 1
    return Record(fields, line_end) if len(fields) == syntax.width else None


def read_past_flaws(text: bytes, start: int, syntax: Syntax) -> Record:
    """Read on after a closing quote as if what follows belonged to the field.

    Only to find where a damaged record ends; believable when the number of fields is right. The
    fields are only counted.
    """
    at, count = start, 0
    content_end, line_end = syntax.line_end(text, at)
    while True:
        opening = _opening_quote(text, at, syntax)
        if opening is not None:
            closing = _closing_quote(text, opening, syntax.quote)
            if closing < 0:
                return Record([], len(text), Flaw.UNCLOSED, len(text), opening, uncounted=count)
            at = closing + 1
        if at > content_end:
            content_end, line_end = syntax.line_end(text, at)
        found = text.find(syntax.delimiter, at, content_end)
        count += 1
        if found < 0:
            return Record([], line_end, uncounted=count)
        at = found + 1


def closes_field(text: bytes, start: int, end: int, syntax: Syntax) -> bool | None:
    """Say whether the next quote that is not doubled could close a field; None: there is none."""
    closing = _closing_quote(text, start - 1, syntax.quote)
    if not 0 <= closing < end:
        return None
    after = _skip_blanks(text, closing + 1, syntax)
    is_at_end = after == syntax.line_end(text, closing)[0]
    return is_at_end or text[after : after + 1] == syntax.delimiter


def write_record(record: Record, syntax: Syntax) -> bytes:
    """Write a record in the plain form that the fast reader reads as the same fields."""
    return syntax.delimiter.join(_written(*f, syntax) for f in record.fields) + syntax.newline


def _written(content: bytes, is_quoted: bool, syntax: Syntax) -> bytes:  # noqa: FBT001
    special = (syntax.delimiter, syntax.quote, b"\r", b"\n")
    if not syntax.quote or not (is_quoted or any(s and s in content for s in special)):
        return content
    return syntax.quote + content.replace(syntax.quote, syntax.quote * 2) + syntax.quote


def _opening_quote(text: bytes, at: int, syntax: Syntax) -> int | None:
    """Return where a quoted field's quote is, if one starts here, blanks allowed."""
    if not syntax.quote:
        return None
    first = text[at : at + 1]
    if first == syntax.quote:
        return at
    if first != b" ":
        return None
    opening = _skip_blanks(text, at, syntax)
    if text[opening : opening + 1] != syntax.quote:
        return None
    closing = _closing_quote(text, opening, syntax.quote)
    after = _skip_blanks(text, closing + 1, syntax)
    is_field = closing < 0 or text[after : after + 1] in (b"", b"\r", b"\n", syntax.delimiter)
    return opening if is_field else None


def _has_quote(text: bytes, start: int, end: int, syntax: Syntax) -> bool:
    return bool(syntax.quote) and text.find(syntax.quote, start, end) >= 0


def _closing_quote(text: bytes, opening: int, quote: bytes) -> int:
    at = text.find(quote, opening + 1)
    while at >= 0 and text[at + 1 : at + 2] == quote:
        at = text.find(quote, at + 2)
    return at


def _bare_closing_quote(
    line: bytes, opening: int, syntax: Syntax, *, closes_after_quote: bool
) -> int:
    ends = (b"", syntax.delimiter)
    at = line.find(syntax.quote, opening + 1)
    while at >= 0:
        after = line[at + 1 : at + 2]
        if after in ends:
            return at
        is_pair = after == syntax.quote
        if is_pair and closes_after_quote and line[at + 2 : at + 3] in ends:
            return at + 1
        at = line.find(syntax.quote, at + (2 if is_pair else 1))
    return -1


def _content(text: bytes, opening: int, closing: int, quote: bytes) -> bytes:
    return text[opening + 1 : closing].replace(quote * 2, quote)


def _skip_blanks(text: bytes, at: int, syntax: Syntax) -> int:
    while text[at : at + 1] == b" " != syntax.delimiter:
        at += 1
    return at
