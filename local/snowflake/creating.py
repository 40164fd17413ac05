"""CREATE: databases, schemas, tables and views, and the columns that a statement declares."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from local.snowflake import errors, outcome
from local.snowflake.catalog import (
    Table,
    columns_of,
    describe,
    find_table,
    has_database,
    has_schema,
    new_table_id,
    quote,
    require_schema,
    require_table,
)
from local.snowflake.columns import Column, from_sql, stored_from_duckdb
from local.snowflake.outcome import Outcome
from local.snowflake.queries import scope_of
from local.snowflake.session import Session
from local.snowflake.translate import Statement, render, table_name, translate, translate_tree

_IGNORED_PROPERTIES = (exp.TransientProperty, exp.Cluster, exp.ClusteredByProperty)
_IGNORED_CONSTRAINTS = (exp.UniqueColumnConstraint, exp.Reference)


def create(session: Session, statement: Statement, tree: exp.Create, kind: str) -> Outcome:
    """Run a CREATE statement."""
    is_optional = bool(tree.args.get("exists"))
    if kind == "DATABASE":
        name = tree.find(exp.Table, exp.Schema).name  # type: ignore[union-attr]
        session.engine.create_database(name, only_if_missing=is_optional)
        session.use_database(name)
        return outcome.status(f"Database {name} successfully created.")
    if kind == "SCHEMA":
        return _create_schema(session, tree, is_optional=is_optional)
    if kind in {"TABLE", "VIEW"}:
        return _create_relation(session, statement, tree, is_view=kind == "VIEW")
    raise errors.unsupported(f"CREATE {kind}")


def _create_schema(session: Session, tree: exp.Create, *, is_optional: bool) -> Outcome:
    target = tree.find(exp.Table)
    name = target.db if target else ""
    database = (target.catalog if target else "") or session.database
    if not database:
        raise errors.no_current_database("CREATE SCHEMA")
    if not has_database(session.connection, database):
        raise errors.missing("Database", database)
    if has_schema(session.connection, database, name):
        if not is_optional:
            raise errors.already_exists(f"{database}.{name}")
        return outcome.status(f"{name} already exists, statement succeeded.")
    session.connection.execute(f"CREATE SCHEMA {quote(database)}.{quote(name)}").fetchall()
    session.use_schema(database, name)
    return outcome.status(f"Schema {name} successfully created.")


def _create_relation(
    session: Session, statement: Statement, tree: exp.Create, *, is_view: bool
) -> Outcome:
    target = tree.find(exp.Table)
    if target is None:
        raise errors.unsupported(statement.sql)
    name = table_name(target, session.database, session.schema)
    require_schema(session.connection, name.database, name.schema)
    existing = find_table(session.connection, name)
    if existing and not tree.args.get("replace"):
        if not tree.args.get("exists"):
            raise errors.already_exists(str(name))
        return outcome.status(f"{name.name} already exists, statement succeeded.")
    schema = tree.this if isinstance(tree.this, exp.Schema) else None
    new = Table(
        name=name,
        id=new_table_id(),
        is_view=is_view,
        created_us=session.engine.clock.now_us(),
        comment=_table_comment(tree),
        primary_key=_primary_key(schema),
    )
    with session.changing(name, new=new) as noted:
        if existing:
            drop_relation(session, existing)
        if is_view:
            columns = _create_view(session, statement, tree, new)
        else:
            columns = _create_table(session, statement, tree, new)
        describe(session.connection, new, columns)
        noted.rows = 0 if is_view else 1
    kind = "View" if is_view else "Table"
    return outcome.status(f"{kind} {name.name} successfully created.")


def _create_view(
    session: Session, statement: Statement, tree: exp.Create, view: Table
) -> list[Column]:
    query = Statement(statement.sql, statement.tree.expression)
    sql = render(translate(query, scope_of(session, session.connection)))
    names = tree.this.expressions if isinstance(tree.this, exp.Schema) else []
    listed = f"({', '.join(quote(name.name) for name in names)})" if names else ""
    session.connection.execute(f"CREATE VIEW {view.name.sql}{listed} AS {sql}").fetchall()
    return columns_of(session.connection, view.name)


def _create_table(
    session: Session, statement: Statement, tree: exp.Create, table: Table
) -> list[Column]:
    schema = tree.this if isinstance(tree.this, exp.Schema) else None
    definitions = schema.expressions if schema else []
    columns = [
        declared_column(session, definition, table.primary_key)
        for definition in definitions
        if isinstance(definition, exp.ColumnDef)
    ]
    clone = tree.args.get("clone")
    if clone is not None:
        return _create_clone(session, clone, table)
    if tree.expression is not None and tree.expression:
        return _create_from_query(session, statement, table, columns)
    if not columns:
        raise errors.unsupported(statement.sql)
    create_empty(session, table, columns)
    return columns


def create_empty(session: Session, table: Table, columns: list[Column]) -> None:
    """Create a table without rows, within a transaction; the caller describes it."""
    parts = [column_sql(column) for column in columns]
    session.connection.execute(f"CREATE TABLE {table.name.sql} ({', '.join(parts)})").fetchall()


def _create_clone(session: Session, clone: exp.Expr, table: Table) -> list[Column]:
    source = clone.this
    if not isinstance(source, exp.Table) or source.args.get("when"):
        raise errors.unsupported("CLONE … AT")
    name = table_name(source, session.database, session.schema)
    require_table(session.connection, name)
    columns = columns_of(session.connection, name)
    create_empty(session, table, columns)
    session.connection.execute(f"INSERT INTO {table.name.sql} FROM {name.sql}").fetchall()
    return columns


def _create_from_query(
    session: Session, statement: Statement, table: Table, declared: list[Column]
) -> list[Column]:
    """CREATE TABLE AS: whole numbers become NUMBER, so that later rows fit too."""
    query = Statement(statement.sql, statement.tree.expression)
    sql = render(translate(query, scope_of(session, session.connection)))
    relation = session.connection.sql(sql)
    if declared and len(declared) != len(relation.columns):
        raise errors.SnowflakeError(
            2026, "42601", "SQL compilation error:\nInvalid column definition list"
        )
    columns = declared or [
        Column(name=name, type=stored_from_duckdb(str(kind)))
        for name, kind in zip(relation.columns, relation.types, strict=True)
    ]
    create_empty(session, table, columns)
    session.connection.execute(f"INSERT INTO {table.name.sql} {sql}").fetchall()
    return columns


def column_sql(column: Column) -> str:
    """A column as DuckDB's CREATE and ALTER have it."""
    null = "" if column.is_nullable else " NOT NULL"
    default = f" DEFAULT {column.default}" if column.default else ""
    return f"{quote(column.name)} {column.type.duckdb}{null}{default}"


def declared_column(session: Session, definition: exp.ColumnDef, key: tuple[str, ...]) -> Column:
    """A column as a statement declares it; those of the key are NOT NULL."""
    if definition.kind is None:
        raise errors.unsupported("a column without a type")
    column = Column(
        name=definition.name,
        type=from_sql(definition.kind),
        is_nullable=definition.name not in key,
    )
    for constraint in definition.args.get("constraints") or []:
        kind = constraint.args.get("kind")
        if isinstance(kind, exp.NotNullColumnConstraint):
            column = replace(column, is_nullable=bool(kind.args.get("allow_null")))
        elif isinstance(kind, exp.CommentColumnConstraint):
            column = replace(column, comment=kind.name)
        elif isinstance(kind, exp.DefaultColumnConstraint):
            column = replace(column, default=_default(session, kind.this))
        elif not isinstance(kind, (exp.PrimaryKeyColumnConstraint, *_IGNORED_CONSTRAINTS)):
            raise errors.unsupported(f"column option {constraint.sql(dialect='snowflake')}")
    return column


def _default(session: Session, value: exp.Expr) -> str:
    """A column's default; the current time is that of each row, not that of the definition."""
    if isinstance(value, exp.CurrentTimestamp):
        return "timezone('UTC', now())" if value.args.get("sysdate") else "now()"
    return render(translate_tree(value.copy(), scope_of(session, session.connection)))


def _primary_key(schema: exp.Schema | None) -> tuple[str, ...]:
    if schema is None:
        return ()
    for definition in schema.expressions:
        key = definition.find(exp.PrimaryKey)
        if key is not None:
            return tuple(part.name for part in key.expressions)
    return tuple(
        definition.name
        for definition in schema.expressions
        if definition.find(exp.PrimaryKeyColumnConstraint)
    )


def _table_comment(tree: exp.Create) -> str | None:
    properties = tree.args.get("properties")
    comment = None
    for item in properties.expressions if properties else []:
        if isinstance(item, exp.SchemaCommentProperty):
            comment = item.name
        elif not isinstance(item, _IGNORED_PROPERTIES):
            raise errors.unsupported(f"table option {item.sql(dialect='snowflake')}")
    return comment


def drop_relation(session: Session, table: Table) -> None:
    """Drop a table or a view, and its history."""
    kind = "VIEW" if table.is_view else "TABLE"
    session.connection.execute(f"DROP {kind} {table.name.sql}").fetchall()
    session.engine.history.forget(session.connection, table)
