"""The statements about a run's rows. Pure: names in, text out; values are bound.

Plain T-SQL of SQL Server 2016 and later; no MERGE, whose concurrency has traps of its own.
"""

from collections.abc import Sequence

from shared.core.schemas import Column, Kind
from shared.targets.columns import Existing
from shared.targets.sqlserver import types
from shared.targets.sqlserver.identifiers import literal, quote

MARKER_TYPE = "datetimeoffset(7)"
"""Type of the column that marks rows as deleted."""

_SNAPSHOT_DIGITS = len("2024-01-31 00:00:00.1234567")
"""A datetimeoffset has seven digits of a second, a snapshot nine."""

_TEXTS = (Kind.TEXT, Kind.JSON)

_COMPARED = ("nvarchar", "nchar", "varchar", "char", "varbinary", "binary")
"""How the types begin that are compared in a way of their own; others are cast to."""

_NARROW = ("varchar", "char")
"""How the types begin whose texts are in a code page, which another collation would change."""

NOW = "SELECT SYSUTCDATETIME()"
"""Returns the server's clock, in UTC without an offset."""


def qualified(schema: str, table: str) -> str:
    """Return ``[schema].[table]``."""
    return f"{quote(schema)}.{quote(table)}"


def create_schema(schema: str) -> str:
    """Return CREATE SCHEMA if there is none; it has to be a batch of its own."""
    create = literal(f"CREATE SCHEMA {quote(schema)}")
    return f"IF SCHEMA_ID({literal(schema)}) IS NULL EXEC({create})"


def create_table(table: str, columns: Sequence[Column], primary_key: Sequence[str]) -> str:
    """Return CREATE TABLE for a table that people will read. ``table`` is qualified."""
    names = types.type_names(columns, primary_key)
    lines = [_definition(c, names[c.name], is_key=c.name in primary_key) for c in columns]
    if primary_key:
        lines.append(f"PRIMARY KEY ({_list(primary_key)})")
    return f"CREATE TABLE {table} ({', '.join(lines)})"


def create_staging(
    staging: str, columns: Sequence[Column], key: Sequence[str], *, is_unique: bool
) -> str:
    """Return CREATE TABLE for a run's rows, if it is not there. ``staging`` is qualified."""
    names = types.type_names(columns, key)
    required = key if is_unique else ()
    lines = [
        f"{quote(c.name)} {names[c.name]} {'NOT NULL' if c.name in required else 'NULL'}"
        for c in columns
    ]
    if required:
        lines.append(f"PRIMARY KEY ({_list(required)})")
    create = f"CREATE TABLE {staging} ({', '.join(lines)})"
    return f"IF OBJECT_ID({literal(staging)}, N'U') IS NULL {create}"


def drop(table: str) -> str:
    """Return DROP TABLE IF EXISTS. ``table`` is qualified."""
    return f"DROP TABLE IF EXISTS {table}"


def copy_table(table: str, copy: str) -> str:
    """Return SELECT … INTO. Both are qualified."""
    return f"SELECT * INTO {copy} FROM {table}"


def analyze(table: str) -> None:
    """Return nothing: SQL Server makes statistics when it needs them."""


def insert_json(table: str, columns: Sequence[Column]) -> str:
    """Return INSERT of the rows of one JSON document, an array of arrays, which is bound.

    Page locks: a part may have more rows than SQL Server has room for row locks, and a lock of the
    whole table would keep the run's other parts waiting.
    """
    fields = ", ".join(
        f"{quote(f'c{number}')} {_sent_as(column)} '$[{number}]'"
        for number, column in enumerate(columns)
    )
    values = ", ".join(_received(number, column) for number, column in enumerate(columns))
    return (
        f"INSERT INTO {table} WITH (PAGLOCK) ({_names(columns)}) SELECT {values} "
        f"FROM OPENJSON(CAST(? AS nvarchar(max))) WITH ({fields}) AS j"
    )


def count(table: str) -> str:
    """Return a count of all rows."""
    return f"SELECT COUNT_BIG(*) FROM {table}"


def has_rows(table: str) -> str:
    """Return whether there is any row."""
    return f"SELECT CASE WHEN EXISTS (SELECT 1 FROM {table}) THEN 1 ELSE 0 END"


def count_unmarked(table: str, marker: str) -> str:
    """Return a count of the rows that are not marked as deleted."""
    return f"{count(table)} WHERE {quote(marker)} IS NULL"


def add_marker(table: str, marker: str) -> str:
    """Return ALTER TABLE … ADD for the moment at which rows were deleted."""
    return f"ALTER TABLE {table} ADD {quote(marker)} {MARKER_TYPE} NULL"


def add_column(table: str, column: Column) -> str:
    """Return ALTER TABLE … ADD. ``table`` is qualified."""
    return f"ALTER TABLE {table} ADD {quote(column.name)} {types.type_name(column.type)} NULL"


def change_type(table: str, column: Column, existing: Existing) -> str:
    """Return ALTER TABLE … ALTER COLUMN; what is not said again would be lost.

    A column that may be NULL needs no word for that, which not every T-SQL server takes.
    Source: "ALTER TABLE (Transact-SQL)", ALTER COLUMN.
    """
    kind, collation = types.type_name(column.type), types.collation(existing.type)
    collated = f" COLLATE {collation}" if collation and kind.startswith("nvarchar") else ""
    required = " NOT NULL" if existing.is_required else ""
    return f"ALTER TABLE {table} ALTER COLUMN {quote(column.name)} {kind}{collated}{required}"


def drop_column(table: str, name: str) -> str:
    """Return ALTER TABLE … DROP COLUMN."""
    return f"ALTER TABLE {table} DROP COLUMN {quote(name)}"


def marker_value(snapshot: str) -> str:
    """Return the moment to mark rows with, as the text that is bound."""
    return f"{snapshot[:_SNAPSHOT_DIGITS]} +00:00"


def null_key(staging: str, key: Sequence[str]) -> str:
    """Return a count of staged rows in which a part of the key is NULL."""
    nulls = " OR ".join(f"{quote(k)} IS NULL" for k in key)
    return f"{count(staging)} WHERE {nulls}"


def repeated_key(staging: str, key: Sequence[str]) -> str:
    """Return a count of the keys that several staged rows share."""
    keys = f"SELECT COUNT_BIG(*) AS times FROM {staging} GROUP BY {_list(key)}"
    return f"SELECT COUNT_BIG(*) FROM ({keys} HAVING COUNT_BIG(*) > 1) AS repeated"


def too_long(staging: str, column: str) -> str:
    """Return a count of staged texts with more UTF-16 units than the bound limit."""
    return f"{count(staging)} WHERE DATALENGTH({quote(column)}) > 2 * CAST(? AS bigint)"


def keep_readers_out(table: str) -> str:
    """Return a statement that takes the table for itself until the transaction ends.

    Under READ COMMITTED with locks, a reader that began before the publish could otherwise go on
    behind it, and see old rows and new. Readers of row versions are not kept waiting.
    """
    return f"SELECT TOP (1) 1 FROM {table} WITH (TABLOCKX, HOLDLOCK)"


def insert_all(table: str, staging: str, columns: Sequence[Column], casts: dict[str, str]) -> str:
    """Return INSERT of every staged row."""
    values = ", ".join(value(c.name, casts) for c in columns)
    return f"INSERT INTO {table} ({_names(columns)}) SELECT {values} FROM {staging} AS s"


def delete_missing(table: str, staging: str, key: Sequence[str], casts: dict[str, str]) -> str:
    """Return DELETE of rows whose key is not staged."""
    return f"DELETE t FROM {table} AS t WHERE NOT {is_staged(staging, key, casts)}"


def delete_present(table: str, staging: str, key: Sequence[str], casts: dict[str, str]) -> str:
    """Return DELETE of rows whose key is staged."""
    return f"DELETE t FROM {table} AS t WHERE {is_staged(staging, key, casts)}"


def mark_missing(
    table: str, staging: str, key: Sequence[str], casts: dict[str, str], marker: str
) -> str:
    """Return UPDATE that marks rows whose key is not staged, with the moment bound as text."""
    return (
        f"UPDATE t SET {quote(marker)} = CAST(? AS {MARKER_TYPE}) FROM {table} AS t "
        f"WHERE t.{quote(marker)} IS NULL AND NOT {is_staged(staging, key, casts)}"
    )


def unmark_present(
    table: str, staging: str, key: Sequence[str], casts: dict[str, str], marker: str
) -> str:
    """Return UPDATE that takes the mark from rows whose key is staged."""
    return (
        f"UPDATE t SET {quote(marker)} = NULL FROM {table} AS t "
        f"WHERE t.{quote(marker)} IS NOT NULL AND {is_staged(staging, key, casts)}"
    )


def delete_all(table: str) -> str:
    """Return DELETE of every row; unlike TRUNCATE, it leaves foreign keys and rights alone."""
    return f"DELETE FROM {table}"


def casts(existing: dict[str, str], columns: Sequence[Column]) -> dict[str, str]:
    """Return the types in the table of the columns that are compared or converted in their own way.

    ``existing`` is empty where the table is a staging table too.
    """
    odd = (*_TEXTS, Kind.BINARY)
    own = {c.name: types.type_name(c.type) for c in columns if c.type.kind in odd}
    converted = {
        c.name: existing[c.name]
        for c in columns
        if c.name in existing and _is_converted(c, existing[c.name])
    }
    return {name: existing.get(name, kind) for name, kind in own.items()} | converted


def _is_converted(column: Column, existing: str) -> bool:
    is_day = column.type.kind is Kind.DATE and existing != types.type_name(column.type)
    return is_day or types.rounds(existing, column.type)


def _definition(column: Column, kind: str, *, is_key: bool) -> str:
    return f"{quote(column.name)} {kind} {'NULL' if _may_be_null(column, is_key) else 'NOT NULL'}"


def _may_be_null(column: Column, is_key: bool) -> bool:  # noqa: FBT001
    return column.is_nullable and not is_key


def _sent_as(column: Column) -> str:
    return "nvarchar(max)" if column.type.kind is Kind.BINARY else types.type_name(column.type)


def _received(number: int, column: Column) -> str:
    value = f"j.{quote(f'c{number}')}"
    if column.type.kind is Kind.BINARY:
        return f"CONVERT(varbinary(max), {value}, 2)"  # 2: hexadecimal digits, no 0x
    return value


def _list(names: Sequence[str]) -> str:
    return ", ".join(quote(n) for n in names)


def _names(columns: Sequence[Column]) -> str:
    return _list([c.name for c in columns])


def value(name: str, casts: dict[str, str]) -> str:
    """Return one value of a staged row ``s`` as the table takes it."""
    value = f"s.{quote(name)}"
    kind = casts.get(name, "")
    if kind and not kind.startswith(_COMPARED):
        return f"CAST({value} AS {kind})"
    return value


def comparable(column: Column, value: str, casts: dict[str, str]) -> list[str]:
    """Return what differs whenever two values do: a collation takes some for equal."""
    if column.type.kind is Kind.BINARY:
        return [value, f"DATALENGTH({value})"]  # zeros at the end do not count
    if column.type.kind in _TEXTS and casts.get(column.name) != "uniqueidentifier":
        return _exact(value, casts.get(column.name, ""))
    return [value]


def _exact(value: str, kind: str) -> list[str]:
    """Return what differs whenever two texts do; blanks at the end count by the length alone."""
    text = f"CAST({value} AS nvarchar(max))" if kind.startswith(_NARROW) else value
    return [f"{text} COLLATE {types.KEY_COLLATION}", f"DATALENGTH({text})"]


def is_staged(staging: str, key: Sequence[str], casts: dict[str, str]) -> str:
    """Return whether the key of row ``t`` of the table is that of a staged row."""
    return f"EXISTS (SELECT 1 FROM {staging} AS s WHERE {same_key(key, casts)})"


def same_key(key: Sequence[str], casts: dict[str, str], others: Sequence[str] | None = None) -> str:
    """Return whether staged row ``s`` and row ``t`` of a table have the same key.

    ``others`` are the columns of ``t``, if they are not called as those of ``s``.
    """
    pairs = zip(key, others or key, strict=True)
    return " AND ".join(same for k, other in pairs for same in _same(k, other, casts))


def _same(name: str, other: str, casts: dict[str, str]) -> list[str]:
    mine, theirs, kind = f"t.{quote(other)}", value(name, casts), casts.get(name)
    if kind is None or not kind.startswith(_COMPARED):
        return [f"{mine} = {theirs}"]
    lengths = f"DATALENGTH({mine}) = DATALENGTH({theirs})"
    collation = types.collation(kind)
    if collation in (None, types.KEY_COLLATION):
        return [f"{mine} = {theirs}", lengths]  # blanks and zeros at the end do not count
    # By the table's collation for the sake of its index, then exactly.
    exact = zip(_exact(mine, kind), _exact(theirs, kind), strict=True)
    return [f"{mine} = {theirs} COLLATE {collation}", *(f"{m} = {t}" for m, t in exact)]
