"""What a table file may say of the files of a table."""

import codecs
import math
import re
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    ValidationInfo,
    model_validator,
)

from shared.config.base import StrictModel
from shared.config.times import TimeZone
from shared.core.schemas import DataType
from shared.errors import InvalidSchemaError
from shared.wire import is_stored


def _column_type(text: str) -> str:
    try:
        DataType.parse(text)
    except InvalidSchemaError as exc:
        # Within {…} YAML parts decimal(5,2) at the comma.
        cut = "" if text.count("(") == text.count(")") else "; put it in quotes: 'decimal(5,2)'"
        raise ValueError(f"{exc.message}{cut}") from exc
    return text


def _encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except (LookupError, ValueError) as exc:
        raise ValueError(f"{name!r} is no encoding; write one like utf-8 or cp1252") from exc
    return name


def _time_pattern(text: str) -> str:
    if "%" not in text:
        raise ValueError(f"{text!r} names no part of a date; write it like %d.%m.%Y %H:%M:%S")
    return text


def span(text: str) -> tuple[int, int | None]:
    """Return the first and the last character of a field of fixed width; None: to the line's end.

    Raises:
        ValueError: it is not written as ``7-26``, ``7`` or ``7-``.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,5})(?:(-)([1-9][0-9]{0,5})?)?", text)
    if match:
        first, last = int(match[1]), int(match[3] or match[1])
        if last >= first:
            return first, None if match[2] and not match[3] else last
    raise ValueError(
        f"{text!r} is no position; write the first and last character of a line, from 1: 7-26, or "
        "7- for all from there"
    )


def _position(value: object) -> str:
    text = str(value)  # YAML reads a 7 as a number
    span(text)
    return text


ColumnType = Annotated[str, AfterValidator(_column_type)]
Encoding = Annotated[str, AfterValidator(_encoding)]
TimePattern = Annotated[str, AfterValidator(_time_pattern)]
Position = Annotated[str, BeforeValidator(_position)]

_MARKS = frozenset({"delimiter", "quote", "escape", "header_rows"})
_NUMBERS = frozenset({"decimal", "thousands"})
_LINES = frozenset({"encoding", "skip_lines", "comment", "trailer"})
STRANGE_KEYS = {
    "csv": frozenset({"positions", "sheet"}),
    "excel": (_MARKS - {"header_rows"}) | _NUMBERS | {"encoding", "comment", "positions"},
    "fixed": _MARKS | {"sheet"},
    "ndjson": _MARKS | _NUMBERS | _LINES | {"positions", "sheet"},
    "parquet": _MARKS | _NUMBERS | _LINES | {"positions", "sheet", "null"},
}
"""What does not apply to a kind of files."""

NOT_OF_READING = frozenset({"max_reject_percent", "max_rejects", "raw", "on_duplicate"})
"""What says nothing of how files are written, but what becomes of them."""


class CsvFiles(StrictModel):
    """How files dropped under ``landing/<table>/`` are read; what is absent is found in them."""

    kind: Literal["csv", "excel", "fixed", "ndjson", "parquet"] = "csv"
    """CSV, a worksheet of an Excel workbook, lines of fixed width, one JSON object per line, or
    Parquet; see [other kinds](files.md)."""
    sheet: str | None = Field(default=None, min_length=1, max_length=100)
    """Of ``excel``: the worksheet's name; absent: the only visible one with values."""
    positions: dict[str, Position] = Field(default_factory=dict)
    """Of ``fixed``: columns and their characters from 1: ``7-26``, or ``7-`` to the line's end."""
    encoding: Encoding | None = None
    """How characters are written, ``utf-8`` or ``cp1252``."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=16)
    """What stands between fields, of any length up to 16."""
    quote: str | None = Field(default=None, max_length=1)
    """The character around fields; empty: fields are never quoted."""
    escape: str | None = Field(default=None, max_length=1)
    """The character that makes the next one plain; empty: there is none."""
    header_rows: int | None = Field(default=None, ge=0, le=8)
    """How many rows hold the names of the columns; 0: none."""
    skip_lines: int | None = Field(default=None, ge=0)
    """Lines before the header."""
    comment: str | None = Field(default=None, min_length=1)
    """Lines that start with this are no rows."""
    trailer: str | None = Field(default=None, min_length=1)
    """How the last line starts, which counts the rows; a file without it is refused."""
    null: list[str] = Field(default_factory=lambda: [""])
    """Unquoted texts that mean NULL."""
    decimal: str | None = Field(default=None, min_length=1, max_length=1)
    """The mark between whole and fraction."""
    thousands: str | None = Field(default=None, min_length=1, max_length=1)
    """The mark between groups of three digits."""
    formats: dict[str, TimePattern] = Field(default_factory=dict)
    """Column names with the one pattern of their dates or times, such as ``%d.%m.%Y``."""
    time_zone: TimeZone | None = None
    """Where times without an offset are, in columns of type timestamptz."""
    columns: dict[str, ColumnType] | None = None
    """Column names in the target with their types; absent: inferred from the whole first file."""
    max_reject_percent: float = Field(default=10.0, ge=0, le=100)
    """A file with a larger share of rejected rows than this is quarantined as a whole."""
    max_rejects: int | None = Field(default=None, ge=0)
    """So is a file with more rejected rows than this."""
    raw: StrictBool = True
    """Keep the original in the raw zone, as it was dropped."""
    on_duplicate: Literal["skip", "load", "fail"] = "skip"
    """What to do with a file whose content was loaded before under another name or generation."""

    @property
    def stated(self) -> dict[str, Any]:
        """What is stated of how files are written, as JSON; order counts where there are names."""
        blank = type(self).model_construct()
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: [[*item] for item in value.items()] if isinstance(value, dict) else value
            for name, value in found.items()
            if name not in NOT_OF_READING and value != getattr(blank, name)
        }

    def limit_passed(self, rows: int, rejected: int, *, is_gain: bool = False) -> str:
        """Return the limit that the rejected ones of so many rows pass, as it is written here.

        Args:
            rows: of the file.
            rejected: of these.
            is_gain: any good row is one, whatever their share.
        """
        share = 100 * rejected / rows if rows else 0
        if share > self.max_reject_percent and not is_gain:
            return f"max_reject_percent {self.max_reject_percent:g}"
        if self.max_rejects is not None and rejected > self.max_rejects:
            return f"max_rejects {self.max_rejects}"
        return ""

    @model_validator(mode="after")
    def _marks_differ(self, info: ValidationInfo) -> Self:
        if is_stored(info):
            return self
        for one, other in (("decimal", "thousands"), ("delimiter", "quote")):
            mark = getattr(self, one)
            if mark is not None and mark == getattr(self, other):
                raise ValueError(f"{one} and {other} are both {mark!r}; they must differ")
        return self

    @model_validator(mode="after")
    def _kind_has_what_it_needs(self) -> Self:
        # A resolved table states its defaults, too, so what counts is another value.
        blank = type(self).model_construct()
        strange = [
            name
            for name in sorted(STRANGE_KEYS[self.kind])
            if getattr(self, name) != getattr(blank, name)
        ]
        if strange:
            raise ValueError(f"{', '.join(strange)} is nothing that files of kind {self.kind} have")
        if self.kind != "fixed":
            return self
        if not self.positions:
            raise ValueError("kind fixed needs positions, such as {id: 1-6, name: 7-}")
        if self.columns and set(self.columns) != set(self.positions):
            raise ValueError("columns and positions must name the same columns")
        spans = sorted(
            (first, last or math.inf, name)
            for name, (first, last) in ((n, span(text)) for n, text in self.positions.items())
        )
        for (_, end, name), (start, _, other) in pairwise(spans):
            if start <= end:
                raise ValueError(f"positions of {name} and {other} overlap")
        return self
