"""BigQuery's SQL into DuckDB's: one statement, its tables, parameters and variables resolved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.errors import SqlglotError

from local.bigquery.catalog import TableRef
from local.bigquery.errors import ApiError, unsupported
from local.bigquery.types import NUMERIC_PRECISION, NUMERIC_SCALE

_CASTS = {
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "BOOL": "BOOLEAN",
    "STRING": "VARCHAR",
    "BYTES": "BLOB",
    "DATE": "DATE",
    "TIME": "TIME",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMPTZ",
    "NUMERIC": "DECIMAL(38, 9)",
}
"""Types of parameters and variables."""

_RESERVED = BigQuery.Generator.RESERVED_KEYWORDS
"""Words that are no names without backticks; sqlglot knows them, and reads them all the same."""


@dataclass(slots=True)
class Bound:
    """A parameter or variable: its type, as BigQuery names it, and its value."""

    kind: str
    value: Any


@dataclass(slots=True)
class Scope:
    """What the names in a statement stand for."""

    project: str
    dataset: str | None = None
    parameters: dict[str, Bound] = field(default_factory=dict)
    variables: dict[str, Bound] = field(default_factory=dict)
    row_count: int = 0


@dataclass(frozen=True, slots=True)
class Translated:
    """A statement for DuckDB, its values, and what is known of it."""

    text: str
    values: dict[str, Any]
    tree: Any
    tables: tuple[TableRef, ...]


def translate(text: str, scope: Scope) -> Translated:
    """Translate one statement.

    Raises:
        ApiError: it cannot be read, or names what is not there.
    """
    tree = parse(text)
    tables: list[TableRef] = []
    values: dict[str, Any] = {}
    aliases = {each.alias_or_name for each in tree.find_all(exp.CTE)}

    def change(node: Any) -> Any:
        if isinstance(node, exp.Table) and not (node.name in aliases and not node.db):
            tables.append(_reference(node, scope))
            node.set("catalog", None)
            node.set("db", exp.to_identifier(tables[-1].schema, quoted=True))
            node.set("this", exp.to_identifier(node.name, quoted=True))
        elif isinstance(node, exp.Parameter):
            return _parameter(node, scope, values)
        elif isinstance(node, exp.Column) and not node.table and node.name in scope.variables:
            bound = scope.variables[node.name]
            values[f"var_{node.name}"] = bound.value
            return _cast(f"var_{node.name}", bound.kind)
        elif isinstance(node, exp.DataType) and not node.expressions and _is_numeric(node):
            return exp.DataType.build(f"DECIMAL({NUMERIC_PRECISION}, {NUMERIC_SCALE})")
        elif isinstance(node, exp.ByteLength):
            return _byte_length(node)
        return node

    changed = tree.transform(change)
    return Translated(changed.sql("duckdb"), values, tree, tuple(tables))


def parse(text: str) -> Any:
    """Read one statement.

    Raises:
        ApiError: its syntax is wrong, or unknown here.
    """
    try:
        tree = sqlglot.parse_one(text, read="bigquery")
    except SqlglotError as exc:
        raise ApiError("invalidQuery", f"Syntax error: {exc}") from exc
    for name in tree.find_all(exp.Identifier):
        if not name.quoted and name.name.lower() in _RESERVED:
            raise ApiError("invalidQuery", f"Syntax error: Unexpected keyword {name.name.upper()}")
    return tree


def _reference(node: exp.Table, scope: Scope) -> TableRef:
    if not isinstance(node.this, exp.Identifier):
        raise unsupported(f"a table function: {node.sql('bigquery')}")
    dataset = node.db or scope.dataset
    if not dataset:
        raise ApiError("invalid", f'Table "{node.name}" must be qualified with a dataset')
    return TableRef(node.catalog or scope.project, dataset, node.name)


def _parameter(node: exp.Parameter, scope: Scope, values: dict[str, Any]) -> Any:
    if isinstance(node.this, exp.Parameter):
        if node.this.name != "row_count":
            raise unsupported(f"@@{node.this.name}")
        return exp.Literal.number(scope.row_count)
    if node.name not in scope.parameters:
        raise ApiError("invalidQuery", f"Query parameter '{node.name}' not found")
    bound = scope.parameters[node.name]
    values[node.name] = bound.value
    return _cast(node.name, bound.kind)


def _byte_length(node: Any) -> Any:
    """Return the length of a text or of bytes; DuckDB has a function for each."""
    value = node.this
    is_blob = exp.EQ(this=exp.func("typeof", value.copy()), expression=exp.Literal.string("BLOB"))
    of_bytes = exp.func("octet_length", exp.cast(value.copy(), "BLOB"))
    of_text = exp.func("strlen", exp.cast(value.copy(), "VARCHAR"))
    return exp.Case(ifs=[exp.If(this=is_blob, true=of_bytes)], default=of_text)


def _cast(name: str, kind: str) -> Any:
    if kind not in _CASTS:
        raise unsupported(f"a parameter or variable of type {kind}")
    # Not exp.cast: the text is DuckDB's, and must not be changed once more.
    return exp.Paren(this=exp.Var(this=f"CAST(${name} AS {_CASTS[kind]})"))


def _is_numeric(node: exp.DataType) -> bool:
    return node.this in (exp.DataType.Type.DECIMAL, exp.DataType.Type.BIGDECIMAL)
