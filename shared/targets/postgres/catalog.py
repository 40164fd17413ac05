"""What PostgreSQL's own catalogue says about a table. Names are qualified and quoted."""

from typing import Any

from shared.errors import TargetRefusedError

EXISTS = "SELECT to_regclass(%s) IS NOT NULL"

SCHEMA_EXISTS = "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = %s)"

COLUMNS = (
    "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, c.relkind::text "
    "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
    "WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 "
    "AND NOT a.attisdropped ORDER BY a.attnum"
)

NO_TABLES = {"v": "a view", "m": "a materialised view", "f": "a foreign table"}
"""What has columns and is no table that rows could be put into, by its ``relkind``.

Source: PostgreSQL, pg_class.
"""

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %s"

PRIMARY_KEY = (
    "SELECT a.attname FROM pg_index i JOIN pg_attribute a "
    "ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) "
    "WHERE i.indrelid = to_regclass(%s) AND i.indisprimary "
    "ORDER BY array_position(i.indkey::int2[], a.attnum)"
)

PRIMARY_KEY_NAME = (
    "SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(%s) AND contype = 'p'"
)

BLOCKS = "SELECT pg_relation_size(to_regclass(%s)) / current_setting('block_size')::int"


def exists(cursor: Any, table: str) -> bool:
    """Say whether there is such a table."""
    cursor.execute(EXISTS, (table,))
    return bool(cursor.fetchone()[0])


def schema_exists(cursor: Any, schema: str) -> bool:
    """Say whether there is such a schema; its name is not quoted."""
    cursor.execute(SCHEMA_EXISTS, (schema,))
    return bool(cursor.fetchone()[0])


def columns(cursor: Any, table: str) -> list[tuple[str, str, bool]]:
    """Return name, type as ``format_type`` writes it, and NOT NULL of each column, in order.

    Raises:
        TargetRefusedError: it is a view or a foreign table.
    """
    cursor.execute(COLUMNS, (table,))
    found = cursor.fetchall()
    if found and (what := NO_TABLES.get(found[0][3])):
        raise TargetRefusedError(
            f"{table} is {what}, and rows can be put into tables alone: they are locked, compared "
            "and replaced in one transaction. Name a table, and let the view read it"
        )
    return [(name, kind, not_null) for name, kind, not_null, _ in found]


def primary_key(cursor: Any, table: str) -> tuple[str, ...]:
    """Return the columns of the primary key, in its order."""
    cursor.execute(PRIMARY_KEY, (table,))
    return tuple(row[0] for row in cursor.fetchall())


def primary_key_name(cursor: Any, table: str) -> str | None:
    """Return what the constraint of the primary key is called; None where there is no key."""
    cursor.execute(PRIMARY_KEY_NAME, (table,))
    found = cursor.fetchone()
    return found[0] if found else None


def blocks(cursor: Any, table: str) -> int:
    """Return how many blocks a table has on disk; 0 where there is none, or it has partitions."""
    cursor.execute(BLOCKS, (table,))
    return int(cursor.fetchone()[0] or 0)


def tables(cursor: Any, schema: str) -> list[str]:
    """Return the names of a schema's tables; the schema's name is not quoted."""
    cursor.execute(TABLES, (schema,))
    return [row[0] for row in cursor.fetchall()]


def destination(cursor: Any, table: str) -> dict[str, str]:  # noqa: ARG001
    """Return nothing: values are checked among the staged rows."""
    return {}
