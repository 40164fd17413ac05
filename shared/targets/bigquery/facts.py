"""Facts of columns in BigQuery, each with its SQL; the rows are those of the alias ``t``."""

from collections.abc import Mapping, Sequence

from shared.core.measuring import FLOAT_FACTOR, FLOAT_LIMIT, Asked, aggregates, items
from shared.core.plans import Slice
from shared.core.schemas import Column, Kind
from shared.stage.readback import AS_NUMBERS
from shared.targets import selecting
from shared.targets.bigquery import types
from shared.targets.bigquery.identifiers import literal, quote

_NUMBERS: Mapping[Kind, str] = {
    Kind.BOOL: "CAST({0} AS INT64)",
    Kind.INT64: "{0}",
    Kind.DECIMAL: "{0}",
    Kind.FLOAT64: (
        f"IF(ABS({{0}}) < {FLOAT_LIMIT}, CAST(FLOOR({{0}} * {FLOAT_FACTOR}) AS INT64), NULL)"
    ),
    Kind.TEXT: "BYTE_LENGTH({0})",
    Kind.JSON: "BYTE_LENGTH({0})",
    Kind.BINARY: "BYTE_LENGTH({0})",
    Kind.DATE: "UNIX_DATE({0})",
    Kind.TIME: "TIME_DIFF({0}, TIME '00:00:00', MICROSECOND)",
    Kind.TIMESTAMP: "DATETIME_DIFF({0}, DATETIME '1970-01-01 00:00:00', MICROSECOND)",
    Kind.TIMESTAMPTZ: "UNIX_MICROS({0})",
}
"""Numbers of values, as docs/receipt.md defines them.

Source: BigQuery, "Date functions", "Time functions", "Datetime functions", "Timestamp functions".
"""


ROOMY_DIGITS = 19
"""Digits before the point with which NUMERIC still has room for the sum of 10^10 values."""


def facts_of(column: Column) -> dict[str, str]:
    """Return the facts of a column that BigQuery computes, by name; numbers as texts."""
    name = f"t.{quote(column.name)}"
    number = _NUMBERS[column.type.kind].format(name)
    found = aggregates(column, number=number, exact=_exact(column, number))
    texts = {fact: f"CAST({sql} AS STRING)" for fact, sql in found.items()}
    return {"nulls": f"COUNTIF({name} IS NULL)", **texts}


def _exact(column: Column, number: str) -> str:
    """Return a number in a type that has room for its sums; decimals mostly have it already."""
    precision, scale = column.type.precision or 0, column.type.scale or 0
    is_roomy = column.type.kind is Kind.DECIMAL and precision - scale <= ROOMY_DIGITS
    is_large = scale > types.NUMERIC_SCALE
    return number if is_roomy or is_large else f"CAST({number} AS BIGNUMERIC)"


def within(column: Column, piece: Slice) -> str:
    """Return the condition that a value lies in a slice."""
    name, kind = f"t.{quote(column.name)}", types.type_name(column.type)

    def compare(symbol: str, limit: str) -> str:
        return f"{name} {symbol} CAST({literal(limit)} AS {kind})"

    return selecting.within(piece, compare, f"{name} IS NULL")


def select(table: str, columns: Sequence[Column], condition: str = "") -> str:
    """Return the query for rows, times as whole numbers."""
    where = f" WHERE {condition}" if condition else ""
    found = []
    for column in columns:
        name, kind = f"t.{quote(column.name)}", column.type.kind
        value = _NUMBERS[kind].format(name) if kind in AS_NUMBERS else name
        found.append(f"{value} AS {quote(column.name)}")
    return f"SELECT {', '.join(found)} FROM {table} AS t{where}"


def is_null(name: str) -> str:
    """Return the condition that a column is NULL."""
    return f"t.{quote(name)} IS NULL"


def measure(table: str, asked: Asked, condition: str = "") -> str:
    """Return the query for facts of the rows of a table that meet a condition, or of all."""
    where = f" WHERE {condition}" if condition else ""
    return f"SELECT {', '.join(items(asked, 'COUNT(*)'))} FROM {table} AS t{where}"
