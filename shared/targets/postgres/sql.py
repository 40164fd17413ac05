"""The statements about a run's rows. Pure: names in, text out; values are bound."""

from collections.abc import Sequence

from shared.core.schemas import Column
from shared.targets.columns import Existing
from shared.targets.postgres.identifiers import literal, quote
from shared.targets.postgres.types import OPEN_DECIMAL, plain, type_name

MARKER_TYPE = "timestamp with time zone"
"""Type of the column that marks rows as deleted, as ``format_type`` writes it."""

TRIMMED = "numeric without zeros at its end"
"""Stands for a cast that PostgreSQL has a function for. Source: "Mathematical Functions"."""

NOW = "SELECT clock_timestamp() AT TIME ZONE 'UTC'"
"""Returns the server's clock, in UTC without an offset."""


def qualified(schema: str, table: str) -> str:
    """Return ``"schema"."table"``."""
    return f"{quote(schema)}.{quote(table)}"


def create_schema(schema: str) -> str:
    """Return CREATE SCHEMA IF NOT EXISTS."""
    return f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}"


def create_table(table: str, columns: Sequence[Column], primary_key: Sequence[str]) -> str:
    """Return CREATE TABLE for a table that people will read. ``table`` is qualified."""
    lines = [_definition(c, is_key=c.name in primary_key) for c in columns]
    if primary_key:
        lines.append(f"PRIMARY KEY ({_list(primary_key)})")
    return f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(lines)})"


def add_primary_key(table: str, primary_key: Sequence[str]) -> str:
    """Return ALTER TABLE … ADD PRIMARY KEY. ``table`` is qualified."""
    return f"ALTER TABLE {table} ADD PRIMARY KEY ({_list(primary_key)})"


def create_staging(
    staging: str, columns: Sequence[Column], key: Sequence[str], *, is_unique: bool
) -> str:
    """Return CREATE UNLOGGED TABLE for a run's rows. ``staging`` is qualified.

    A crash of the server empties unlogged tables. ``_sluice.staged`` is unlogged too, so that it
    never names a part that a crash has taken away.
    """
    lines = [f"{quote(c.name)} {type_name(c.type)}" for c in columns]
    if key and is_unique:
        lines.append(f"PRIMARY KEY ({_list(key)})")
    return f"CREATE UNLOGGED TABLE IF NOT EXISTS {staging} ({', '.join(lines)})"


def drop(table: str) -> str:
    """Return DROP TABLE IF EXISTS. ``table`` is qualified."""
    return f"DROP TABLE IF EXISTS {table}"


def copy_in(table: str, columns: Sequence[Column]) -> str:
    """Return COPY … FROM STDIN in the binary format."""
    return f"COPY {table} ({_list([c.name for c in columns])}) FROM STDIN (FORMAT binary)"


def copy_table(table: str, copy: str) -> str:
    """Return CREATE TABLE … AS. Both are qualified."""
    return f"CREATE TABLE {copy} AS SELECT * FROM {table}"


def analyze(table: str) -> str:
    """Return ANALYZE: fresh tables have no statistics to plan joins by."""
    return f"ANALYZE {table}"


def count(table: str) -> str:
    """Return a count of all rows."""
    return f"SELECT count(*) FROM {table}"


def has_rows(table: str) -> str:
    """Return whether there is any row."""
    return f"SELECT EXISTS (SELECT 1 FROM {table})"


def count_unmarked(table: str, marker: str) -> str:
    """Return a count of the rows that are not marked as deleted."""
    return f"{count(table)} WHERE {quote(marker)} IS NULL"


def add_marker(table: str, marker: str) -> str:
    """Return ALTER TABLE … ADD COLUMN for the moment at which rows were deleted."""
    return f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {quote(marker)} {MARKER_TYPE}"


def add_column(table: str, column: Column) -> str:
    """Return ALTER TABLE … ADD COLUMN. ``table`` is qualified."""
    name = quote(column.name)
    return f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {name} {type_name(column.type)}"


def change_type(table: str, column: Column, existing: Existing) -> str:  # noqa: ARG001
    """Return ALTER TABLE … ALTER COLUMN … TYPE; NOT NULL stays as it is."""
    return f"ALTER TABLE {table} ALTER COLUMN {quote(column.name)} TYPE {type_name(column.type)}"


def drop_column(table: str, name: str) -> str:
    """Return ALTER TABLE … DROP COLUMN."""
    return f"ALTER TABLE {table} DROP COLUMN {quote(name)}"


def marker_value(snapshot: str) -> str:
    """Return the moment to mark rows with, as the text that is bound."""
    return f"{snapshot}+00"


def null_key(staging: str, key: Sequence[str]) -> str:
    """Return a count of staged rows in which a part of the key is NULL."""
    nulls = " OR ".join(f"{quote(k)} IS NULL" for k in key)
    return f"SELECT count(*) FROM {staging} WHERE {nulls}"


def too_long(staging: str, column: str) -> str:
    """Return a count of staged texts with more characters than the bound limit."""
    return f"SELECT count(*) FROM {staging} WHERE length({quote(column)}::text) > %s"


def repeated_key(staging: str, key: Sequence[str]) -> str:
    """Return a count of the keys that several staged rows share."""
    keys = f"SELECT 1 FROM {staging} GROUP BY {_list(key)} HAVING count(*) > 1"
    return f"SELECT count(*) FROM ({keys}) repeated"


TRANSACTION = "SELECT pg_current_xact_id()::xid::text"
"""The number of this transaction. A query that asks for it itself has no parallel workers."""


def added(transaction: str, *, since: int) -> str:
    """Return the condition that a row of ``t`` was added by a transaction.

    Args:
        transaction: its number.
        since: blocks of the table before; those that were full by then are not looked at.
    """
    mine = f"t.xmin = {literal(transaction)}::xid"
    return f"{mine} AND t.ctid >= '({since - 1},0)'::tid" if since > 0 else mine


def insert_all(table: str, staging: str, columns: Sequence[Column], casts: dict[str, str]) -> str:
    """Return INSERT of every staged row."""
    return (
        f"INSERT INTO {table} ({names(columns)}) SELECT {values(columns, casts)} FROM {staging} s"
    )


def delete_missing(table: str, staging: str, key: Sequence[str], casts: dict[str, str]) -> str:
    """Return DELETE of rows whose key is not staged."""
    return f"DELETE FROM {table} t WHERE NOT {is_staged(staging, key, casts)}"


def keep_readers_out(table: str) -> None:
    """Return nothing: readers see the rows as they were when they began."""


def delete_present(table: str, staging: str, key: Sequence[str], casts: dict[str, str]) -> str:
    """Return DELETE of rows whose key is staged."""
    return f"DELETE FROM {table} t WHERE {is_staged(staging, key, casts)}"


def mark_missing(
    table: str, staging: str, key: Sequence[str], casts: dict[str, str], marker: str
) -> str:
    """Return UPDATE that marks rows whose key is not staged, with the moment bound as text."""
    return (
        f"UPDATE {table} t SET {quote(marker)} = CAST(%s AS {MARKER_TYPE}) "
        f"WHERE t.{quote(marker)} IS NULL AND NOT {is_staged(staging, key, casts)}"
    )


def unmark_present(
    table: str, staging: str, key: Sequence[str], casts: dict[str, str], marker: str
) -> str:
    """Return UPDATE that takes the mark from rows whose key is staged."""
    return (
        f"UPDATE {table} t SET {quote(marker)} = NULL "
        f"WHERE t.{quote(marker)} IS NOT NULL AND {is_staged(staging, key, casts)}"
    )


def delete_all(table: str) -> str:
    """Return DELETE of every row; unlike TRUNCATE, readers keep seeing the rows until commit."""
    return f"DELETE FROM {table}"


def casts(existing: dict[str, str], columns: Sequence[Column]) -> dict[str, str]:
    """Return the casts that staged values need to fit an existing table's types."""
    found = {c.name: plain(existing[c.name]) for c in columns if c.name in existing}
    return {
        c.name: _trimmed(found[c.name], c)
        for c in columns
        if c.name in found and found[c.name] != type_name(c.type)
    }


def _trimmed(existing: str, column: Column) -> str:
    # A file's decimals have all the digits behind the point that there might be.
    return TRIMMED if existing == "numeric" and column.type == OPEN_DECIMAL else existing


def _definition(column: Column, *, is_key: bool) -> str:
    not_null = " NOT NULL" if is_key or not column.is_nullable else ""
    return f"{quote(column.name)} {type_name(column.type)}{not_null}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(quote(n) for n in names)


def names(columns: Sequence[Column]) -> str:
    """Return the names of columns, quoted, with commas."""
    return _list([c.name for c in columns])


def values(columns: Sequence[Column], casts: dict[str, str]) -> str:
    """Return the values of a staged row ``s`` as the table takes them, with commas."""
    return ", ".join(value(c, casts) for c in columns)


def value(column: Column, casts: dict[str, str]) -> str:
    """Return one value of a staged row ``s`` as the table takes it."""
    return _cast(column.name, casts)


def _cast(name: str, casts: dict[str, str]) -> str:
    wanted, value = casts.get(name, ""), f"s.{quote(name)}"
    if wanted == TRIMMED:
        return f"trim_scale({value})"
    if wanted.startswith("character"):
        # An explicit cast to varchar(n) would cut; without the length the assignment checks it.
        wanted = wanted.partition("(")[0]
    return f"{value}::{wanted}" if wanted else value


def is_staged(staging: str, key: Sequence[str], casts: dict[str, str]) -> str:
    """Return whether the key of row ``t`` of the table is that of a staged row."""
    return f"EXISTS (SELECT 1 FROM {staging} s WHERE {same_key(key, casts)})"


def same_key(key: Sequence[str], casts: dict[str, str], others: Sequence[str] | None = None) -> str:
    """Return whether staged row ``s`` and row ``t`` of a table have the same key.

    ``others`` are the columns of ``t``, if they are not called as those of ``s``.
    """
    pairs = zip(key, others or key, strict=True)
    return " AND ".join(same for k, other in pairs for same in _same(k, other, casts))


def _same(name: str, other: str, casts: dict[str, str]) -> list[str]:
    mine, theirs = f"t.{quote(other)}", _cast(name, casts)
    same = [f"{mine} = {theirs}"]
    if casts.get(name) == "citext":  # by its index, then exactly: another case is another key
        same.append(f"({mine})::text = ({theirs})::text")
    return same
