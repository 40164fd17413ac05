"""What exists: databases, schemas, tables and columns, and the SQL behind their metadata.

A Snowflake database is a DuckDB file, attached under its name. What DuckDB has no place for
(declared types, comments, keys, a table's identity and age) is JSON in DuckDB's own comments, so
that it follows a table through renames and transactions. Each database has a hidden schema for its
history (`history.py`); nothing here shows it.
"""

# ruff: noqa: S608 - names cannot be parameters; all that are put into SQL here are quoted
from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from local.snowflake.columns import Column, from_duckdb, from_text
from local.snowflake.errors import missing

HIDDEN_SCHEMA = "_history"
_INTERNAL_SCHEMAS = f"('{HIDDEN_SCHEMA}', 'main', 'information_schema', 'pg_catalog')"
INFORMATION_SCHEMA = "INFORMATION_SCHEMA"


@dataclass(frozen=True, slots=True)
class TableName:
    """The full name of a table or view."""

    database: str
    schema: str
    name: str

    @property
    def sql(self) -> str:
        """Quoted, as DuckDB reads it."""
        return f"{quote(self.database)}.{quote(self.schema)}.{quote(self.name)}"

    def __str__(self) -> str:
        return f"{self.database}.{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table or view that exists. `id` stays through renames and ends with CREATE OR REPLACE."""

    name: TableName
    id: str
    is_view: bool
    created_us: int
    comment: str | None = None
    primary_key: tuple[str, ...] = ()


def first_row(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any] = ()
) -> tuple[Any, ...] | None:
    """Run a statement to its end, as DuckDB wants it before the next, and return the first row."""
    rows = connection.execute(sql, list(parameters)).fetchall()
    return rows[0] if rows else None


def quote(identifier: str) -> str:
    """Quote an identifier for DuckDB."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a string for DuckDB."""
    return "'" + text.replace("'", "''") + "'"


def has_database(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether a database of exactly this name exists."""
    sql = "SELECT 1 FROM duckdb_databases() WHERE database_name = ? AND NOT internal AND path <> ''"
    return first_row(con, sql, [name]) is not None


def has_schema(con: duckdb.DuckDBPyConnection, database: str, schema: str) -> bool:
    """Whether the database has a visible schema of exactly this name."""
    if schema == INFORMATION_SCHEMA:
        return has_database(con, database)
    sql = (
        "SELECT 1 FROM duckdb_schemas() WHERE database_name = ? AND schema_name = ? "
        f"AND schema_name NOT IN {_INTERNAL_SCHEMAS}"
    )
    return first_row(con, sql, [database, schema]) is not None


def find_table(con: duckdb.DuckDBPyConnection, name: TableName) -> Table | None:
    """Look a table or view up by its exact name."""
    if name.schema == HIDDEN_SCHEMA:
        return None
    # Listing views takes longer, and most names are tables.
    for is_view, listing, column in (
        (False, "duckdb_tables()", "table_name"),
        (True, "duckdb_views()", "view_name"),
    ):
        row = first_row(
            con,
            f"SELECT comment FROM {listing} "
            f"WHERE database_name = ? AND schema_name = ? AND {column} = ?",
            [name.database, name.schema, name.name],
        )
        if row is not None:
            facts = json.loads(row[0] or "{}")
            return Table(
                name=name,
                id=facts.get("id", ""),
                is_view=is_view,
                created_us=facts.get("created_us", 0),
                comment=facts.get("comment"),
                primary_key=tuple(facts.get("primary_key", ())),
            )
    return None


def require_table(con: duckdb.DuckDBPyConnection, name: TableName) -> Table:
    """Look a table or view up.

    Raises:
        SnowflakeError: 2003, naming the outermost part that is missing.
    """
    table = find_table(con, name)
    if table is None:
        require_schema(con, name.database, name.schema)
        raise missing("Object", str(name))
    return table


def require_schema(con: duckdb.DuckDBPyConnection, database: str, schema: str) -> None:
    """Raise SnowflakeError 2003 unless database and schema exist."""
    if not has_database(con, database):
        raise missing("Database", database)
    if not has_schema(con, database, schema):
        raise missing("Schema", f"{database}.{schema}")


def columns_of(con: duckdb.DuckDBPyConnection, name: TableName) -> list[Column]:
    """The columns of a table or view in order, as declared."""
    sql = (
        "SELECT column_name, data_type, is_nullable, comment, column_default FROM duckdb_columns() "
        "WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index"
    )
    rows = con.execute(sql, [name.database, name.schema, name.name]).fetchall()
    return [_column(row) for row in rows]


def _column(row: tuple[str, str, bool, str | None, str | None]) -> Column:
    name, data_type, is_nullable, comment, default = row
    facts = json.loads(comment or "{}")
    return Column(
        name=name,
        type=from_text(facts["type"]) if "type" in facts else from_duckdb(data_type),
        is_nullable=is_nullable,
        comment=facts.get("comment"),
        default=default,
    )


def describe(con: duckdb.DuckDBPyConnection, table: Table, columns: Sequence[Column]) -> None:
    """Write a table's and its columns' facts into their comments."""
    kind = "VIEW" if table.is_view else "TABLE"
    facts = {
        "id": table.id,
        "created_us": table.created_us,
        "comment": table.comment,
        "primary_key": list(table.primary_key),
    }
    con.execute(f"COMMENT ON {kind} {table.name.sql} IS {literal(json.dumps(facts))}").fetchall()
    for column in columns:
        describe_column(con, table.name, column)


def describe_column(con: duckdb.DuckDBPyConnection, table: TableName, column: Column) -> None:
    """Write a column's declared type and comment into its comment."""
    kind = column.type
    facts: dict[str, Any] = {
        "type": kind.sql,
        "kind": {"FIXED": "NUMBER", "REAL": "FLOAT"}.get(kind.kind, kind.kind),
        "precision": kind.precision,
        "scale": kind.scale,
        "length": kind.length,
        "bytes": column.rowtype()["byteLength"],
        "comment": column.comment,
    }
    target = f"{table.sql}.{quote(column.name)}"
    con.execute(f"COMMENT ON COLUMN {target} IS {literal(json.dumps(facts))}").fetchall()


def new_table_id() -> str:
    """An identity for a table that is being created."""
    return uuid.uuid4().hex


def information_schema(database: str, view: str) -> str | None:
    """The DuckDB query behind a view of INFORMATION_SCHEMA, None when it is not served."""
    template = _VIEWS.get(view)
    if template is None:
        return None
    return template.format(
        database=literal(database),
        versions=f"{quote(database)}.{HIDDEN_SCHEMA}.versions",
        hidden=_INTERNAL_SCHEMAS,
    )


# Sizes are an estimate: rows times eight bytes a column; Snowflake's are those of compressed files.
_TABLES = """
SELECT
    t.database_name AS "TABLE_CATALOG", t.schema_name AS "TABLE_SCHEMA", t.name AS "TABLE_NAME",
    'SYSADMIN' AS "TABLE_OWNER", t.type AS "TABLE_TYPE", 'NO' AS "IS_TRANSIENT",
    NULL::VARCHAR AS "CLUSTERING_KEY",
    v.row_count::DECIMAL(38,0) AS "ROW_COUNT",
    (v.row_count * t.column_count * 8)::DECIMAL(38,0) AS "BYTES",
    1::DECIMAL(38,0) AS "RETENTION_TIME",
    make_timestamptz((t.comment ->> '$.created_us')::BIGINT) AS "CREATED",
    make_timestamptz(coalesce(v.changed_us, (t.comment ->> '$.created_us')::BIGINT))
        AS "LAST_ALTERED",
    'NO' AS "AUTO_CLUSTERING_ON",
    t.comment ->> '$.comment' AS "COMMENT"
FROM (
    SELECT database_name, schema_name, table_name AS name, 'BASE TABLE' AS type, column_count,
        comment::JSON AS comment FROM duckdb_tables()
    UNION ALL
    SELECT database_name, schema_name, view_name, 'VIEW', column_count,
        comment::JSON FROM duckdb_views()
) t
LEFT JOIN (
    SELECT table_id, arg_max(row_count, committed_us) AS row_count,
        max(committed_us) AS changed_us
    FROM {versions} GROUP BY table_id
) v ON v.table_id = t.comment ->> '$.id'
WHERE t.database_name = {database} AND t.schema_name NOT IN {hidden}
"""
_COLUMNS = """
SELECT
    c.database_name AS "TABLE_CATALOG", c.schema_name AS "TABLE_SCHEMA",
    c.table_name AS "TABLE_NAME", c.column_name AS "COLUMN_NAME",
    c.column_index::DECIMAL(38,0) AS "ORDINAL_POSITION", c.column_default AS "COLUMN_DEFAULT",
    CASE WHEN c.is_nullable THEN 'YES' ELSE 'NO' END AS "IS_NULLABLE",
    c.facts ->> '$.kind' AS "DATA_TYPE",
    (c.facts ->> '$.length')::DECIMAL(38,0) AS "CHARACTER_MAXIMUM_LENGTH",
    (c.facts ->> '$.bytes')::DECIMAL(38,0) AS "CHARACTER_OCTET_LENGTH",
    (c.facts ->> '$.precision')::DECIMAL(38,0) AS "NUMERIC_PRECISION",
    CASE WHEN c.facts ->> '$.kind' = 'NUMBER' THEN 10 END::DECIMAL(38,0)
        AS "NUMERIC_PRECISION_RADIX",
    CASE WHEN c.facts ->> '$.kind' = 'NUMBER' THEN c.facts ->> '$.scale' END::DECIMAL(38,0)
        AS "NUMERIC_SCALE",
    CASE WHEN c.facts ->> '$.kind' LIKE 'TIME%' THEN c.facts ->> '$.scale' END::DECIMAL(38,0)
        AS "DATETIME_PRECISION",
    NULL::VARCHAR AS "COLLATION_NAME", 'NO' AS "IS_IDENTITY",
    c.facts ->> '$.comment' AS "COMMENT"
FROM (SELECT *, comment::JSON AS facts FROM duckdb_columns()) c
WHERE c.database_name = {database} AND c.schema_name NOT IN {hidden}
"""
_SCHEMATA = """
SELECT database_name AS "CATALOG_NAME", schema_name AS "SCHEMA_NAME", 'SYSADMIN' AS "SCHEMA_OWNER"
FROM (
    SELECT database_name, schema_name FROM duckdb_schemas() WHERE schema_name NOT IN {hidden}
    UNION ALL
    SELECT {database}, 'INFORMATION_SCHEMA'
)
WHERE database_name = {database}
"""
_VIEWS_VIEW = """
SELECT database_name AS "TABLE_CATALOG", schema_name AS "TABLE_SCHEMA", view_name AS "TABLE_NAME",
    'SYSADMIN' AS "TABLE_OWNER", sql AS "VIEW_DEFINITION"
FROM duckdb_views() WHERE database_name = {database} AND schema_name NOT IN {hidden}
"""
_CONSTRAINTS = """
SELECT database_name AS "CONSTRAINT_CATALOG", schema_name AS "CONSTRAINT_SCHEMA",
    'SYS_CONSTRAINT_' || (comment::JSON ->> '$.id') AS "CONSTRAINT_NAME",
    database_name AS "TABLE_CATALOG", schema_name AS "TABLE_SCHEMA", table_name AS "TABLE_NAME",
    'PRIMARY KEY' AS "CONSTRAINT_TYPE", 'NO' AS "ENFORCED"
FROM duckdb_tables()
WHERE database_name = {database} AND schema_name NOT IN {hidden}
    AND json_array_length(comment::JSON -> '$.primary_key') > 0
"""
_DATABASES = """
SELECT database_name AS "DATABASE_NAME", 'SYSADMIN' AS "DATABASE_OWNER", 'STANDARD' AS "TYPE"
FROM duckdb_databases() WHERE NOT internal AND path <> ''
"""
_VIEWS = {
    "TABLES": _TABLES,
    "COLUMNS": _COLUMNS,
    "SCHEMATA": _SCHEMATA,
    "VIEWS": _VIEWS_VIEW,
    "TABLE_CONSTRAINTS": _CONSTRAINTS,
    "DATABASES": _DATABASES,
}
