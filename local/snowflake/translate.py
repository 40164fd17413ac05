"""Snowflake SQL to DuckDB SQL, on sqlglot's trees.

sqlglot knows both dialects and does most of the work. Here is what it cannot know: the names in
force (current database, case of unquoted identifiers), the types this stand-in stores, the
session's facts (CURRENT_USER and friends), the catalogue's own views, and moments of the past.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError, UnsupportedError
from sqlglot.tokens import TokenType  # type: ignore[attr-defined]

from local.snowflake import errors
from local.snowflake.catalog import TableName
from local.snowflake.columns import from_sql
from local.snowflake.formats import to_char
from local.snowflake.naming import name_projections

# What it cannot parse, sqlglot logs; here it becomes an error of the statement.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

# What resolves a table of a query: the name, the AT or BEFORE clause if any → a query to read
# instead.
Resolve = Callable[[TableName, exp.HistoricalData | None], str | None]

_UTC_OFFSET_AFTER_SPACE = re.compile(r"(\d)\s+([+-]\d{2}:?\d{2}|Z)$")
_TEXT_TYPES = {exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.NVARCHAR, exp.DType.CHAR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a statement's meaning depends on besides its text."""

    database: str | None
    schema: str | None
    now_us: int
    today: dt.date
    facts: Mapping[str, str | None]
    resolve: Resolve
    last_change: Callable[[TableName], int]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its text and its tree, as Snowflake SQL."""

    sql: str
    tree: exp.Expr


def parse(sql: str) -> Statement:
    """Parse one statement of Snowflake SQL.

    Raises:
        SnowflakeError: 1003 for a syntax error, 8 for several statements.
    """
    try:
        trees = [tree for tree in sqlglot.parse(sql, read="snowflake") if tree is not None]
    except ParseError as error:
        raise _syntax_error(error, sql) from None
    except sqlglot.errors.TokenError as error:
        raise errors.syntax_error(str(error)) from None
    if not trees:
        raise errors.SnowflakeError(900, "42000", "SQL compilation error:\nEmpty SQL statement.")
    if len(trees) > 1:
        raise errors.SnowflakeError(
            8,
            "0A000",
            f"Actual statement count {len(trees)} did not match the desired statement count 1.",
        )
    return Statement(sql, trees[0])


def _syntax_error(error: ParseError, sql: str) -> errors.SnowflakeError:
    tokens = sqlglot.tokenize(sql, read="snowflake")
    if tokens and tokens[0].token_type is TokenType.VAR:
        return errors.unexpected(sql)
    first = error.errors[0] if error.errors else {}
    line, column = first.get("line") or 1, first.get("col") or 0
    word = first.get("highlight") or "<EOF>"
    return errors.syntax_error(f"line {line} at position {column} unexpected '{word}'.")


def normalize(tree: exp.Expr) -> exp.Expr:
    """Give every identifier its true case: unquoted names are upper case."""
    for identifier in tree.find_all(exp.Identifier):
        if not identifier.quoted:
            identifier.set("this", identifier.name.upper())
            identifier.args["quoted"] = True
    return tree


def table_name(table: exp.Table, scope_database: str | None, scope_schema: str | None) -> TableName:
    """The full name of a table in a normalized tree.

    Raises:
        SnowflakeError: 90105 or 90106, when the session has no current database or schema.
    """
    if not isinstance(table.this, exp.Identifier):
        raise errors.unsupported(table.sql(dialect="snowflake"))
    database = table.catalog or scope_database
    if not database:
        raise errors.no_current_database("SELECT")
    schema = table.db or scope_schema
    if not schema:
        raise errors.no_current_schema("SELECT")
    return TableName(database, schema, table.name)


def table_name_from(text: str, database: str | None, schema: str | None) -> TableName:
    """Read a table's name from a text, as in 'db.schema.table'.

    Raises:
        SnowflakeError: it is not one.
    """
    try:
        table = sqlglot.parse_one(text, read="snowflake", into=exp.Table)
    except ParseError:
        raise errors.SnowflakeError(1003, "42000", f"not a table name: {text!r}") from None
    return table_name(normalize(table).assert_is(exp.Table), database, schema)


def translate(statement: Statement, scope: Scope) -> exp.Expr:
    """Turn a parsed statement into one that DuckDB runs; the argument is left as it is."""
    tree = statement.tree.copy()
    if isinstance(tree, exp.Query):
        name_projections(tree, statement.sql)
    return translate_tree(normalize(tree), scope)


def translate_tree(tree: exp.Expr, scope: Scope) -> exp.Expr:
    """Translate a normalized tree in place, from the leaves up; return its root."""
    for node in reversed(list(tree.dfs())):
        rewritten = _rewrite(node, scope)
        if rewritten is node:
            continue
        if node is tree:
            tree = rewritten
        else:
            node.replace(rewritten)
    return _resolve_tables(tree, scope)


def render(tree: exp.Expr) -> str:
    """Write a translated tree as DuckDB SQL.

    Raises:
        SnowflakeError: something has no counterpart.
    """
    try:
        return tree.sql(dialect="duckdb", identify=True, unsupported_level=ErrorLevel.RAISE)
    except (UnsupportedError, ValueError) as error:
        raise errors.unsupported(str(error)) from None


def _resolve_tables(tree: exp.Expr, scope: Scope) -> exp.Expr:
    """Give tables their full names, or put queries in their place."""
    with_names = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        if not isinstance(table.this, exp.Identifier):
            continue
        if not table.db and table.name in with_names:
            continue
        name = table_name(table, scope.database, scope.schema)
        query = scope.resolve(name, table.args.get("when"))
        if query is None:
            table.set("catalog", exp.to_identifier(name.database, quoted=True))
            table.set("db", exp.to_identifier(name.schema, quoted=True))
        else:
            table.replace(_derived_table(table, query))
    return tree


def _derived_table(table: exp.Table, query: str) -> exp.Subquery:
    alias = table.args.get("alias")
    if alias is None:
        alias = exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
    derived = exp.Subquery(this=sqlglot.parse_one(query, read="duckdb"), alias=alias)
    for part in ("joins", "laterals", "pivots", "sample"):
        derived.set(part, table.args.get(part))
    return derived


def _rewrite(node: exp.Expr, scope: Scope) -> exp.Expr:
    """Rewrite one node; `transform` then goes on below the result."""
    if isinstance(node, exp.DataType):
        return exp.DataType.build(from_sql(node).duckdb, dialect="duckdb")
    if isinstance(node, (exp.Cast, exp.TryCast)):
        return _rewrite_cast(node)
    if isinstance(node, exp.ToChar):
        return _rewrite_to_char(node)
    if isinstance(node, exp.Anonymous):
        return _rewrite_function(node, scope)
    if isinstance(node, (exp.ByteLength, exp.CountIf, exp.HashAgg)):
        return _rewrite_measure(node)
    if isinstance(node, (exp.CurrentTimestamp, exp.Localtimestamp, exp.CurrentDate)):
        return _current_time(node, scope)
    if isinstance(node, exp.Struct):
        items = [part for item in node.expressions for part in (item.this, item.expression)]
        return exp.func("json_object", *items)
    if isinstance(node, exp.Array):
        return exp.func("json_array", *node.expressions)
    if isinstance(node, exp.Values):
        return _rewrite_values(node)
    fact = _FACTS.get(type(node))
    if fact is None:
        return node
    value = scope.facts.get(fact)
    return exp.null() if value is None else exp.Literal.string(value)


def _rewrite_measure(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.ByteLength):
        # DuckDB's octet_length takes bytes alone; of those, LENGTH says the same here.
        return exp.func("strlen", node.this)
    if isinstance(node, exp.CountIf):
        # DuckDB's own gives NULL where there are no rows.
        chosen = exp.Case(ifs=[exp.If(this=node.this, true=exp.Literal.number(1))])
        return exp.Count(this=chosen)
    return _hash_agg([node.this, *node.expressions])


def _rewrite_cast(node: exp.Cast) -> exp.Expr:
    operand, to = node.this, node.to.this
    if to in _TEXT_TYPES:
        if isinstance(operand, exp.JSONExtract):
            return exp.JSONExtractScalar(this=operand.this, expression=operand.expression)
        if not isinstance(operand, (exp.Literal, exp.JSONExtractScalar)):
            return exp.func("sf_text", operand)
    if to is exp.DType.TIMESTAMPTZ and operand.is_string:
        operand.set("this", _UTC_OFFSET_AFTER_SPACE.sub(r"\1\2", operand.name))
    return node


def _rewrite_to_char(node: exp.ToChar) -> exp.Expr:
    pattern = node.args.get("format")
    if pattern is None:
        return exp.func("sf_text", node.this)
    if not pattern.is_string:
        raise errors.unsupported("TO_CHAR with a format that is not a constant")
    return to_char(node.this, pattern.name)


def _rewrite_function(node: exp.Anonymous, scope: Scope) -> exp.Expr:
    name = node.name.upper()
    if name == "SYSTEM$LAST_CHANGE_COMMIT_TIME":
        table = table_name_from(node.expressions[0].name, scope.database, scope.schema)
        return exp.cast(exp.Literal.number(scope.last_change(table)), "BIGINT")
    if name == "LAST_QUERY_ID":
        return exp.Literal.string(scope.facts.get("last_query_id") or "")
    return node


def _rewrite_values(node: exp.Values) -> exp.Expr:
    """Name the columns of a bare VALUES list COLUMN1, COLUMN2, …"""
    row = node.expressions[0]
    is_source = isinstance(node.parent, (exp.From, exp.Join, exp.Subquery))
    if node.args.get("alias") is None and is_source and isinstance(row, exp.Tuple):
        names = [f"COLUMN{number}" for number in range(1, len(row.expressions) + 1)]
        columns = [exp.to_identifier(name, quoted=True) for name in names]
        table = exp.to_identifier("VALUES", quoted=True)
        node.set("alias", exp.TableAlias(this=table, columns=columns))
    return node


def _hash_agg(arguments: list[exp.Expr]) -> exp.Expr:
    """A fingerprint that does not depend on row order: the sum of row hashes, 0 for no rows.

    Not Snowflake's own numbers.
    """
    if len(arguments) == 1 and arguments[0].is_star:
        arguments = [exp.Columns(this=exp.Star(), unpack=True)]
    total = exp.Sum(this=exp.cast(exp.func("hash", *arguments), "HUGEINT"))
    modulus = exp.Literal.number(2**63 - 1)
    remainder = exp.paren(exp.Mod(this=exp.paren(total), expression=modulus))
    return exp.cast(exp.func("coalesce", remainder, exp.Literal.number(0)), "BIGINT")


def _current_time(node: exp.Expr, scope: Scope) -> exp.Expr:
    if isinstance(node, exp.CurrentDate):
        return exp.cast(exp.Literal.string(scope.today.isoformat()), "DATE")
    now = dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=scope.now_us)
    text = exp.Literal.string(now.isoformat(sep=" "))
    if node.args.get("sysdate"):
        return exp.Cast(this=text, to=exp.DataType.build("TIMESTAMP_NS", dialect="duckdb"))
    return exp.Cast(this=text, to=exp.DataType.build("TIMESTAMPTZ", dialect="duckdb"))


_FACTS: dict[type[exp.Expr], str] = {
    exp.CurrentAccount: "account",
    exp.CurrentDatabase: "database",
    exp.CurrentRegion: "region",
    exp.CurrentRole: "role",
    exp.CurrentSchema: "schema",
    exp.CurrentSession: "session",
    exp.CurrentUser: "user",
    exp.CurrentVersion: "version",
    exp.CurrentWarehouse: "warehouse",
}
