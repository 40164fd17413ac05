"""SHOW and DESCRIBE: the catalogue as result sets with Snowflake's column names."""

# ruff: noqa: S608 - names cannot be parameters; all that are put into SQL here are quoted
from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import exp

from local.snowflake import errors, outcome
from local.snowflake.catalog import (
    Table,
    columns_of,
    find_table,
    has_database,
    information_schema,
    literal,
    quote,
    require_table,
)
from local.snowflake.columns import TEXT, Column, from_duckdb
from local.snowflake.outcome import Outcome
from local.snowflake.results import BATCH_ROWS
from local.snowflake.session import Session
from local.snowflake.translate import Statement, normalize, table_name

_SHOW_PARAMETERS = re.compile(
    r"\s*SHOW\s+PARAMETERS(?:\s+LIKE\s+'([^']*)')?(?:\s+(?:IN|FOR)\s+SESSION)?\s*;?\s*",
    re.IGNORECASE,
)
_TABLES = (
    '"CREATED" AS "created_on", "TABLE_NAME" AS "name", "TABLE_CATALOG" AS "database_name", '
    "\"TABLE_SCHEMA\" AS \"schema_name\", CASE \"TABLE_TYPE\" WHEN 'VIEW' THEN 'VIEW' ELSE 'TABLE' "
    'END AS "kind", "COMMENT" AS "comment", \'\' AS "cluster_by", "ROW_COUNT" AS "rows", '
    '"BYTES" AS "bytes", "TABLE_OWNER" AS "owner", \'1\' AS "retention_time"'
)
_SCHEMAS = (
    'NULL::TIMESTAMPTZ AS "created_on", "SCHEMA_NAME" AS "name", '
    '"CATALOG_NAME" AS "database_name", "SCHEMA_OWNER" AS "owner"'
)
_COLUMNS = (
    '"TABLE_NAME" AS "table_name", "TABLE_SCHEMA" AS "schema_name", '
    '"COLUMN_NAME" AS "column_name", "DATA_TYPE" AS "data_type", "IS_NULLABLE" AS "null?", '
    '"COLUMN_DEFAULT" AS "default", \'COLUMN\' AS "kind", "COMMENT" AS "comment", '
    '"TABLE_CATALOG" AS "database_name"'
)
_DATABASES = (
    'NULL::TIMESTAMPTZ AS "created_on", "DATABASE_NAME" AS "name", "DATABASE_OWNER" AS "owner"'
)
# SHOW …: the view of the information schema, its columns, and the names of its scope and name
# columns.
_LISTS = {
    "TABLES": ("TABLES", _TABLES, "TABLE_SCHEMA", "TABLE_NAME", "\"TABLE_TYPE\" <> 'VIEW'"),
    "VIEWS": ("TABLES", _TABLES, "TABLE_SCHEMA", "TABLE_NAME", "\"TABLE_TYPE\" = 'VIEW'"),
    "OBJECTS": ("TABLES", _TABLES, "TABLE_SCHEMA", "TABLE_NAME", "true"),
    "SCHEMAS": ("SCHEMATA", _SCHEMAS, "", "SCHEMA_NAME", "true"),
    "COLUMNS": ("COLUMNS", _COLUMNS, "TABLE_SCHEMA", "COLUMN_NAME", "true"),
    "DATABASES": ("DATABASES", _DATABASES, "", "DATABASE_NAME", "true"),
}
_KEY_COLUMNS = (
    *("created_on", "database_name", "schema_name", "table_name", "column_name"),
    *("key_sequence", "constraint_name", "rely", "comment"),
)


def show(session: Session, statement: Statement) -> Outcome:
    """Run a SHOW statement."""
    parameters = _SHOW_PARAMETERS.fullmatch(statement.sql)
    if parameters:
        return _show_parameters(session, parameters[1])
    tree = normalize(statement.tree.copy())
    what = tree.name.upper()
    if what == "PRIMARY KEYS":
        return _show_primary_keys(session, tree)
    if what in {"IMPORTED KEYS", "UNIQUE KEYS"}:
        return _texts(_KEY_COLUMNS, [])
    if not isinstance(tree, exp.Show) or what not in _LISTS:
        raise errors.unsupported(statement.sql)
    return _show_list(session, tree, what)


def _show_list(session: Session, tree: exp.Expr, what: str) -> Outcome:
    view, columns, schema_column, name_column, condition = _LISTS[what]
    scope, kind = tree.args.get("scope"), str(tree.args.get("scope_kind") or "")
    database, schema = session.database, session.schema
    conditions = [condition]
    if kind == "DATABASE" and scope is not None:
        database, schema = scope.name or session.database, None
    elif kind == "SCHEMA" and scope is not None:
        database, schema = scope.db or session.database, scope.name
    elif kind == "TABLE" and scope is not None:
        name = table_name(scope, session.database, session.schema)
        require_table(session.connection, name)
        database, schema = name.database, name.schema
        conditions.append(f'"TABLE_NAME" = {literal(name.name)}')
    if what == "DATABASES":
        conditions = ["true"]
    elif not database:
        raise errors.no_current_database(f"SHOW {what}")
    elif not has_database(session.connection, database):
        raise errors.missing("Database", database)
    if schema and schema_column and kind != "ACCOUNT":
        conditions.append(f"{quote(schema_column)} = {literal(schema)}")
    like = tree.args.get("like")
    if like is not None:
        conditions.append(f"{quote(name_column)} ILIKE {literal(like.name)}")
    source = information_schema(database or "", view)
    sql = f"SELECT {columns} FROM ({source}) WHERE {' AND '.join(conditions)} ORDER BY ALL"
    return _run(session, sql, outcome.SHOW)


def _run(session: Session, sql: str, statement_type: int) -> Outcome:
    relation = session.connection.sql(sql)
    columns = [
        Column(name=name, type=from_duckdb(str(kind)))
        for name, kind in zip(relation.columns, relation.types, strict=True)
    ]
    batches = [batch for batch in relation.to_arrow_reader(BATCH_ROWS) if batch.num_rows]
    return Outcome(statement_type=statement_type, columns=tuple(columns), batches=batches)


def _show_primary_keys(session: Session, tree: exp.Expr) -> Outcome:
    scope = tree.args.get("scope")
    if scope is None or tree.args.get("scope_kind") not in {"TABLE", None}:
        raise errors.unsupported("SHOW PRIMARY KEYS without a table")
    table = require_table(session.connection, table_name(scope, session.database, session.schema))
    rows = [_key_row(table, position, column) for position, column in enumerate(table.primary_key)]
    return _texts(_KEY_COLUMNS, rows)


def _key_row(table: Table, position: int, column: str) -> list[str | None]:
    name = table.name
    return [
        *(None, name.database, name.schema, name.name, column),
        *(str(position + 1), f"SYS_CONSTRAINT_{table.id}", "false", None),
    ]


def _show_parameters(session: Session, like: str | None) -> Outcome:
    pattern = re.compile((like or "%").replace("_", ".").replace("%", ".*"), re.IGNORECASE)
    rows: list[list[str | None]] = []
    for name, value in sorted(session.parameters.items()):
        if pattern.fullmatch(name):
            default = session.default_parameter(name)
            level = "" if value == default else "SESSION"
            kind = {bool: "BOOLEAN", int: "NUMBER"}.get(type(default), "STRING")
            rows.append([name, _text(value), _text(default), level, "", kind])
    return _texts(("key", "value", "default", "level", "description", "type"), rows)


def _text(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def describe(session: Session, statement: Statement) -> Outcome:
    """Run DESCRIBE TABLE or VIEW."""
    target = normalize(statement.tree.copy()).this
    if not isinstance(target, exp.Table):
        raise errors.unsupported(statement.sql)
    name = table_name(target, session.database, session.schema)
    table = find_table(session.connection, name) or require_table(session.connection, name)
    rows: list[list[str | None]] = [
        [
            *(column.name, column.type.sql, "COLUMN", "Y" if column.is_nullable else "N"),
            *(column.default, "Y" if column.name in table.primary_key else "N", "N"),
            *(None, None, column.comment, None, None),
        ]
        for column in columns_of(session.connection, name)
    ]
    names = (
        *("name", "type", "kind", "null?", "default", "primary key", "unique key"),
        *("check", "expression", "comment", "policy name", "privacy domain"),
    )
    return _texts(names, rows, outcome.DESCRIBE)


def _texts(
    names: Sequence[str],
    rows: Sequence[Sequence[str | None]],
    statement_type: int = outcome.SHOW,
) -> Outcome:
    columns = [Column(name=name, type=TEXT) for name in names]
    return outcome.table(statement_type, columns, rows)
