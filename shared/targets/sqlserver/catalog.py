"""What SQL Server's own catalogue says about a table. Names are qualified and quoted."""

from typing import Any

EXISTS = "SELECT OBJECT_ID(?, N'U')"

SCHEMA_EXISTS = "SELECT SCHEMA_ID(?)"

COLUMNS = (
    "SELECT c.name, t.name, c.max_length, c.precision, c.scale, c.is_nullable, c.collation_name "
    "FROM sys.columns AS c JOIN sys.types AS t ON t.user_type_id = c.user_type_id "
    "WHERE c.object_id = OBJECT_ID(?, N'U') ORDER BY c.column_id"
)

TABLES = (
    "SELECT o.name FROM sys.tables AS o JOIN sys.schemas AS n ON n.schema_id = o.schema_id "
    "WHERE n.name = ?"
)

PRIMARY_KEY = (
    "SELECT c.name FROM sys.indexes AS i "
    "JOIN sys.index_columns AS k ON k.object_id = i.object_id AND k.index_id = i.index_id "
    "JOIN sys.columns AS c ON c.object_id = k.object_id AND c.column_id = k.column_id "
    "WHERE i.object_id = OBJECT_ID(?, N'U') AND i.is_primary_key = 1 ORDER BY k.key_ordinal"
)

_WITH_BYTES = ("char", "varchar", "binary", "varbinary")
_WITH_UNITS = ("nchar", "nvarchar")
_WITH_SCALE = ("time", "datetime2", "datetimeoffset")


def exists(cursor: Any, table: str) -> bool:
    """Say whether there is such a table."""
    cursor.execute(EXISTS, (table,))
    return cursor.fetchone()[0] is not None


def schema_exists(cursor: Any, schema: str) -> bool:
    """Say whether there is such a schema; its name is not quoted."""
    cursor.execute(SCHEMA_EXISTS, (schema,))
    return cursor.fetchone()[0] is not None


def columns(cursor: Any, table: str) -> list[tuple[str, str, bool]]:
    """Return name, type as ``types`` writes it, and NOT NULL of each column, in order."""
    cursor.execute(COLUMNS, (table,))
    return [
        (name, _kind(kind, length, precision, scale, collation), not nullable)
        for name, kind, length, precision, scale, nullable, collation in cursor.fetchall()
    ]


def primary_key(cursor: Any, table: str) -> tuple[str, ...]:
    """Return the columns of the primary key, in its order."""
    cursor.execute(PRIMARY_KEY, (table,))
    return tuple(row[0] for row in cursor.fetchall())


def tables(cursor: Any, schema: str) -> list[str]:
    """Return the names of a schema's tables; the schema's name is not quoted."""
    cursor.execute(TABLES, (schema,))
    return [row[0] for row in cursor.fetchall()]


def destination(cursor: Any, table: str) -> dict[str, str]:
    """Return the types of a table's columns; empty when it does not exist."""
    return {name: kind for name, kind, _ in columns(cursor, table)}


def _kind(name: str, length: int, precision: int, scale: int, collation: str | None) -> str:
    if name in _WITH_BYTES or name in _WITH_UNITS:
        size = length // 2 if name in _WITH_UNITS else length
        suffix = f" COLLATE {collation}" if collation else ""
        return f"{name}({'max' if length < 0 else size}){suffix}"
    if name in ("decimal", "numeric"):
        return f"{name}({precision},{scale})"
    return f"{name}({scale})" if name in _WITH_SCALE else name
