"""The statements of tests of all rows: names in, text out; rows are called ``s``."""

from collections.abc import Iterator, Sequence
from typing import Any

from shared.core.schemas import Column, Kind
from shared.targets.postgres import sql
from shared.targets.postgres.identifiers import quote


def count_repeated(rows: str, columns: Sequence[Column]) -> str:
    """Return a count of the rows whose values stand in another row too; NULLs do not count."""
    return f"SELECT coalesce(sum(times), 0) FROM ({_groups('count(*) AS times', rows, columns)}) r"


def repeated(rows: str, columns: Sequence[Column], limit: int) -> str:
    """Return some values that several rows have."""
    return f"{_groups(_listed(columns), rows, columns)} LIMIT {limit}"


def count_where(rows: str, condition: str) -> str:
    """Return a count of the rows for which a condition is true."""
    return f"SELECT count(*) FROM {rows} s WHERE {condition}"


def values_where(rows: str, columns: Sequence[Column], condition: str, limit: int) -> str:
    """Return the values of some rows for which a condition is true."""
    return f"SELECT {_listed(columns)} FROM {rows} s WHERE {condition} LIMIT {limit}"


def stands_in(
    table: str, columns: Sequence[str], others: Sequence[str], casts: dict[str, str]
) -> str:
    """Return whether a row's values stand in a table, or in a query for rows in brackets."""
    return f"EXISTS (SELECT 1 FROM {table} t WHERE {sql.same_key(columns, casts, others)})"


def not_staged(table: str, staging: str, key: Sequence[str], casts: dict[str, str]) -> str:
    """Return a query in brackets for the rows of a table whose key is not staged."""
    return f"(SELECT t.* FROM {table} t WHERE NOT {sql.is_staged(staging, key, casts)})"


def is_known(columns: Sequence[str]) -> str:
    """Return whether none of a row's values is NULL."""
    return " AND ".join(f"s.{quote(name)} IS NOT NULL" for name in columns)


def scan(
    cursor: Any, table: str, columns: Sequence[Column], batch_rows: int
) -> Iterator[Sequence[Sequence[Any]]]:
    """Yield the rows of a table, so many at a time; the driver would take all of them at once."""
    values = ", ".join(_read(c) for c in columns)
    cursor.execute(f"DECLARE sluice_scan NO SCROLL CURSOR FOR SELECT {values} FROM {table} s")
    while True:
        cursor.execute(f"FETCH {batch_rows} FROM sluice_scan")
        rows = cursor.fetchall()
        if not rows:
            return
        yield rows


def _read(column: Column) -> str:
    value = f"s.{quote(column.name)}"
    is_text = column.type.kind in (Kind.TEXT, Kind.JSON)
    return f"{value}::text" if is_text else value


def _groups(what: str, rows: str, columns: Sequence[Column]) -> str:
    known = is_known([c.name for c in columns])
    return (
        f"SELECT {what} FROM {rows} s WHERE {known} GROUP BY {_listed(columns)} HAVING count(*) > 1"
    )


def _listed(columns: Sequence[Column]) -> str:
    return ", ".join(f"s.{quote(c.name)}" for c in columns)
