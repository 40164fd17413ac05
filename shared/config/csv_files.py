"""What a table file may say of the files of a table."""

import codecs
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from shared.config.connections import Model
from shared.config.times import TimeZone
from shared.core.schemas import DataType
from shared.errors import InvalidSchemaError


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


ColumnType = Annotated[str, AfterValidator(_column_type)]
Encoding = Annotated[str, AfterValidator(_encoding)]
TimePattern = Annotated[str, AfterValidator(_time_pattern)]


class CsvFiles(Model):
    """How files dropped under ``landing/<table>/`` are read; what is absent is found in them."""

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
    """How the last line starts if it counts the rows."""
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
    raw: bool = True
    """Keep the original in the raw zone, as it was dropped."""
    on_duplicate: Literal["skip", "load", "fail"] = "skip"
    """What to do with a file whose content was loaded before under another name or generation."""
