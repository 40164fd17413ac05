"""Statements that define: CREATE, DROP, ALTER and COMMENT for databases, schemas, tables and views.

As in Snowflake, each commits the open transaction first and is one of its own. Keys are recorded,
never enforced, which is also Snowflake's way.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from local.snowflake import errors, outcome
from local.snowflake.catalog import (
    Table,
    columns_of,
    describe,
    describe_column,
    find_table,
    has_database,
    has_schema,
    quote,
    require_table,
)
from local.snowflake.columns import from_sql
from local.snowflake.creating import column_sql, create, declared_column, drop_relation
from local.snowflake.outcome import Outcome
from local.snowflake.session import Session
from local.snowflake.translate import Statement, normalize, table_name


def define(session: Session, statement: Statement) -> Outcome:
    """Run a CREATE, DROP, ALTER or COMMENT statement."""
    session.commit()
    tree = normalize(statement.tree.copy())
    kind = str(tree.args.get("kind") or "").upper()
    if isinstance(tree, exp.Create):
        return create(session, statement, tree, kind)
    if isinstance(tree, exp.Drop):
        return _drop(session, tree, kind)
    if isinstance(tree, exp.Alter) and kind == "TABLE":
        return _alter_table(session, tree)
    if isinstance(tree, exp.Comment):
        return _comment(session, tree, kind)
    raise errors.unsupported(statement.sql)


def _drop(session: Session, tree: exp.Drop, kind: str) -> Outcome:
    target = tree.args.get("tables", [None])[0] or tree.this
    is_optional = bool(tree.args.get("exists"))
    if kind == "DATABASE":
        name = target.name
        if is_optional and not has_database(session.connection, name):
            return outcome.status("Drop statement executed successfully.")
        session.engine.drop_database(name)
        if session.database == name:
            session.database = session.schema = None
        return outcome.status(f"{name} successfully dropped.")
    if kind == "SCHEMA":
        return _drop_schema(session, target, is_optional=is_optional)
    if kind not in {"TABLE", "VIEW"}:
        raise errors.unsupported(f"DROP {kind}")
    full_name = table_name(target, session.database, session.schema)
    if is_optional and find_table(session.connection, full_name) is None:
        return outcome.status("Drop statement executed successfully.")
    with session.changing(full_name, only_appends=True) as noted:
        drop_relation(session, noted.table)
    return outcome.status(f"{full_name.name} successfully dropped.")


def _drop_schema(session: Session, target: exp.Table, *, is_optional: bool) -> Outcome:
    database, name = target.catalog or session.database, target.db
    if not database:
        raise errors.no_current_database("DROP SCHEMA")
    if not has_schema(session.connection, database, name):
        if is_optional:
            return outcome.status("Drop statement executed successfully.")
        raise errors.missing("Schema", f"{database}.{name}")
    statement = f"DROP SCHEMA {quote(database)}.{quote(name)} CASCADE"
    session.connection.execute(statement).fetchall()
    if (session.database, session.schema) == (database, name):
        session.schema = None
    return outcome.status(f"{name} successfully dropped.")


def _alter_table(session: Session, tree: exp.Alter) -> Outcome:
    name = table_name(tree.this, session.database, session.schema)
    if tree.args.get("exists") and find_table(session.connection, name) is None:
        return outcome.done(outcome.DDL)
    actions = tree.args["actions"]
    is_rename = all(isinstance(action, exp.AlterRename) for action in actions)
    with session.changing(name, only_appends=is_rename) as noted:
        for action in actions:
            _alter(session, noted.table, action)
        noted.rows = 0 if is_rename else 1
    return outcome.done(outcome.DDL)


def _alter(session: Session, table: Table, action: exp.Expr) -> None:
    alter = f"ALTER TABLE {table.name.sql}"
    run = session.connection.execute
    if isinstance(action, exp.ColumnDef):
        column = declared_column(session, action, ())
        exists = "IF NOT EXISTS " if action.args.get("exists") else ""
        run(f"{alter} ADD COLUMN {exists}{column_sql(column)}").fetchall()
        describe_column(session.connection, table.name, column)
    elif isinstance(action, exp.Drop):
        exists = "IF EXISTS " if action.args.get("exists") else ""
        for target in action.args.get("tables") or [action.this]:
            run(f"{alter} DROP COLUMN {exists}{quote(target.name)}").fetchall()
    elif isinstance(action, exp.RenameColumn):
        new = action.args["to"].name
        run(f"{alter} RENAME COLUMN {quote(action.this.name)} TO {quote(new)}").fetchall()
    elif isinstance(action, exp.AlterRename):
        run(f"{alter} RENAME TO {quote(action.this.name)}").fetchall()
    elif isinstance(action, exp.AlterColumn):
        _alter_column(session, table, action)
    else:
        raise errors.unsupported(f"ALTER TABLE {action.sql(dialect='snowflake')}")


def _alter_column(session: Session, table: Table, action: exp.AlterColumn) -> None:
    columns = {column.name: column for column in columns_of(session.connection, table.name)}
    column = columns.get(action.this.name)
    if column is None:
        raise errors.SnowflakeError(
            904, "42000", f"SQL compilation error:\ninvalid identifier '{action.this.name}'"
        )
    alter = f"ALTER TABLE {table.name.sql} ALTER COLUMN {quote(column.name)}"
    declared = action.args.get("dtype")
    if declared is not None:
        column = replace(column, type=from_sql(declared))
        session.connection.execute(f"{alter} TYPE {column.type.duckdb}").fetchall()
    elif action.args.get("allow_null") is not None:
        verb = "DROP" if action.args["allow_null"] else "SET"
        session.connection.execute(f"{alter} {verb} NOT NULL").fetchall()
    elif action.args.get("comment") is not None:
        column = replace(column, comment=action.args["comment"].name)
    else:
        raise errors.unsupported(f"ALTER TABLE {action.sql(dialect='snowflake')}")
    describe_column(session.connection, table.name, column)


def _comment(session: Session, tree: exp.Comment, kind: str) -> Outcome:
    text = tree.expression.name
    target = tree.this
    if kind == "COLUMN":
        owner = exp.Table(
            this=target.args.get("table"),
            db=target.args.get("db"),
            catalog=target.args.get("catalog"),
        )
        name = table_name(owner, session.database, session.schema)
        require_table(session.connection, name)
        for column in columns_of(session.connection, name):
            if column.name == target.name:
                describe_column(session.connection, name, replace(column, comment=text))
        return outcome.done(outcome.DDL)
    if kind not in {"TABLE", "VIEW"}:
        raise errors.unsupported(f"COMMENT ON {kind}")
    table = require_table(session.connection, table_name(target, session.database, session.schema))
    describe(session.connection, replace(table, comment=text), ())
    return outcome.done(outcome.DDL)
