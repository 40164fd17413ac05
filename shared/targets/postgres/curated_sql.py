"""The statements of a model's refresh. Pure: names in, text out; names go through quote().

The SELECT itself is the model's own text, which deployment has parsed and found to be one SELECT.
"""

from collections.abc import Sequence

from shared.config.curated import ModelTest
from shared.targets.postgres.identifiers import literal, quote

ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
"""The first statement of a refresh. Source: PostgreSQL, "Transaction Isolation"."""

_STAGE_NAME = '"sluice_model"'

STAGE = f'"pg_temp".{_STAGE_NAME}'
"""The rows of one refresh: a table of the session, gone with the transaction."""

STANDINGS = (
    "SELECT table_name, epoch, run_id FROM _sluice.state "
    "WHERE table_name = ANY(%s) AND run_id IS NOT NULL ORDER BY table_name"
)

WINDOW = "SELECT snapshot, low, high FROM _sluice.loads WHERE run_id = %s"
"""What a committed run read, from the target's own record of it."""

UNSEEN = """SELECT count(*) FROM pg_catalog.pg_locks l
LEFT JOIN pg_catalog.pg_class seen ON seen.oid = l.relation
WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'
  AND coalesce(seen.relfilenode, 1) <> 0
  AND pg_relation_filenode(l.relation) <> coalesce(seen.relfilenode, 0)"""
"""Counts the tables in use that were made, or rewritten, after the snapshot, and look empty to it.

``pg_class`` is read by the snapshot, ``pg_relation_filenode`` tells what there is now: NULL of a
view and of a table that is gone. A catalog of the server itself has 0. Source: PostgreSQL,
"Caveats" of concurrency control, and pg_class.
"""


def stage(select: str, cursor: str, low: str | None) -> str:
    """Return what computes the rows of a model, from a cursor on if there is one.

    The line break ends a comment that may end the SELECT.
    """
    since = "" if low is None else f"\nWHERE m.{quote(cursor)} >= {literal(low)}"
    make = f"CREATE TEMPORARY TABLE {_STAGE_NAME} ON COMMIT DROP AS"
    return f"{make}\nSELECT * FROM (\n{select}\n) m{since}"


def newest(cursor: str) -> str:
    """Return the largest cursor of the rows, as text."""
    return f"SELECT max({quote(cursor)})::text FROM {STAGE}"


def create_like_stage(table: str) -> str:
    """Return what makes an empty table of the rows' columns."""
    return f"CREATE TABLE {table} AS SELECT * FROM {STAGE} WITH NO DATA"


def add_key(table: str, key: Sequence[str]) -> str:
    """Return what makes columns the primary key of an empty table."""
    return f"ALTER TABLE {table} ADD PRIMARY KEY ({_list(key)})"


def drop_key(table: str, name: str, columns: Sequence[str]) -> str:
    """Return what drops a primary key, and lets its columns be NULL again.

    Source: PostgreSQL, "ALTER TABLE": NOT NULL, which a primary key brings, outlives it.
    """
    nullable = [f"ALTER COLUMN {quote(column)} DROP NOT NULL" for column in columns]
    return f"ALTER TABLE {table} {', '.join([f'DROP CONSTRAINT {quote(name)}', *nullable])}"


def delete_staged(table: str, key: Sequence[str]) -> str:
    """Return DELETE of the rows whose key the new rows have."""
    same = " AND ".join(f"t.{quote(k)} = s.{quote(k)}" for k in key)
    return f"DELETE FROM {table} t USING {STAGE} s WHERE {same}"


def insert_staged(table: str, columns: Sequence[str]) -> str:
    """Return INSERT of all new rows."""
    return f"INSERT INTO {table} ({_list(columns)}) SELECT {_list(columns)} FROM {STAGE}"


def broken(test: ModelTest, table: str) -> str:
    """Return a count of the rows that break a test."""
    if test.accepted is not None:
        return f"SELECT count(*) FROM {table} WHERE (\n{test.accepted}\n) IS NOT TRUE"
    if test.not_null:
        missing = " OR ".join(f"{quote(name)} IS NULL" for name in test.not_null)
        return f"SELECT count(*) FROM {table} WHERE {missing}"
    names = test.unique or []
    there = " AND ".join(f"{quote(name)} IS NOT NULL" for name in names)
    return (
        "SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n "
        f"FROM {table} WHERE {there} GROUP BY {_list(names)} HAVING count(*) > 1) repeated"
    )


def _list(names: Sequence[str]) -> str:
    return ", ".join(quote(name) for name in names)
