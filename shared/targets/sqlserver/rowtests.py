"""The statements of tests of all rows: names in, text out; rows are called ``s``."""

from collections.abc import Iterator, Sequence
from typing import Any

from shared.core.schemas import Column, Kind
from shared.targets.sqlserver import sql
from shared.targets.sqlserver.identifiers import quote


def count_repeated(rows: str, columns: Sequence[Column]) -> str:
    """Return a count of the rows whose values stand in another row too; NULLs do not count."""
    groups = _groups("COUNT_BIG(*) AS times", rows, columns)
    return f"SELECT COALESCE(SUM(times), 0) FROM ({groups}) AS r"


def repeated(rows: str, columns: Sequence[Column], limit: int) -> str:
    """Return some values that several rows have."""
    values = ", ".join(f"MIN({_ordered(c)}) AS {quote(c.name)}" for c in columns)
    return _groups(f"TOP ({limit}) {values}", rows, columns)


def count_where(rows: str, condition: str) -> str:
    """Return a count of the rows for which a condition is true."""
    return f"SELECT COUNT_BIG(*) FROM {rows} AS s WHERE {condition}"


def values_where(rows: str, columns: Sequence[Column], condition: str, limit: int) -> str:
    """Return the values of some rows for which a condition is true."""
    listed = ", ".join(_shown(c) for c in columns)
    return f"SELECT TOP ({limit}) {listed} FROM {rows} AS s WHERE {condition}"


def stands_in(
    table: str, columns: Sequence[str], others: Sequence[str], casts: dict[str, str]
) -> str:
    """Return whether a row's values stand in a table, or in a query for rows in brackets."""
    return f"EXISTS (SELECT 1 FROM {table} AS t WHERE {sql.same_key(columns, casts, others)})"


def not_staged(table: str, staging: str, key: Sequence[str], casts: dict[str, str]) -> str:
    """Return a query in brackets for the rows of a table whose key is not staged."""
    return f"(SELECT t.* FROM {table} AS t WHERE NOT {sql.is_staged(staging, key, casts)})"


def is_known(columns: Sequence[str]) -> str:
    """Return whether none of a row's values is NULL."""
    return " AND ".join(f"s.{quote(name)} IS NOT NULL" for name in columns)


def scan(
    cursor: Any, table: str, columns: Sequence[Column], batch_rows: int
) -> Iterator[Sequence[Sequence[Any]]]:
    """Yield the rows of a table, so many at a time."""
    listed = ", ".join(_shown(c) for c in columns)
    cursor.execute(f"SELECT {listed} FROM {table} AS s")
    while rows := cursor.fetchmany(batch_rows):
        yield rows


def _groups(what: str, rows: str, columns: Sequence[Column]) -> str:
    known = is_known([c.name for c in columns])
    exact = [each for c in columns for each in sql.comparable(c, f"s.{quote(c.name)}", {})]
    return (
        f"SELECT {what} FROM {rows} AS s WHERE {known} "
        f"GROUP BY {', '.join(exact)} HAVING COUNT_BIG(*) > 1"
    )


def _ordered(column: Column) -> str:
    if column.type.kind is Kind.BOOL:
        return f"CAST(s.{quote(column.name)} AS int)"  # a bit has no smallest value
    return _shown(column)


def _shown(column: Column) -> str:
    value = f"s.{quote(column.name)}"
    if column.type.kind is Kind.TIMESTAMPTZ:
        return f"CONVERT(nvarchar(40), {value}, 121)"  # the driver has no type for it
    return value
