"""Values bound to a statement's placeholders, from the wire's texts to literals in the tree.

Source: Snowflake's SQL API documentation, "Using bind variables": values are texts; dates are
    milliseconds, times and
timestamps nanoseconds since 1970, with offset minutes plus 1440 after a space for TIMESTAMP_TZ.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from local.snowflake import errors
from local.snowflake.translate import Statement

# Position or name → {"type": "FIXED", "value": "1"}; a list as value binds many rows at once.
Bindings = Mapping[str, Mapping[str, Any]]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NANOSECONDS = 1_000_000_000


def bind(statement: Statement, bindings: Bindings) -> Statement:
    """Put the values in the place of `?` and `:n`; for many rows, one VALUES row each.

    Raises:
        SnowflakeError: a value is missing, or many rows for something other than INSERT … VALUES.
    """
    rows = max(len(b["value"]) if isinstance(b["value"], list) else 1 for b in bindings.values())
    tree = statement.tree.copy()
    if any(isinstance(binding["value"], list) for binding in bindings.values()):
        values = tree.find(exp.Values)
        if not isinstance(tree, exp.Insert) or values is None:
            raise errors.unsupported("array binding outside INSERT … VALUES")
        row = values.expressions[0]
        bound = [_bind_tree(row.copy(), bindings, index) for index in range(rows)]
        values.set("expressions", bound)
        return Statement(statement.sql, tree)
    return Statement(statement.sql, _bind_tree(tree, bindings, 0))


def _bind_tree(tree: exp.Expr, bindings: Bindings, row: int) -> exp.Expr:
    placeholders = list(tree.find_all(exp.Placeholder, bfs=False))
    for position, placeholder in enumerate(placeholders, start=1):
        name = placeholder.name.strip("?")
        binding = bindings.get(name or str(position))
        if binding is None:
            raise errors.SnowflakeError(
                2049, "42601", "SQL compilation error:\nBind variable is missing."
            )
        value = binding["value"]
        text = value[row] if isinstance(value, list) else value
        placeholder.replace(_literal(binding["type"], text))
    return tree


def _literal(kind: str, text: str | None) -> exp.Expr:
    if text is None:
        return exp.null()
    if kind in {"FIXED", "REAL"}:
        return _number(text)
    if kind == "BOOLEAN":
        return exp.true() if text.lower() in {"true", "1"} else exp.false()
    if kind == "BINARY":
        return exp.func("unhex", exp.Literal.string(text))
    if kind == "DATE":
        day = (_EPOCH + dt.timedelta(milliseconds=int(text))).date()
        return _cast(day.isoformat(), "DATE")
    if kind == "TIME":
        return _cast(_moment_text(int(text)).split()[1], "TIME")
    if kind in {"TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ"}:
        moment = _moment_text(int(text.split()[0]))
        if kind == "TIMESTAMP_NTZ":
            return _cast(moment, "TIMESTAMP_NTZ")
        return _cast(f"{moment}+00:00", kind)
    return exp.Literal.string(text)


def _number(text: str) -> exp.Expr:
    if text.lstrip("+-").replace(".", "", 1).isdigit():
        number: exp.Expr = exp.Literal.number(text.lstrip("+-"))
        return exp.Neg(this=number) if text.startswith("-") else number
    return _cast(text, "FLOAT")


def _cast(text: str, kind: str) -> exp.Expr:
    return exp.cast(exp.Literal.string(text), exp.DataType.build(kind, dialect="snowflake"))


def _moment_text(nanoseconds: int) -> str:
    seconds, fraction = divmod(nanoseconds, _NANOSECONDS)
    moment = _EPOCH + dt.timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{fraction:09d}"
