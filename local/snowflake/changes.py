"""Statements that change rows: INSERT, UPDATE, DELETE, MERGE, TRUNCATE."""

# ruff: noqa: S608 - names cannot be parameters; all that are put into SQL here are quoted
from __future__ import annotations

from collections import Counter

from sqlglot import exp

from local.snowflake import errors, outcome
from local.snowflake.catalog import Table, TableName, first_row
from local.snowflake.outcome import Outcome
from local.snowflake.queries import scope_of
from local.snowflake.session import Session
from local.snowflake.translate import Statement, normalize, render, table_name, translate

_COUNT_NAMES = {
    "INSERT": "number of rows inserted",
    "UPDATE": "number of rows updated",
    "DELETE": "number of rows deleted",
}


def change(session: Session, statement: Statement) -> Outcome:
    """Run a statement that changes rows, in the open transaction or in one of its own."""
    tree = statement.tree
    with session.changing(_target(session, tree), only_appends=_only_appends(tree)) as noted:
        table = noted.table
        if table.is_view:
            raise errors.unsupported("changing a view")
        if isinstance(tree, exp.Insert):
            counts = {_COUNT_NAMES["INSERT"]: _insert(session, statement, table)}
            noted.rows += counts[_COUNT_NAMES["INSERT"]] or bool(tree.args.get("overwrite"))
            return outcome.changed(outcome.INSERT, counts)
        if isinstance(tree, exp.Update):
            counts = {_COUNT_NAMES["UPDATE"]: _run(session, statement)}
            noted.rows += counts[_COUNT_NAMES["UPDATE"]]
            return outcome.changed(
                outcome.UPDATE, counts | {"number of multi-joined rows updated": 0}
            )
        if isinstance(tree, exp.Delete):
            counts = {_COUNT_NAMES["DELETE"]: _run(session, statement)}
            noted.rows += counts[_COUNT_NAMES["DELETE"]]
            return outcome.changed(outcome.DELETE, counts)
        if isinstance(tree, exp.Merge):
            counts = _merge(session, statement, tree)
            noted.rows += sum(counts.values())
            return outcome.changed(outcome.MERGE, counts)
        noted.rows += _delete_all(session, table)
        return outcome.done(outcome.DDL)


def _target(session: Session, tree: exp.Expr) -> TableName:
    target = tree.expressions[0] if isinstance(tree, exp.TruncateTable) else tree.this
    if isinstance(target, exp.Schema):
        target = target.this
    if not isinstance(target, exp.Table):
        raise errors.unsupported(tree.sql(dialect="snowflake"))
    name = normalize(target.copy()).assert_is(exp.Table)
    return table_name(name, session.database, session.schema)


def _only_appends(tree: exp.Expr) -> bool:
    return isinstance(tree, exp.Insert) and not tree.args.get("overwrite")


def _run(session: Session, statement: Statement) -> int:
    sql = render(translate(statement, scope_of(session, session.connection)))
    row = first_row(session.connection, sql)
    return int(row[0]) if row else 0


def _insert(session: Session, statement: Statement, table: Table) -> int:
    tree = statement.tree
    if tree.args.get("overwrite"):
        _delete_all(session, table)
        tree = tree.copy()
        tree.args["overwrite"] = False
    return _run(session, Statement(statement.sql, tree))


def _delete_all(session: Session, table: Table) -> int:
    row = first_row(session.connection, f"DELETE FROM {table.name.sql}")
    return int(row[0]) if row else 0


def _merge(session: Session, statement: Statement, tree: exp.Merge) -> dict[str, int]:
    """Run a MERGE and count per action; only actions that the statement has are in the result."""
    sql = render(translate(statement, scope_of(session, session.connection)))
    rows = session.connection.execute(f"{sql} RETURNING merge_action").fetchall()
    actions = Counter(action for (action,) in rows)
    return {
        _COUNT_NAMES[action]: actions[action]
        for action in ("INSERT", "UPDATE", "DELETE")
        if action in _merge_actions(tree)
    }


def _merge_actions(tree: exp.Merge) -> set[str]:
    actions = set()
    for when in tree.args["whens"].expressions:
        then = when.args["then"]
        if isinstance(then, exp.Insert):
            actions.add("INSERT")
        else:
            actions.add("UPDATE" if isinstance(then, exp.Update) else "DELETE")
    return actions
