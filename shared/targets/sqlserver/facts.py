"""Facts of columns in SQL Server, each with its SQL; the rows are those of the alias ``t``."""

from collections.abc import Mapping, Sequence

from shared.core.measuring import FLOAT_FACTOR, FLOAT_LIMIT, Asked, aggregates, items
from shared.core.plans import Slice
from shared.core.schemas import Column, Kind
from shared.stage.readback import AS_NUMBERS
from shared.targets import selecting
from shared.targets.sqlserver import types
from shared.targets.sqlserver.identifiers import literal, quote

_NUMBERS: Mapping[Kind, str] = {
    Kind.BOOL: "CAST({0} AS int)",
    Kind.INT64: "{0}",
    Kind.DECIMAL: "{0}",
    Kind.FLOAT64: (
        f"CASE WHEN ABS({{0}}) < {FLOAT_LIMIT} "
        f"THEN CAST(FLOOR({{0}} * {FLOAT_FACTOR}) AS bigint) END"
    ),
    Kind.BINARY: "DATALENGTH({0})",
    Kind.DATE: "DATEDIFF(day, CAST('1970-01-01' AS date), CAST({0} AS date))",
    Kind.TIME: "DATEDIFF_BIG(microsecond, CAST('00:00:00' AS time(7)), {0})",
    Kind.TIMESTAMP: "DATEDIFF_BIG(microsecond, CAST('1970-01-01' AS datetime2(7)), {0})",
    Kind.TIMESTAMPTZ: (
        "DATEDIFF_BIG(microsecond, CAST('1970-01-01 00:00:00 +00:00' AS datetimeoffset(7)), {0})"
    ),
}
"""Numbers of values, as docs/receipt.md defines them.

DATEDIFF_BIG is there since SQL Server 2016. Source: "DATEDIFF_BIG (Transact-SQL)".
"""

_TEXTS = (Kind.TEXT, Kind.JSON)

_CHARACTERS = "LEN((CAST({0} AS nvarchar(max)) + N'.') COLLATE Latin1_General_100_CI_AS_SC) - 1"
"""Of a text; LEN leaves blanks at the end out, and counts a pair as one under this collation alone.

Source: "LEN (Transact-SQL)", remarks.
"""


def facts_of(column: Column, existing: str) -> dict[str, str]:
    """Return the facts of a column that SQL Server computes, by name.

    It has texts in UTF-16, so it knows their lengths in units of that and in characters, and not in
    bytes of UTF-8.
    """
    name = f"t.{quote(column.name)}"
    found = {"nulls": f"COUNT_BIG(*) - COUNT_BIG({name})"}
    if column.type.kind not in _TEXTS:
        number = _NUMBERS[column.type.kind].format(name)
        return found | aggregates(column, number=number, exact=f"CAST({number} AS {_sum(column)})")
    if types.bare(existing).startswith("nvarchar"):
        found["units"] = f"SUM(CAST(DATALENGTH({name}) AS bigint)) / 2"
        found["characters"] = f"SUM(CAST({_CHARACTERS.format(name)} AS bigint))"
    return found


def within(column: Column, piece: Slice) -> str:
    """Return the condition that a value lies in a slice."""
    name, kind = f"t.{quote(column.name)}", types.type_name(column.type)
    collate = ""
    if column.type.kind is Kind.TEXT:
        collate, kind = f" COLLATE {types.KEY_COLLATION}", "nvarchar(max)"

    def compare(symbol: str, limit: str) -> str:
        return f"{name}{collate} {symbol} CAST({literal(limit)} AS {kind}){collate}"

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
    return f"SELECT {', '.join(items(asked, 'COUNT_BIG(*)'))} FROM {table} AS t{where}"


def _sum(column: Column) -> str:
    return f"decimal(38,{column.type.scale if column.type.kind is Kind.DECIMAL else 0})"
