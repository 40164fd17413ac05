"""Facts of columns in PostgreSQL, each with its SQL; the rows are those of the alias ``t``."""

from collections.abc import Mapping, Sequence

from shared.core.measuring import FLOAT_FACTOR, FLOAT_LIMIT, Asked, aggregates, items
from shared.core.plans import Slice
from shared.core.schemas import Column, Kind
from shared.stage.readback import AS_NUMBERS
from shared.targets import selecting
from shared.targets.postgres.identifiers import literal, quote
from shared.targets.postgres.types import type_name

_DAY_US = 86_400_000_000

_IN_UTF8 = "(SELECT getdatabaseencoding() = 'UTF8')"
"""Asked once per query: then the length of a text in bytes is known without reading it."""

_MOMENT = (
    f"(({{0}})::date - DATE '1970-01-01')::bigint * {_DAY_US} "
    "+ round(date_part('epoch', ({0})::time) * 1000000)::bigint"
)
"""In whole days and a time of day, since seconds since 1970 have no exact microseconds."""

_NUMBERS: Mapping[Kind, str] = {
    Kind.BOOL: "{0}::int",
    Kind.INT64: "{0}",
    Kind.DECIMAL: "{0}",
    Kind.FLOAT64: (
        f"CASE WHEN abs({{0}}) < {FLOAT_LIMIT} THEN floor({{0}} * {FLOAT_FACTOR})::bigint END"
    ),
    Kind.TEXT: (
        f"CASE WHEN {_IN_UTF8} THEN octet_length({{0}}::text) "
        "ELSE octet_length(convert_to({0}::text, 'UTF8')) END"
    ),
    Kind.BINARY: "octet_length({0})",
    Kind.DATE: "({0}::date - DATE '1970-01-01')",
    Kind.TIME: "round(date_part('epoch', {0}) * 1000000)::bigint",
    Kind.TIMESTAMP: _MOMENT,
    Kind.TIMESTAMPTZ: _MOMENT.format("{0} AT TIME ZONE 'UTC'"),
}
"""Numbers of values, as docs/receipt.md defines them."""

_REWRITTEN = ("jsonb", "uuid")
"""Types that write a text in their own way."""


_QUOTED = (Kind.TEXT, Kind.JSON, Kind.BINARY)

_WRITTEN: Mapping[Kind, str] = {
    **{kind: _NUMBERS[kind] for kind in AS_NUMBERS},
    Kind.BINARY: "encode({0}, 'hex')",
}


def facts_of(column: Column, existing: str) -> dict[str, str]:
    """Return the facts of a column that PostgreSQL computes, by name."""
    name = f"t.{quote(column.name)}"
    kind = Kind.TEXT if column.type.kind is Kind.JSON else column.type.kind
    number = None if existing in _REWRITTEN else _NUMBERS[kind].format(name)
    return {"nulls": f"count(*) - count({name})", **aggregates(column, number=number)}


def copy_out(table: str, columns: Sequence[Column], condition: str = "") -> str:
    """Return COPY … TO STDOUT of rows as CSV; texts are in quotes, NULL is not."""
    where = f" WHERE {condition}" if condition else ""
    listed = ", ".join(f"{_written(column)} AS {quote(column.name)}" for column in columns)
    quoted = ", ".join(quote(column.name) for column in columns if column.type.kind in _QUOTED)
    options = "FORMAT csv, ENCODING 'UTF8'" + (f", FORCE_QUOTE ({quoted})" if quoted else "")
    return f"COPY (SELECT {listed} FROM {table} t{where}) TO STDOUT ({options})"


def _written(column: Column) -> str:
    kind = column.type.kind
    written = _WRITTEN.get(kind, "{0}::text" if kind in _QUOTED else "{0}")
    return written.format(f"t.{quote(column.name)}")


def within(column: Column, piece: Slice) -> str:
    """Return the condition that a value lies in a slice; COPY takes no bound values."""
    name, kind = f"t.{quote(column.name)}", type_name(column.type)
    if column.type.kind is Kind.TEXT:
        name = f'{name}::text COLLATE "C"'

    def compare(symbol: str, limit: str) -> str:
        return f"{name} {symbol} CAST({literal(limit)} AS {kind})"

    return selecting.within(piece, compare, f"{name} IS NULL")


def is_null(name: str) -> str:
    """Return the condition that a column is NULL."""
    return f"t.{quote(name)} IS NULL"


def measure(table: str, asked: Asked, condition: str = "") -> str:
    """Return the query for facts of the rows of a table that meet a condition, or of all."""
    where = f" WHERE {condition}" if condition else ""
    return f"SELECT {', '.join(items(asked, 'count(*)'))} FROM {table} t{where}"
