"""One T-SQL statement to PostgreSQL's: sqlglot's translation and what it leaves to do.

Done here: names, texts, collations, parameters, conversions, and what is run besides the statement.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from local.sqlserver import definitions, hints, joins, openjson, texts, types
from local.sqlserver.catalog import INFORMATION_SCHEMA, SYSTEM_SCHEMA
from local.sqlserver.errors import SqlServerError
from local.sqlserver.names import qualified, stored

_SYSTEM = {"sys": SYSTEM_SCHEMA, "information_schema": INFORMATION_SCHEMA}

# Not translated here, so refused rather than run with another meaning.
_NOT_SERVED = (exp.Command, exp.Column, exp.Alias, exp.Merge)
_SESSION_FUNCTIONS = ("XACT_STATE",)

# A statement that it does not know is refused, which says enough.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

Types = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Translation:
    """PostgreSQL's statement, and what belongs to it.

    `before` and `after` are run around it; `parameters` are those that it takes as $1, $2, …;
    `columns` are the names of the result's, None where the catalogue knows them.
    """

    sql: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None


def parse(sql: str) -> exp.Expr:
    """Return the tree of one statement.

    Raises:
        SqlServerError: 102, it is not T-SQL, or none that is known here.
    """
    try:
        trees = [each for each in sqlglot.parse(sql, read="tsql") if each is not None]
    except SqlglotError as error:
        raise SqlServerError(102, f"Incorrect syntax: {_plain(error)}", 15) from error
    is_served = len(trees) == 1 and not isinstance(trees[0], _NOT_SERVED)
    if not is_served or trees[0].find(exp.TryCast):
        raise SqlServerError(102, f"Incorrect syntax near '{sql[:60]}'.", 15)
    return trees[0]


@functools.lru_cache(maxsize=512)
def translate(sql: str, known: Types, *, as_columns: bool = False) -> Translation:
    """Return PostgreSQL's form of a statement.

    Args:
        sql: the statement.
        known: parameters and variables in scope with PostgreSQL's type, None where the context
            decides.
        as_columns: parameters are columns `p1`, `p2`, … of `u` instead.

    Raises:
        SqlServerError: 102 or 137.
    """
    plain, inserting = hints.simplify(sql)
    tree = parse(plain)
    columns = _result_columns(tree)
    after = definitions.notes(tree)
    locks = hints.take(tree, inserting)
    _lower_system_names(tree)
    openjson.rewrite(tree)
    texts.rewrite(tree)
    _quote_names(tree)
    definitions.simplify_keys(tree)
    text = definitions.written(tree)
    if text is not None:
        return Translation(text, after=after)
    _name_differences(tree)
    tree = joins.rewrite(tree)
    types.rewrite(tree)
    parameters = _number_parameters(tree, dict(known), as_columns=as_columns)
    try:
        text = tree.sql(dialect="postgres")
    except SqlglotError as error:
        raise SqlServerError(102, f"Not translated: {_plain(error)}", 15) from error
    return Translation(text, locks, after, parameters, columns)


def table_name(table: exp.Table) -> str:
    """Return a table's name for PostgreSQL; a database in front is left out."""
    return qualified(table.db, table.name)


def types_of(values: Sequence[tuple[str, str | None]]) -> Types:
    """Return the types of parameters in the form that `translate` remembers them by."""
    return tuple((name.lower(), kind) for name, kind in values)


def _plain(error: SqlglotError) -> str:
    return str(error).replace("\x1b[4m", "").replace("\x1b[0m", "")


def _result_columns(tree: exp.Expr) -> tuple[str, ...] | None:
    returning = tree.args.get("returning")
    named = returning.expressions if returning else None
    if isinstance(tree, exp.Query):
        named = tree.selects
    if not named or any(each.is_star for each in named):
        return None
    return tuple(each.alias_or_name for each in named)


def _lower_system_names(tree: exp.Expr) -> None:
    for table in tree.find_all(exp.Table):
        table.set("catalog", None)
        schema = _SYSTEM.get(table.db.lower())
        if schema is not None:
            table.set("db", exp.to_identifier(schema))


def _name_differences(tree: exp.Expr) -> None:
    for node in list(tree.find_all(exp.DateDiff)):
        ends = [
            each.this if isinstance(each, exp.TimeStrToTime) else each
            for each in (node.expression, node.this)
        ]
        name = f"sys.datediff_{node.text('unit').lower()}"
        node.replace(exp.Anonymous(this=name, expressions=ends))


def _number_parameters(
    tree: exp.Expr, known: dict[str, str | None], *, as_columns: bool
) -> tuple[str, ...]:
    order: list[str] = []
    for parameter in list(tree.find_all(exp.Parameter, exp.SessionParameter, exp.Anonymous)):
        name = _variable(parameter)
        if name is None:
            continue
        if name not in known:
            raise SqlServerError(137, f'Must declare the scalar variable "{name}".', 15)
        if name not in order:
            order.append(name)
        number = order.index(name) + 1
        place: exp.Expr = exp.Parameter(this=exp.Literal.number(number))
        if as_columns:
            place = exp.column(f"p{number}", table="u")
        elif (kind := known[name]) is not None:
            place = exp.Cast(this=place, to=types.named(kind))
        parameter.replace(place)
    return tuple(order)


def _variable(node: exp.Expr) -> str | None:
    """Return the name of a variable, or of a function that the session answers."""
    if isinstance(node, exp.Anonymous):
        return f"@@{node.name.lower()}" if node.name.upper() in _SESSION_FUNCTIONS else None
    if isinstance(node.parent, exp.Parameter):
        return None
    inner = node.this
    return (
        f"@@{inner.name.lower()}" if isinstance(inner, exp.Parameter) else f"@{node.name.lower()}"
    )


def _quote_names(tree: exp.Expr) -> None:
    for identifier in tree.find_all(exp.Identifier):
        identifier.set("this", stored(identifier.name))
        identifier.args["quoted"] = True
