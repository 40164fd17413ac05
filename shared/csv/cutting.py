"""Cut a text into what the fast reader reads exactly, and records that need a decision.

The text starts at a record. Almost all of it is copied as it is; only around trouble (a quote out
of place, a line end of the wrong kind, bytes that are no UTF-8, a comment, a repeated header, a
record of the wrong width) is each record read exactly, and then kept, rewritten, or set aside with
a reason. What is left at the end is an incomplete record, for the next text to start with.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.csv.grammar import Syntax
from shared.csv.judging import Barren, Judge, RecordDecision
from shared.csv.quotes import QuoteMap, map_quotes


class Stretch(NamedTuple):
    """A part of the source that went on to the fast reader."""

    start: int
    end: int
    is_record: bool
    """It is exactly one record, read exactly; else any number of well-formed ones."""


class Trouble(NamedTuple):
    """A place that needs a closer look."""

    at: int
    is_outside_only: bool
    """Inside of quotes it is no trouble."""


@dataclass(slots=True)
class Cut:
    """What became of a text."""

    source: bytes
    quotes: QuoteMap
    stretches: list[Stretch] = field(default_factory=list)
    decisions: list[tuple[int, RecordDecision]] = field(default_factory=list)
    """Records set aside or worth a note, by where they start."""
    end: int = 0
    """Where the incomplete rest of the source starts."""
    is_in_long_record: bool = False
    """The rest belongs to a record that was set aside as too long; skip to the next line."""
    _parts: list[bytes] = field(default_factory=list)

    @property
    def text(self) -> bytes:
        """What the fast reader gets."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def keep(self, start: int, end: int) -> None:
        """Take a part of the source as it is."""
        if start < end:
            self._parts.append(self.source[start:end])
            self.stretches.append(Stretch(start, end, is_record=False))

    def settle(self, start: int, decision: RecordDecision) -> None:
        """Do what was decided about one record."""
        places = decision.places or [(start, decision.end)] * len(decision.parts)
        for part, (first, last) in zip(decision.parts, places, strict=True):
            self._parts.append(part)
            self.stretches.append(Stretch(first, last, is_record=True))
        if decision.rule:
            self.decisions.append((start, decision))


def cut(text: bytes, judge: Judge, suspects: Iterable[int] = ()) -> Cut:
    """Cut a text; suspects are records that the fast reader found to have the wrong width."""
    return _Cutter(text, judge, suspects).run()


class _Cutter:
    def __init__(self, text: bytes, judge: Judge, suspects: Iterable[int]) -> None:
        self.text, self.judge, self.syntax = text, judge, judge.syntax
        separators = self.syntax.delimiter + b"\r\n"
        self.quotes = map_quotes(text, self.syntax.quote, separators)
        self.troubles = sorted({*_troubles(text, judge), *map(_record, suspects)})
        self.cut = Cut(text, self.quotes)
        self.barren: Barren = {}
        self.at = 0
        self.quote = 0
        """Index of the first quote from ``at`` on."""

    def run(self) -> Cut:
        """Go from trouble to trouble."""
        while True:
            start = self._next_trouble()
            if start is None:
                start = self._record_start(len(self.text))
                if not self._must_end(start):
                    return self._stop(start)
            else:
                start = self._record_start(start)
            if not self._settle(start):
                return self._stop(start)

    def _must_end(self, rest: int) -> bool:
        """Whether the record at the end of the text has to be decided on without more text."""
        left = len(self.text) - rest
        return left > 0 and (self.judge.is_last or left > self.judge.max_record_bytes)

    def _settle(self, start: int) -> bool:
        decision = self.judge.decide(self.text, start, self.barren)
        if decision is None:
            return False
        self.cut.keep(self.at, start)
        self.cut.settle(start, decision)
        self.cut.is_in_long_record = decision.is_in_long_record
        self.at = decision.end
        self.quote = self.quotes.index(self.at, self.quote)
        return True

    def _stop(self, end: int) -> Cut:
        self.cut.keep(self.at, end)
        self.cut.end = end
        return self.cut

    def _next_trouble(self) -> int | None:
        positions = self.quotes.positions
        broken = self.quotes.next_break(self.quote)
        limit = positions[broken] if broken < len(positions) else len(self.text)
        for index in range(bisect_left(self.troubles, (self.at, False)), len(self.troubles)):
            trouble = self.troubles[index]
            if trouble.at >= limit:
                break
            inside = (self.quotes.index(trouble.at, self.quote) - self.quote) & 1
            if not (trouble.is_outside_only and inside):
                return trouble.at
        return limit if broken < len(positions) else None

    def _record_start(self, at: int) -> int:
        """Return where the record starts that covers a position, before which all is well."""
        quotes, newline = self.quotes, self.syntax.newline
        index = quotes.index(at, self.quote)
        while True:
            if (index - self.quote) & 1:
                index -= 1
                at = quotes.positions[index]
            found = self.text.rfind(newline, self.at, at)
            if found < 0:
                return self.at
            index, at = quotes.index(found, self.quote), found
            if not (index - self.quote) & 1:
                return found + 1


def _record(start: int) -> Trouble:
    return Trouble(start, is_outside_only=False)


def _troubles(text: bytes, judge: Judge) -> Iterator[Trouble]:
    syntax = judge.syntax
    for at in _stray_line_ends(text, syntax):
        yield Trouble(at, is_outside_only=True)
    for at in _undecodable(text, syntax):
        yield Trouble(at, is_outside_only=False)
    for prefix in judge.line_starts:
        for at in _line_starts(text, prefix, syntax):
            yield Trouble(at, is_outside_only=True)


def _stray_line_ends(text: bytes, syntax: Syntax) -> Iterator[int]:
    if syntax.stray not in text:
        return
    if syntax.newline == b"\n" and text.count(b"\r") == text.count(b"\r\n"):
        return
    pattern = rb"\r(?!\n)" if syntax.newline == b"\n" else rb"\n"
    for match in re.finditer(pattern, text):
        yield match.start()


def _undecodable(text: bytes, syntax: Syntax) -> Iterator[int]:
    """Yield one place per line that is not UTF-8."""
    at = len(text) if text.isascii() else 0
    while at < len(text):
        try:
            text[at:].decode()
        except UnicodeDecodeError as exc:
            yield at + exc.start
            at = syntax.line_end(text, at + exc.start)[1]
        else:
            return


def _line_starts(text: bytes, prefix: bytes, syntax: Syntax) -> Iterator[int]:
    # Searching takes ten times as long as seeing that a mark cannot be there.
    at = text.find(prefix) if prefix.isascii() or not text.isascii() else -1
    while at >= 0:
        if at == 0 or text[at - 1] == syntax.newline[0]:
            yield at
        at = text.find(prefix, at + 1)
