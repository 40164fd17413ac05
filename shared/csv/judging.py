"""Decide about one record that the fast reader might read wrongly.

Decisions depend only on the text from the record on, at most ``max_record_bytes`` of it, and never
on how the file was cut into blocks; where there is not enough text yet, the answer is to wait.
"""

import codecs
from dataclasses import dataclass, replace

from shared.csv.commented import MARKED, REASON, may_be_row
from shared.csv.grammar import (
    Flaw,
    Record,
    Syntax,
    read_past_flaws,
    read_record,
    read_with_bare_quotes,
    read_with_stray_quotes,
    write_record,
)

MAX_RECORD_BYTES = 16 * 2**20
"""A longer record is set aside: Snowflake's largest text is 16 MiB, and memory must stay flat."""

_MARK = codecs.BOM_UTF8
"""In the middle of a file where files with byte order marks were put together."""

_STRAY_REASON = (
    "there is a line end of another kind within the record, and the file has no quotes that could "
    "say whether it is content"
)
_ABSORBED_BYTES = 2**16
_ABSORBED_LINES = 200
_REMEMBERED_LINES = 2**12

Barren = dict[int, int]
"""Lines that start no plausible record whatever follows: where each starts, and the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDecision:
    """What to do with one record."""

    end: int
    """Where the next record starts."""
    parts: tuple[bytes, ...] = ()
    """What the fast reader gets instead; nothing: the record is no row."""
    places: tuple[tuple[int, int], ...] = ()
    """Where each part starts and ends; nothing: from the start of the record to its end."""
    rule: str = ""
    reason: str = ""
    """With ``{line}`` where ``flaw_at`` goes."""
    flaw_at: int = 0
    is_reject: bool = False
    is_in_long_record: bool = False
    """The record goes on behind this text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """What is known about the file when a record is decided on."""

    syntax: Syntax
    is_last: bool
    """The file ends with this text."""
    comment: bytes = b""
    has_narrow_comments: bool = False
    """A line that starts with the mark of comments is a record all the same if it has the width."""
    header: bytes = b""
    """The header's line, without its line end, when a row that equals it is no row."""
    trailer: bytes = b""
    """The file's last line, when that may be no row but a count of the rows."""
    has_trailing_delimiter: bool = False
    max_record_bytes: int = MAX_RECORD_BYTES

    @property
    def line_starts(self) -> list[bytes]:
        """What a line may start with to be no plain record."""
        return [p for p in (self.comment, self.header, self.trailer, _MARK) if p]

    def decide(
        self, text: bytes, start: int, barren: Barren | None = None
    ) -> RecordDecision | None:
        """Decide about the record that starts here; None when more text is needed.

        Args:
            text: whole records, and perhaps the beginning of one more.
            start: where the record starts.
            barren: what was found out about this text before; added to.
        """
        window = min(len(text), start + self.max_record_bytes)
        is_complete = self.is_last or window < len(text)
        known = {} if barren is None else barren
        is_cut = window < len(text)
        decision = _Case(self, text[:window], start, is_complete, is_cut, known).decide()
        if decision is None or not decision.is_in_long_record:
            return decision
        _, end = self.syntax.line_end(text, decision.end)
        is_open = not text.endswith(self.syntax.newline, start, end)
        return replace(decision, end=end, is_in_long_record=is_open)


@dataclass(frozen=True, slots=True)
class _Case:
    judge: Judge
    text: bytes
    start: int
    is_complete: bool
    """There is no more text that could change the decision."""
    is_cut: bool
    """The text goes on, but no record may."""
    barren: Barren

    def decide(self) -> RecordDecision | None:
        text, start, syntax = self.text, self.start, self.judge.syntax
        content_end, line_end = syntax.line_end(text, start)
        if content_end == line_end:
            return self._long_line() if self.is_complete else None
        line = text[start:content_end]
        comment = self.judge.comment
        if comment and line.startswith(comment):
            is_row = self.judge.has_narrow_comments and may_be_row(line, comment, syntax)
            return self._marked(line) if is_row else RecordDecision(end=line_end)
        if self.judge.header and line.removeprefix(_MARK) == self.judge.header:
            reason = "the header again; no row"
            return RecordDecision(end=line_end, rule="repeated_header", reason=reason)
        if self.judge.trailer and line == self.judge.trailer and not text[line_end:].strip():
            reason = "a count of the rows, header and itself perhaps included, agrees; no row"
            return RecordDecision(end=line_end, rule="trailer", reason=reason)
        return self._record(line)

    def _record(self, line: bytes) -> RecordDecision | None:
        """Decide about a record by its quotes and its width."""
        text, start, syntax = self.text, self.start, self.judge.syntax
        record = read_record(text, start, syntax)
        if line.startswith(_MARK):
            record = replace(read_record(text, start + len(_MARK), syntax), is_padded=True)
        if self.is_cut and not text.endswith(syntax.newline, start, record.end):
            return self._long_line()
        if record.flaw is Flaw.TEXT_AFTER_QUOTE:
            return self._text_after_quote(record)
        if record.flaw is Flaw.UNCLOSED:
            return self._unclosed(record) if self.is_complete else None
        return self._whole(record) if self._has_end(record) else None

    def _marked(self, line: bytes) -> RecordDecision | None:
        """Decide about a record that starts as comments do, and say so if it is a row."""
        found = self._record(line)
        is_row = found is not None and found.parts and not found.rule
        return replace(found, rule=MARKED, reason=REASON) if found and is_row else found

    def _has_end(self, record: Record) -> bool:
        newline = self.judge.syntax.newline
        return self.is_complete or self.text.endswith(newline, self.start, record.end)

    def _whole(self, record: Record) -> RecordDecision:
        """Decide about a record whose quotes are in order."""
        written = self.text[self.start : record.end]
        undecodable = _undecodable(written)
        if undecodable is not None:
            return self._reject(record.end, "undecodable_bytes", undecodable)
        syntax = self.judge.syntax
        blanks = b" \t\r\n".replace(syntax.delimiter, b"")
        if syntax.width > 1 and not written.strip(blanks):
            return RecordDecision(end=record.end)
        pieces = self._pieces(record.end)
        if pieces is not None:
            return pieces
        has_stray = syntax.stray in written.removesuffix(b"\r\n")
        if has_stray and not syntax.quote and record.width >= syntax.width - 1:
            return self._reject(record.end, "stray_line_end", _STRAY_REASON)
        if self.judge.has_trailing_delimiter and record.width == syntax.width - 1:
            record.fields.append((b"", False))
            return RecordDecision(end=record.end, parts=(write_record(record, syntax),))
        if record.width == syntax.width:
            is_same = not record.is_padded and not has_stray
            part = written if is_same else write_record(record, syntax)
            return RecordDecision(end=record.end, parts=(part,))
        return self._reject(record.end, "wrong_width", self._width_reason(record.width))

    def _width_reason(self, width: int) -> str:
        expected = self.judge.syntax.width - self.judge.has_trailing_delimiter
        return f"{width} fields where the file has {expected}"

    def _pieces(self, end: int) -> RecordDecision | None:
        """Read each kind of line end as one; None unless that gives nothing but good records."""
        syntax = self.judge.syntax
        written = self.text[self.start : end]
        if syntax.stray not in written.removesuffix(b"\r\n") or _undecodable(written):
            return None
        loose = replace(syntax, has_any_line_end=True)
        pieces, places, at = [], [], 0
        while at < len(written):
            record = read_record(written, at, loose)
            is_blank = record.fields == [(b"", False)]
            if record.flaw or not (record.width == syntax.width or is_blank):
                return None
            if syntax.width == 1 or not is_blank:
                pieces.append(write_record(record, syntax))
                places.append((self.start + at, self.start + record.end))
            at = record.end
        return RecordDecision(end=end, parts=tuple(pieces), places=tuple(places))

    def _text_after_quote(self, record: Record) -> RecordDecision | None:
        """Decide where a closing quote is followed by text."""
        text, start, syntax = self.text, self.start, self.judge.syntax
        if not self._has_end(record):
            return None
        if text[record.flaw_at : record.flaw_at + 1] == syntax.stray:
            pieces = self._pieces(record.end)
            if pieces is not None:
                return pieces
        mended = read_with_bare_quotes(text, start, syntax)
        if mended is not None and _undecodable(text[start : mended.end]) is None:
            reason = "quotes inside a quoted field are not doubled; read as text"
            part = write_record(mended, syntax)
            return RecordDecision(
                end=mended.end, parts=(part,), rule="undoubled_quote", reason=reason
            )
        if record.flaw_at >= syntax.line_end(text, start)[1]:
            return self._unclosed(record)
        stray = read_with_stray_quotes(text, start, syntax)
        if stray is not None and _undecodable(text[start : stray.end]) is None:
            reason = "a field starts with a quote that nothing closes; read as text"
            part = write_record(stray, syntax)
            return RecordDecision(end=stray.end, parts=(part,), rule="stray_quote", reason=reason)
        past = read_past_flaws(text, start, syntax)
        if (past.flaw or not self._has_end(past)) and not self.is_complete:
            return None
        is_believable = not past.flaw and past.width == syntax.width
        shown = text[record.flaw_at : record.flaw_at + 20].split(syntax.newline)[0]
        reason = (
            f"field {record.width + 1} has text after its closing quote, from "
            f"{shown.decode(errors='backslashreplace')!r} on; double the quotes inside"
        )
        return self._reject(past.end if is_believable else record.end, "text_after_quote", reason)

    def _unclosed(self, record: Record) -> RecordDecision | None:
        """Set a record aside whose quote never closes, and go on at the next plausible one."""
        end = self._next_plausible()
        return (
            None
            if end is None
            else RecordDecision(
                end=end,
                rule="unclosed_quote",
                reason="a quote opened in line {line} is not closed",
                flaw_at=record.opened_at,
                is_reject=True,
            )
        )

    def _next_plausible(self) -> int | None:
        """Return where a record of the right width starts behind a damaged line."""
        text, syntax = self.text, self.judge.syntax
        _, first = syntax.line_end(text, self.start)
        at = first
        for _ in range(_ABSORBED_LINES):
            if at >= len(text) or at - first > _ABSORBED_BYTES:
                break
            if at in self.barren:
                at = self.barren[at]
                continue
            record = read_record(text, at, syntax)
            if (record.flaw is Flaw.UNCLOSED or not self._has_end(record)) and not self.is_complete:
                return None
            if record.flaw is None and record.width == syntax.width:
                return at
            line, at = at, syntax.line_end(text, at)[1]
            if max(record.end, record.flaw_at) < len(text):
                self._remember(line, at)
        if at >= len(text) and not self.is_cut:
            return at if self.is_complete else None
        return first

    def _remember(self, line: int, following: int) -> None:
        """Remember a line; without that, damaged lines would each look at the same ones again."""
        if len(self.barren) >= _REMEMBERED_LINES:
            self.barren.clear()
        self.barren[line] = following

    def _long_line(self) -> RecordDecision:
        limit = self.judge.max_record_bytes
        reason = f"no end within {limit:,} bytes; is this the right delimiter and file?"
        return RecordDecision(
            end=len(self.text),
            rule="record_too_long",
            reason=reason,
            is_reject=True,
            is_in_long_record=True,
        )

    def _reject(self, end: int, rule: str, reason: str) -> RecordDecision:
        return RecordDecision(end=end, rule=rule, reason=reason, is_reject=True)


def _undecodable(text: bytes) -> str | None:
    try:
        text.decode()
    except UnicodeDecodeError as exc:
        found = text[exc.start : exc.end].hex(" ")
        return f"bytes {found} at {exc.start} of the record are no text in the file's encoding"
    return None
