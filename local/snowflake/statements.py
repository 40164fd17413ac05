"""One statement from text to outcome: what kind it is, who runs it, how long it may take."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import replace

import duckdb
from sqlglot import exp

from local.snowflake import errors, outcome
from local.snowflake.bindings import Bindings, bind
from local.snowflake.changes import change
from local.snowflake.definitions import define
from local.snowflake.outcome import Outcome
from local.snowflake.queries import select
from local.snowflake.session import Session
from local.snowflake.show import describe, show
from local.snowflake.translate import Statement, normalize, parse
from local.snowflake.unload import unload

_SESSION_STATEMENT = re.compile(r"\s*ALTER\s+SESSION\s+(SET|UNSET)\s+(.*?);?\s*", re.I | re.DOTALL)
_ASSIGNMENT = re.compile(r"\s*(\w+)\s*(?:=\s*('(?:[^']|'')*'|[^\s,;]+))?\s*,?", re.DOTALL)
_BEGIN = re.compile(
    r"\s*(?:BEGIN|START)(?:\s+(?:WORK|TRANSACTION))?(?:\s+NAME\s+\w+)?\s*;?\s*", re.I
)
_CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable)
_TYPES = {exp.Insert: outcome.INSERT, exp.Update: outcome.UPDATE, exp.Delete: outcome.DELETE}
_DEFINITIONS = (exp.Create, exp.Drop, exp.Alter, exp.Comment)


@contextlib.contextmanager
def running(session: Session, query_id: str) -> Iterator[None]:
    """The time in which a statement runs and its rows are read: errors, cancellation, timeout.

    Raises:
        SnowflakeError: whatever DuckDB raised, translated.
    """
    timeout_s = int(session.parameters["STATEMENT_TIMEOUT_IN_SECONDS"])
    cancellation = session.cancellation
    cancellation.requested.clear()
    cancellation.is_timeout = False
    cancellation.watch(session.connection)
    timer = threading.Timer(timeout_s, lambda: cancellation.cancel(is_timeout=True))
    timer.daemon = True
    if timeout_s:
        timer.start()
    try:
        yield
    except duckdb.Error as error:
        raise _failure(session, error) from error
    finally:
        timer.cancel()
        cancellation.watch(None)
        session.last_query_id = query_id


def _failure(session: Session, error: duckdb.Error) -> errors.SnowflakeError:
    if isinstance(error, duckdb.InterruptException) or session.cancellation.requested.is_set():
        if session.cancellation.is_timeout:
            timeout_s = int(session.parameters["STATEMENT_TIMEOUT_IN_SECONDS"])
            return errors.statement_timeout(timeout_s)
        return errors.canceled()
    return errors.from_duckdb(error)


def execute(session: Session, sql: str, bindings: Bindings | None, query_id: str) -> Outcome:
    """Execute one statement; call it, and read the outcome's rows, while `running`.

    Raises:
        SnowflakeError: as Snowflake would.
        duckdb.Error: `running` translates it.
    """
    match = _SESSION_STATEMENT.fullmatch(sql)
    if match:
        return _alter_session(session, match[1].upper(), match[2])
    if _BEGIN.fullmatch(sql):
        session.begin()
        return outcome.done(outcome.TRANSACTION_CONTROL)
    statement = parse(sql)
    if bindings:
        statement = bind(statement, bindings)
    if isinstance(statement.tree, exp.Copy):
        result = unload(session, statement, query_id)
    else:
        result = _dispatch(session, statement)
    is_change = isinstance(statement.tree, _CHANGES) and not session.is_in_transaction
    at_us = session.last_commit_us if is_change else session.engine.clock.now_us()
    session.engine.note_statement(query_id, at_us or session.engine.clock.now_us())
    return result


def describe_only(session: Session, sql: str) -> tuple[Outcome, int]:
    """What a statement would return, without running it: columns, and how many values it binds.

    Raises:
        SnowflakeError: it would not compile, or its kind is not described.
    """
    statement = parse(sql)
    tree = statement.tree.copy()
    placeholders = list(tree.find_all(exp.Placeholder))
    if isinstance(tree, exp.Query):
        for placeholder in placeholders:
            placeholder.replace(exp.null())
        described = replace(select(session, Statement(sql, tree)), batches=())
    elif isinstance(tree, _CHANGES):
        described = outcome.changed(_TYPES.get(type(tree), outcome.DML), {"number of rows": 0})
    else:
        described = outcome.done(outcome.DDL)
    return described, len(placeholders)


def _dispatch(session: Session, statement: Statement) -> Outcome:
    tree = statement.tree
    if isinstance(tree, exp.Query):
        return select(session, statement)
    if isinstance(tree, _CHANGES):
        return change(session, statement)
    if isinstance(tree, _DEFINITIONS):
        return define(session, statement)
    if isinstance(tree, exp.Describe):
        return describe(session, statement)
    if isinstance(tree, exp.Show) or tree.name.upper() == "SHOW":
        return show(session, statement)
    if isinstance(tree, exp.Use):
        return _use(session, tree)
    if isinstance(tree, exp.Commit):
        session.commit()
        return outcome.done(outcome.TRANSACTION_CONTROL)
    if isinstance(tree, exp.Rollback):
        session.rollback()
        return outcome.done(outcome.TRANSACTION_CONTROL)
    if isinstance(tree, (exp.Column, exp.Identifier, exp.Alias)):
        raise errors.unexpected(statement.sql)
    raise errors.unsupported(statement.sql)


def _use(session: Session, tree: exp.Use) -> Outcome:
    kind = str(tree.args.get("kind") or "").upper()
    target = normalize(tree.copy()).this
    if kind == "WAREHOUSE":
        session.warehouse = target.name
    elif kind == "ROLE":
        session.role = target.name
    elif kind == "DATABASE" or (not kind and not target.db):
        session.use_database(target.name)
    elif kind in {"", "SCHEMA"}:
        session.use_schema(target.db or None, target.name)
    else:
        raise errors.unsupported(f"USE {kind}")
    return outcome.done(outcome.USE)


def _alter_session(session: Session, verb: str, assignments: str) -> Outcome:
    position = 0
    while position < len(assignments):
        match = _ASSIGNMENT.match(assignments, position)
        if match is None or (verb == "SET") != (match[2] is not None):
            raise errors.syntax_error(f"line 1 at position {position} unexpected '{assignments}'.")
        position = match.end()
        name = match[1].upper()
        if match[2] is None:
            session.unset_parameter(name)
        else:
            value = match[2]
            is_text = value.startswith("'")
            session.set_parameter(name, value[1:-1].replace("''", "'") if is_text else value)
    return outcome.done(outcome.SESSION_CONTROL)
