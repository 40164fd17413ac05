"""Queries, and the scope in which any statement is understood."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pyarrow as pa
from sqlglot import exp

from local.snowflake import errors, outcome
from local.snowflake.catalog import (
    INFORMATION_SCHEMA,
    TableName,
    columns_of,
    first_row,
    information_schema,
    literal,
    require_schema,
    require_table,
)
from local.snowflake.columns import Column, from_duckdb
from local.snowflake.outcome import Outcome
from local.snowflake.results import BATCH_ROWS
from local.snowflake.session import SERVER_VERSION, Session
from local.snowflake.translate import (
    Scope,
    Statement,
    normalize,
    render,
    table_name,
    translate,
)


def scope_of(session: Session, connection: duckdb.DuckDBPyConnection) -> Scope:
    """The names, facts and moment by which a statement of a Snowflake session is translated."""
    now_us = session.engine.clock.now_us()
    return Scope(
        database=session.database,
        schema=session.schema,
        now_us=now_us,
        today=session.today(now_us),
        facts={
            "account": session.account,
            "database": session.database,
            "last_query_id": session.last_query_id,
            "region": "LOCAL",
            "role": session.role,
            "schema": session.schema,
            "session": str(session.id),
            "user": session.user,
            "version": SERVER_VERSION,
            "warehouse": session.warehouse,
        },
        resolve=lambda name, when: _resolve(session, connection, name, when),
        last_change=lambda name: _last_change(session, connection, name),
    )


def _last_change(session: Session, connection: duckdb.DuckDBPyConnection, name: TableName) -> int:
    """The token of a table's last change: nanoseconds since 1970."""
    table = require_table(connection, name)
    return session.engine.history.last_change_us(connection, table) * 1000


def _resolve(
    session: Session,
    connection: duckdb.DuckDBPyConnection,
    name: TableName,
    when: exp.HistoricalData | None,
) -> str | None:
    if name.schema == INFORMATION_SCHEMA:
        require_schema(connection, name.database, name.schema)
        query = information_schema(name.database, name.name)
        if query is None:
            raise errors.missing("Object", str(name))
        return query
    table = require_table(connection, name)
    if when is None:
        return None
    if table.is_view:
        raise errors.unsupported("time travel on a view")
    if connection is session.connection:
        raise errors.unsupported("time travel in a statement that is not a query")
    history = session.engine.history
    at_us = _moment_us(session, connection, when)
    return history.relation(table, history.version_at(connection, table, at_us))


def _moment_us(
    session: Session, connection: duckdb.DuckDBPyConnection, when: exp.HistoricalData
) -> int:
    """The moment that an AT or BEFORE clause names, microseconds since 1970."""
    kind, value = str(when.args["kind"]).upper(), when.expression
    if kind == "STATEMENT":
        at_us = session.engine.statement_time_us(value.name)
        if at_us is None:
            raise errors.SnowflakeError(709, "02000", f"Statement {value.name} not found")
    elif kind in {"TIMESTAMP", "OFFSET"}:
        sql = render(value)
        if kind == "TIMESTAMP":
            # A text without a type is a moment in UTC.
            sql = f"epoch_us({sql}::TIMESTAMP)" if value.is_string else f"epoch_us({sql})"
        else:
            sql = f"{session.engine.clock.now_us()} + ({sql})::DOUBLE * 1000000"
        row = first_row(connection, f"SELECT ({sql})::BIGINT")
        if row is None or row[0] is None:
            raise errors.unsupported(f"time travel to {value.sql(dialect='snowflake')}")
        at_us = int(row[0])
    else:
        raise errors.unsupported(f"AT({kind} => …)")
    return at_us - 1 if str(when.this).upper() == "BEFORE" else at_us


def select(session: Session, statement: Statement) -> Outcome:
    """Run a query; its rows are read from the outcome."""
    if statement.tree.find(exp.HistoricalData):
        # Committed data only, whatever the connection's own transaction has changed.
        return _select(session, statement, session.engine.connect(), is_own_connection=True)
    return _select(session, statement, session.connection, is_own_connection=False)


def _select(
    session: Session,
    statement: Statement,
    connection: duckdb.DuckDBPyConnection,
    *,
    is_own_connection: bool,
) -> Outcome:
    with contextlib.ExitStack() as on_error:
        if is_own_connection:
            on_error.callback(connection.close)
            connection.execute(f"SET TimeZone = {literal(str(session.parameters['TIMEZONE']))}")
            session.engine.history.begin_snapshot(connection)
        session.cancellation.watch(connection)
        tree = translate(statement, scope_of(session, connection))
        relation = connection.sql(render(tree))
        declared = _declared_columns(session, connection, statement)
        columns = tuple(
            declared.get(index) or Column(name=name, type=from_duckdb(str(kind)))
            for index, (name, kind) in enumerate(zip(relation.columns, relation.types, strict=True))
        )
        named = tuple(
            Column(name=name, type=column.type, is_nullable=column.is_nullable)
            for name, column in zip(relation.columns, columns, strict=True)
        )
        cleanup = on_error.pop_all()
    return Outcome(
        statement_type=outcome.SELECT, columns=named, batches=_read(session, relation, cleanup)
    )


def _read(
    session: Session, relation: duckdb.DuckDBPyRelation, cleanup: contextlib.ExitStack
) -> Iterator[pa.RecordBatch]:
    with cleanup:
        for batch in relation.to_arrow_reader(BATCH_ROWS):
            if session.cancellation.requested.is_set():
                raise errors.canceled()
            if batch.num_rows:
                yield batch


def _declared_columns(
    session: Session, connection: duckdb.DuckDBPyConnection, statement: Statement
) -> dict[int, Column]:
    """Result columns that are plain columns (or MAX, MIN) of the one table read, by position.

    Only they keep their declared length, scale and nullability; others have their expression's
    type.
    """
    tree = statement.tree
    source = tree.args.get("from_") if isinstance(tree, exp.Select) else None
    if source is None or not isinstance(source.this, exp.Table) or tree.args.get("joins"):
        return {}
    if tree.args.get("with_") or not isinstance(source.this.this, exp.Identifier):
        return {}
    name = _normalized_name(session, source.this)
    if name.schema == INFORMATION_SCHEMA:
        return {}
    columns = columns_of(connection, name)
    by_name = {column.name: column for column in columns}
    result: dict[int, Column] = {}
    position = 0
    for projection in tree.expressions:
        plain = projection.unalias()
        if plain.is_star:
            if plain.args.get("except_") or plain.args.get("replace"):
                return {}
            result |= {position + offset: column for offset, column in enumerate(columns)}
            position += len(columns)
            continue
        is_extreme = isinstance(plain, (exp.Max, exp.Min))
        column = _plain_column(plain.this if is_extreme else plain, by_name)
        if column is not None:
            result[position] = replace(column, is_nullable=True) if is_extreme else column
        position += 1
    return result


def _plain_column(expression: exp.Expr, by_name: dict[str, Column]) -> Column | None:
    identifier = expression.this if isinstance(expression, exp.Column) else None
    if not isinstance(identifier, exp.Identifier):
        return None
    return by_name.get(identifier.name if identifier.quoted else identifier.name.upper())


def _normalized_name(session: Session, table: exp.Table) -> TableName:
    copy = normalize(table.copy())
    return table_name(copy.assert_is(exp.Table), session.database, session.schema)
