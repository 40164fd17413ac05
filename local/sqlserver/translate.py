"""One T-SQL statement to PostgreSQL's: sqlglot's translation and what it leaves to do.

Done here: names (`names.py`), types, parameters, lock hints, UPDATE and DELETE with FROM, OPENJSON,
`+` between strings, COUNT as int.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from local.sqlserver import joins, openjson, types
from local.sqlserver.catalog import INFORMATION_SCHEMA, SYSTEM_SCHEMA
from local.sqlserver.errors import SqlServerError
from local.sqlserver.names import quote, shorten

_SYSTEM = {"sys": SYSTEM_SCHEMA, "information_schema": INFORMATION_SCHEMA}
# Hints that SQL Server answers with a range or table lock; here always with a table's.
_TABLE_LOCKS = {
    "HOLDLOCK": "SHARE ROW EXCLUSIVE",
    "SERIALIZABLE": "SHARE ROW EXCLUSIVE",
    "TABLOCKX": "EXCLUSIVE",
}
_ROW_LOCKS = {"UPDLOCK", "XLOCK"}

Types = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Translation:
    """PostgreSQL's statement, what to run before it, and which parameters it takes ($1, $2, …)."""

    sql: str
    locks: tuple[str, ...]
    parameters: tuple[str, ...]
    long_names: tuple[str, ...]


def parse(sql: str) -> exp.Expr:
    """Return the tree of one statement.

    Raises:
        SqlServerError: 102, it is not T-SQL, or none that is known here.
    """
    try:
        trees = [each for each in sqlglot.parse(sql, read="tsql") if each is not None]
    except SqlglotError as error:
        raise SqlServerError(102, f"Incorrect syntax: {_plain(error)}", 15) from error
    if len(trees) != 1 or isinstance(trees[0], exp.Command | exp.Column | exp.Alias):
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
    tree = parse(sql)
    _lower_system_names(tree)
    locks = _take_hints(tree)
    tree = joins.rewrite(tree)
    openjson.rewrite(tree)
    types.rewrite(tree)
    _rewrite_operators(tree)
    parameters = _number_parameters(tree, dict(known), as_columns=as_columns)
    long_names = _quote_names(tree)
    try:
        text = tree.sql(dialect="postgres", identify=True)
    except SqlglotError as error:
        raise SqlServerError(102, f"Not translated: {_plain(error)}", 15) from error
    return Translation(text, locks, parameters, long_names)


def table_name(table: exp.Table) -> str:
    """Return a table's name for PostgreSQL; a database in front is left out."""
    return ".".join(quote(each) for each in (table.db, table.name) if each)


def _plain(error: SqlglotError) -> str:
    return str(error).replace("\x1b[4m", "").replace("\x1b[0m", "")


def _lower_system_names(tree: exp.Expr) -> None:
    """Catalogue views have lower-case names here, in whatever case they are asked for."""
    found = False
    for table in tree.find_all(exp.Table):
        table.set("catalog", None)
        schema = _SYSTEM.get(table.db.lower())
        if schema is not None:
            found = True
            table.set("db", exp.to_identifier(schema))
            table.set("this", exp.to_identifier(table.name.lower()))
    if found:
        for column in tree.find_all(exp.Column):
            if isinstance(column.this, exp.Identifier):
                column.set("this", exp.to_identifier(column.name.lower()))


def _take_hints(tree: exp.Expr) -> tuple[str, ...]:
    locks, wants_rows = [], False
    for table in tree.find_all(exp.Table):
        hints = {
            each.name.upper() for hint in table.args.get("hints") or () for each in hint.expressions
        }
        table.set("hints", None)
        for hint, mode in _TABLE_LOCKS.items():
            if hint in hints:
                locks.append(f"LOCK TABLE {table_name(table)} IN {mode} MODE")
        wants_rows = wants_rows or bool(hints & _ROW_LOCKS)
    is_plain = isinstance(tree, exp.Select) and not any(
        tree.args.get(each) for each in ("group", "distinct")
    )
    if wants_rows and is_plain and not tree.find(exp.AggFunc):
        tree.set("locks", [exp.Lock(update=True)])
    return tuple(locks)


def _rewrite_operators(tree: exp.Expr) -> None:
    for key in tree.find_all(exp.PrimaryKey, exp.UniqueColumnConstraint):
        for ordered in list(key.find_all(exp.Ordered)):
            ordered.replace(ordered.this)
    for add in list(tree.find_all(exp.Add)):
        if _is_text(add.this) or _is_text(add.expression):
            add.replace(exp.DPipe(this=add.this, expression=add.expression, safe=True))
    for text in list(tree.find_all(exp.National)):
        text.replace(exp.Literal.string(text.name))
    for digits in list(tree.find_all(exp.HexString)):
        raw = exp.Literal.string("\\x" + digits.name)
        digits.replace(exp.Cast(this=raw, to=exp.DataType.build("BYTEA", dialect="postgres")))
    for count in list(tree.find_all(exp.Count)):
        if not count.args.get("big_int"):
            count.replace(exp.Cast(this=count.copy(), to=exp.DataType.build("INT")))


def _is_text(side: exp.Expr) -> bool:
    if isinstance(side, exp.DPipe | exp.National):
        return True
    return isinstance(side, exp.Literal) and bool(side.is_string)


def _number_parameters(
    tree: exp.Expr, known: dict[str, str | None], *, as_columns: bool
) -> tuple[str, ...]:
    order: list[str] = []
    for parameter in list(tree.find_all(exp.Parameter, exp.SessionParameter)):
        if isinstance(parameter.parent, exp.Parameter):
            continue
        inner = parameter.this
        name = "@" + parameter.name.lower()
        if isinstance(inner, exp.Parameter):
            name = "@@" + inner.name.lower()
        if name not in known:
            raise SqlServerError(137, f"Must declare the scalar variable '{name}'.", 15)
        if name not in order:
            order.append(name)
        number = order.index(name) + 1
        place: exp.Expr = exp.Parameter(this=exp.Literal.number(number))
        if as_columns:
            place = exp.column(f"p{number}", table="u")
        elif (kind := known[name]) is not None:
            place = exp.Cast(this=place, to=exp.DataType.build(kind, dialect="postgres"))
        parameter.replace(place)
    return tuple(order)


def _quote_names(tree: exp.Expr) -> tuple[str, ...]:
    long_names = []
    for identifier in tree.find_all(exp.Identifier):
        stored = shorten(identifier.name)
        if stored != identifier.name:
            long_names.append(identifier.name)
            identifier.set("this", stored)
        identifier.args["quoted"] = True
    return tuple(long_names)


def types_of(values: Sequence[tuple[str, str | None]]) -> Types:
    """Return the types of parameters in the form that `translate` remembers them by."""
    return tuple((name.lower(), kind) for name, kind in values)
