"""Column types in PostgreSQL, and which existing columns can hold them unaltered."""

import re

from shared.core.schemas import Column, DataType, Kind
from shared.targets.postgres.identifiers import quote
from shared.targets.relational import fitting

_NAMES: dict[Kind, str] = {
    Kind.BOOL: "boolean",
    Kind.INT64: "bigint",
    Kind.FLOAT64: "double precision",
    Kind.TEXT: "text",
    Kind.BINARY: "bytea",
    Kind.DATE: "date",
    Kind.TIME: "time without time zone",
    Kind.TIMESTAMP: "timestamp without time zone",
    Kind.TIMESTAMPTZ: "timestamp with time zone",
    Kind.JSON: "jsonb",
}

_ALSO_HOLDS: dict[Kind, re.Pattern[str]] = {
    Kind.INT64: re.compile(r"integer|smallint|numeric"),
    Kind.TEXT: re.compile(r"character varying(\(\d+\))?|uuid|json|citext"),
    Kind.JSON: re.compile(r"text|json|character varying"),
}
"""Types that take every value of a kind unaltered, or refuse it loudly; none rounds or cuts."""

_INTEGERS = ("bigint", "integer", "smallint")

_NUMERIC = re.compile(r"numeric\((\d+),(-?\d+)\)")


def type_name(data_type: DataType) -> str:
    """Return the type of a new column, as ``format_type`` writes it."""
    if data_type.kind is Kind.DECIMAL:
        return f"numeric({data_type.precision},{data_type.scale})"
    return _NAMES[data_type.kind]


def data_type(name: str) -> DataType:
    """Return the column type of an existing column, by its ``format_type``; text if unknown."""
    numeric = _NUMERIC.fullmatch(name)
    if numeric and 0 <= int(numeric[2]) <= int(numeric[1]) <= 38:
        return DataType(Kind.DECIMAL, int(numeric[1]), int(numeric[2]))
    if name in _INTEGERS:
        return DataType(Kind.INT64)
    if name == "real":
        return DataType(Kind.FLOAT64)
    return DataType(next((k for k, n in _NAMES.items() if n == name), Kind.TEXT))


def holds(existing: str, wanted: DataType) -> bool:
    """Say whether a column of type ``existing`` keeps every value of ``wanted`` as it is."""
    if existing == type_name(wanted):
        return True
    if wanted.kind is Kind.DECIMAL:
        numeric = _NUMERIC.fullmatch(existing)
        scale = int(numeric[2]) if numeric else None
        if existing in _INTEGERS:
            return wanted.scale == 0
        return existing == "numeric" or (scale is not None and scale >= (wanted.scale or 0))
    if wanted.kind is Kind.INT64 and (numeric := _NUMERIC.fullmatch(existing)):
        return int(numeric[2]) >= 0
    also = _ALSO_HOLDS.get(wanted.kind)
    return bool(also and also.fullmatch(existing))


def length_limit(existing: str) -> int | None:
    """Return n of ``character varying(n)``; None for any other type."""
    match = re.fullmatch(r"character varying\((\d+)\)", existing)
    return int(match[1]) if match else None


def require(table: str, existing: dict[str, str], columns: list[Column]) -> None:
    """Check that an existing table can hold the columns of a run.

    Raises:
        SchemaConflictError: columns are missing, or have types that would alter values.
    """

    def advise(missing: list[Column], narrow: list[Column]) -> str:
        changes = [f"ADD COLUMN {quote(c.name)} {type_name(c.type)}" for c in missing]
        changes += [f"ALTER COLUMN {quote(c.name)} TYPE {type_name(c.type)}" for c in narrow]
        return f"ALTER TABLE {table} {', '.join(changes)}"

    fitting.require(table, existing, columns, holds, advise)
