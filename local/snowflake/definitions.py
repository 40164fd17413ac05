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
    new_table_id,
    quote,
    require_schema,
    require_table,
)
from local.snowflake.columns import Column, from_sql, stored_from_duckdb
from local.snowflake.outcome import Outcome
from local.snowflake.queries import scope_of
from local.snowflake.session import Session
from local.snowflake.translate import (
    Statement,
    normalize,
    render,
    table_name,
    translate,
    translate_tree,
)

_IGNORED_PROPERTIES = (exp.TransientProperty, exp.Cluster, exp.ClusteredByProperty)
_IGNORED_CONSTRAINTS = (exp.UniqueColumnConstraint, exp.Reference)


def define(session: Session, statement: Statement) -> Outcome:
    """Run a CREATE, DROP, ALTER or COMMENT statement."""
    session.commit()
    tree = normalize(statement.tree.copy())
    kind = str(tree.args.get("kind") or "").upper()
    if isinstance(tree, exp.Create):
        return _create(session, statement, tree, kind)
    if isinstance(tree, exp.Drop):
        return _drop(session, tree, kind)
    if isinstance(tree, exp.Alter) and kind == "TABLE":
        return _alter_table(session, tree)
    if isinstance(tree, exp.Comment):
        return _comment(session, tree, kind)
    raise errors.unsupported(statement.sql)


def _create(session: Session, statement: Statement, tree: exp.Create, kind: str) -> Outcome:
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
            _drop_relation(session, existing)
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
        _column(session, definition, table.primary_key)
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
    parts = [_column_sql(column) for column in columns]
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


def _column_sql(column: Column) -> str:
    null = "" if column.is_nullable else " NOT NULL"
    default = f" DEFAULT {column.default}" if column.default else ""
    return f"{quote(column.name)} {column.type.duckdb}{null}{default}"


def _column(session: Session, definition: exp.ColumnDef, key: tuple[str, ...]) -> Column:
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
        _drop_relation(session, noted.table)
    return outcome.status(f"{full_name.name} successfully dropped.")


def _drop_relation(session: Session, table: Table) -> None:
    kind = "VIEW" if table.is_view else "TABLE"
    session.connection.execute(f"DROP {kind} {table.name.sql}").fetchall()
    session.engine.history.forget(session.connection, table)


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
        column = _column(session, action, ())
        exists = "IF NOT EXISTS " if action.args.get("exists") else ""
        run(f"{alter} ADD COLUMN {exists}{_column_sql(column)}").fetchall()
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
