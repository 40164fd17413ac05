"""The statements of tests of all rows. Pure: names in, text out; rows are called ``s``."""

from collections.abc import Sequence

from shared.core.schemas import Column
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


def _groups(what: str, rows: str, columns: Sequence[Column]) -> str:
    known = is_known([c.name for c in columns])
    return (
        f"SELECT {what} FROM {rows} s WHERE {known} GROUP BY {_listed(columns)} HAVING count(*) > 1"
    )


def _listed(columns: Sequence[Column]) -> str:
    return ", ".join(f"s.{quote(c.name)}" for c in columns)
