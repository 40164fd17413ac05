"""How a file is written: the contract of a drop path, found once and then held to.

Everything the reader needs to know about bytes, lines and fields is here and nowhere else. A
dialect has a JSON form, which is what gets frozen, compared and shown.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from shared.errors import InvalidConfigError

MAX_HEADER_ROWS = 8
MAX_DELIMITER_CHARACTERS = 16
KINDS = ("csv", "excel", "fixed", "ndjson", "parquet")
"""What a file may be; all but the first must be asked for."""

MARKED_KINDS = ("csv", "fixed")
"""Kinds whose numbers are text that a table file may state marks for."""

UNWRITTEN: Mapping[str, object] = MappingProxyType({"delimiter": "", "quote": None})
"""Of kinds whose fields nothing stands between."""


def require_encoding(name: str) -> None:
    """Make sure that there is such an encoding of text.

    Raises:
        InvalidConfigError: there is none.
    """
    try:
        "a".encode(name).decode(name, "replace")
    except (LookupError, ValueError) as exc:
        raise InvalidConfigError(
            f"encoding {name!r} is not known; write one like utf-8, utf-16, cp1252, shift_jis or "
            "gb18030"
        ) from exc


@dataclass(frozen=True, slots=True)
class Worksheet:
    """Which worksheet of an Excel workbook is read, as CSV."""

    name: str | None = None
    """None: the only visible one with values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How to turn the bytes of a file into records of fields.

    Raises:
        InvalidConfigError: unknown encoding, or marks that contradict each other.
    """

    kind: str = "csv"
    """One of ``KINDS``; of ``fixed`` and ``ndjson``, delimiter and quote mean nothing."""
    sheet: str | None = None
    """Of ``excel``: the worksheet's name; None: the only visible one with values."""
    positions: tuple[tuple[str, int, int | None], ...] = ()
    """Of ``fixed``: name, first and last character of each field, from 1; None: to the line's end.
    """
    encoding: str = "utf-8"
    """A Python codec name; a byte order mark is dropped whatever it says."""
    delimiter: str = ","
    """One or more characters between fields; empty: each line is one field."""
    quote: str | None = '"'
    """One character around fields, doubled inside them; None: nothing is quoted."""
    escape: str | None = None
    """One ASCII character that makes the next one plain, inside and outside quotes."""
    has_escape_codes: bool = False
    """``\\n \\t \\r \\b \\0 \\Z`` are control characters, not letters."""
    skip_lines: int = 0
    """Physical lines before the header, or before the first record when there is none."""
    header_rows: int = 1
    """Records that name the columns; 0: none, columns are matched by position."""
    has_row_names: bool = False
    """The header has no name for the first column, as R writes tables."""
    header_prefix: str | None = None
    """What stands before the names in the header's line, such as ``#Fields:``; blanks part them."""
    comment: str | None = None
    """Lines that start with this are no records."""
    has_narrow_comments: bool = False
    """The mark was found, not stated: lines that start with it, but are as wide as a row, are rows.
    """
    has_trailing_delimiter: bool = False
    """Each record ends with one more delimiter, after which there is nothing."""
    trailer: str | None = None
    """The start of the last record when that is no row but a count of the rows."""
    null_markers: tuple[str, ...] = ("",)
    """Cells that are NULL when they are not quoted."""
    decimal_mark: str = "."
    thousands_mark: str | None = None
    formats: tuple[tuple[str, str], ...] = ()
    """Column name and the one pattern of its dates or times, such as ``DD.MM.YYYY``."""
    time_zone: str | None = None
    """Where wall clocks of timestamptz columns stand; None: each value must carry its offset."""

    def __post_init__(self) -> None:
        self._check_marks()
        if self.kind not in KINDS or (self.kind == "fixed") != bool(self.positions):
            raise InvalidConfigError(
                f"kind {self.kind!r} must be one of {', '.join(KINDS)}, and fixed alone needs "
                "positions, such as {id: 1-6, name: 7-}"
            )
        if not 0 <= self.header_rows <= MAX_HEADER_ROWS or self.skip_lines < 0:
            raise InvalidConfigError(
                f"header_rows {self.header_rows} must be 0 to {MAX_HEADER_ROWS} and skip_lines "
                f"{self.skip_lines} 0 or more"
            )
        require_encoding(self.encoding)

    def _check_marks(self) -> None:
        for name in ("quote", "escape", "decimal_mark", "thousands_mark"):
            mark = getattr(self, name)
            if mark is not None and (len(mark) != 1 or mark in "\r\n\0"):
                raise InvalidConfigError(f"{name} {mark!r} must be one character, no line end")
        if not (self.escape or "").isascii():
            raise InvalidConfigError(f"escape {self.escape!r} must be ASCII")
        if len(self.delimiter) > MAX_DELIMITER_CHARACTERS or set(self.delimiter) & set("\r\n\0"):
            raise InvalidConfigError(
                f"delimiter {self.delimiter!r} must be at most {MAX_DELIMITER_CHARACTERS} "
                "characters without line ends or NUL"
            )
        marks = [m for m in (self.delimiter, self.quote) if m]
        if len(set(marks)) < len(marks) or self.decimal_mark == self.thousands_mark:
            raise InvalidConfigError(
                f"delimiter {self.delimiter!r}, quote {self.quote!r}, decimal mark "
                f"{self.decimal_mark!r} and thousands mark {self.thousands_mark!r} collide"
            )

    @property
    def worksheet(self) -> Worksheet | None:
        """What is read of a workbook; None: the file is none."""
        return Worksheet(self.sheet) if self.kind == "excel" else None

    def format_of(self, column: str) -> str | None:
        """Return the pattern of a column's dates or times, when it has one of its own."""
        return dict(self.formats).get(column)

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form: every field, tuples as lists."""
        fields = dataclasses.asdict(self)
        fields["null_markers"] = list(self.null_markers)
        fields["formats"] = dict(self.formats)
        fields["positions"] = [list(position) for position in self.positions]
        return fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, object]) -> Self:
        """Read the JSON form; absent fields have their defaults.

        Raises:
            InvalidConfigError: an unknown field, or a value that makes no sense.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = sorted(set(fields) - known)
        if unknown:
            raise InvalidConfigError(
                f"a dialect has no {', '.join(unknown)}; known: {', '.join(sorted(known))}"
            )
        values = dict(fields)
        markers, formats = values.get("null_markers"), values.get("formats")
        if isinstance(markers, (list, tuple)):
            values["null_markers"] = tuple(str(m) for m in markers)
        if isinstance(formats, Mapping):
            values["formats"] = tuple((str(k), str(v)) for k, v in formats.items())
        positions = values.get("positions")
        if isinstance(positions, (list, tuple)):
            values["positions"] = tuple(tuple(position) for position in positions)
        return cls(**values)  # type: ignore[arg-type]
