"""Column types in PostgreSQL, and which existing columns can hold them unaltered."""

import re
from typing import Final

from shared.core.fidelity import Cell, Consent
from shared.core.schemas import MAX_PRECISION, DataType, Kind

CELLS: Final[dict[Kind, Cell]] = {
    Kind.BOOL: Cell(type="boolean"),
    Kind.INT64: Cell(type="bigint"),
    Kind.DECIMAL: Cell(type="numeric({p},{s})"),
    Kind.FLOAT64: Cell(type="double precision"),
    Kind.TEXT: Cell(type="text", consents=(Consent.NUL,)),
    Kind.BINARY: Cell(type="bytea"),
    Kind.DATE: Cell(type="date"),
    Kind.TIME: Cell(type="time without time zone"),
    Kind.TIMESTAMP: Cell(type="timestamp without time zone"),
    Kind.TIMESTAMPTZ: Cell(type="timestamp with time zone"),
    Kind.JSON: Cell(
        type="jsonb",
        consents=(Consent.NUL,),
        note="the same JSON value: blanks, the order of keys and the sign of `-0` are not kept",
    ),
}
"""What a new column becomes. Source: PostgreSQL, "Data Types" and "JSON Types"."""

EXISTING: Final = (
    *("boolean", "smallint", "integer", "bigint", "numeric", "numeric(10,2)", "numeric(38,0)"),
    *("real", "double precision", "money", "text", "character varying", "character varying(10)"),
    *("character(10)", "citext", "uuid", "json", "jsonb", "bytea", "date"),
    *("time without time zone", "time(0) without time zone", "timestamp without time zone"),
    *("timestamp(3) without time zone", "timestamp with time zone"),
    *("timestamp(3) with time zone", "interval", "inet"),
)
"""Types of existing columns that docs/types.md answers for."""

OPEN_DECIMAL: Final = DataType(Kind.DECIMAL, 38, 18)
"""What a file's cells are read as for a column of ``numeric`` without bounds."""

_ALSO_HOLDS: dict[Kind, re.Pattern[str]] = {
    Kind.INT64: re.compile(r"integer|smallint|numeric"),
    Kind.TEXT: re.compile(r"character varying(\(\d+\))?|uuid|json|citext"),
    Kind.JSON: re.compile(r"text|json|character varying(\(\d+\))?"),
    Kind.DATE: re.compile(r"timestamp(\(\d\))? without time zone"),
}
"""Types that take every value of a kind unaltered, or refuse it loudly; none rounds or cuts."""

_ROUNDS: dict[Kind, re.Pattern[str]] = {
    Kind.DECIMAL: re.compile(r"numeric\(\d+,-?\d+\)|bigint|integer|smallint"),
    Kind.FLOAT64: re.compile(r"real"),
    Kind.TIME: re.compile(r"time\(\d\) without time zone"),
    Kind.TIMESTAMP: re.compile(r"timestamp\(\d\) without time zone"),
    Kind.TIMESTAMPTZ: re.compile(r"timestamp\(\d\) with time zone"),
}
"""Types whose assignment rounds the values of a kind, and refuses what is too large."""

_INTEGERS = ("bigint", "integer", "smallint")

_WIDER: dict[str, re.Pattern[str]] = {
    "smallint": re.compile(r"integer|bigint|numeric|numeric\((?:[5-9]|\d\d),0\)"),
    "integer": re.compile(r"bigint|numeric|numeric\(\d\d,0\)"),
    "bigint": re.compile(r"numeric|numeric\((?:19|[23]\d),0\)"),
    "real": re.compile(r"double precision"),
    "character varying": re.compile(r"text"),
    "json": re.compile(r"text"),
    "uuid": re.compile(r"text"),
    "citext": re.compile(r"text"),
    "jsonb": re.compile(r"text"),
}
"""Types into which an existing column can be changed, with every value kept."""

_NUMERIC = re.compile(r"numeric\((\d+),(-?\d+)\)")

_FRACTION = re.compile(r"(time(?:stamp)?)\((\d)\) (with(?:out)? time zone)")

FULL_FRACTION = 6
"""Digits of a second. Source: PostgreSQL, "Date/Time Types"."""


def type_name(data_type: DataType) -> str:
    """Return the type of a new column, as ``format_type`` writes it."""
    return CELLS[data_type.kind].type.format(p=data_type.precision, s=data_type.scale)


def plain(existing: str) -> str:
    """Return a type without what says no more than its default: ``timestamp(6)`` is all digits."""
    fraction = _FRACTION.fullmatch(existing)
    if fraction and int(fraction[2]) >= FULL_FRACTION:
        return f"{fraction[1]} {fraction[3]}"
    return existing


def data_type(name: str) -> DataType:
    """Return the column type of an existing column, by its ``format_type``; text if unknown."""
    numeric = _NUMERIC.fullmatch(name)
    if numeric and 0 <= int(numeric[2]) <= int(numeric[1]) <= MAX_PRECISION:
        return DataType(Kind.DECIMAL, int(numeric[1]), int(numeric[2]))
    if name == "numeric":
        return OPEN_DECIMAL
    if name in _INTEGERS:
        return DataType(Kind.INT64)
    if name == "real":
        return DataType(Kind.FLOAT64)
    if name == "json":
        return DataType(Kind.JSON)
    whole = _FRACTION.sub(r"\1 \3", name)
    return DataType(next((k for k, c in CELLS.items() if c.type == whole), Kind.TEXT))


def holds(existing: str, wanted: DataType) -> bool:
    """Say whether a column of type ``existing`` keeps every value of ``wanted`` as it is."""
    found = plain(existing)
    if found == type_name(wanted):
        return True
    if wanted.kind is Kind.DECIMAL:
        numeric = _NUMERIC.fullmatch(found)
        scale = int(numeric[2]) if numeric else None
        if found in _INTEGERS:
            return wanted.scale == 0
        return found == "numeric" or (scale is not None and scale >= (wanted.scale or 0))
    if wanted.kind is Kind.INT64 and (numeric := _NUMERIC.fullmatch(found)):
        return int(numeric[2]) >= 0
    also = _ALSO_HOLDS.get(wanted.kind)
    return bool(also and also.fullmatch(found))


def rounds(existing: str, wanted: DataType) -> bool:
    """Say whether a column rounds what it has no digits for, and refuses all else."""
    pattern = _ROUNDS.get(wanted.kind)
    return not holds(existing, wanted) and bool(pattern and pattern.fullmatch(existing))


def widens(existing: str, wanted: DataType) -> bool:
    """Say whether a column can become one of type ``wanted`` with all that is in it kept."""
    new = type_name(wanted)
    numeric, wider = _NUMERIC.fullmatch(existing), _NUMERIC.fullmatch(new)
    if numeric and wider:
        before, after = ((int(m[1]) - int(m[2]), int(m[2])) for m in (numeric, wider))
        return before[0] <= after[0] and before[1] <= after[1]
    if fraction := _FRACTION.fullmatch(existing):
        return new == f"{fraction[1]} {fraction[3]}"
    pattern = _WIDER.get(existing.partition("(")[0])
    return bool(pattern and pattern.fullmatch(new))


def length_limit(existing: str) -> int | None:
    """Return n of ``character varying(n)``; None for any other type."""
    match = re.fullmatch(r"character varying\((\d+)\)", existing)
    return int(match[1]) if match else None
