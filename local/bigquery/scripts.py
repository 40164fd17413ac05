"""Runs a query: one statement or a script, in a transaction of its own where the script says so."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import duckdb
from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.errors import TokenError

from local.bigquery import types
from local.bigquery.catalog import Catalog, TableRef
from local.bigquery.engine import Engine
from local.bigquery.errors import ApiError, not_found, of_engine, unsupported
from local.bigquery.translate import Bound, Scope, Translated, translate

_DECLARE = re.compile(r"DECLARE\s+([\w,\s]+?)\s+(\w+)(?:\s+DEFAULT\s+(.+))?", re.I | re.S)
_SET = re.compile(r"SET\s+(\w+)\s*=\s*(.+)", re.I | re.S)
_ASSERT = re.compile(r"ASSERT\s+(.+?)(?:\s+AS\s+'((?:[^'\\]|\\.)*)')?", re.I | re.S)
_BEGIN = re.compile(r"BEGIN(?:\s+TRANSACTION)?", re.I)
_COMMIT = re.compile(r"COMMIT(?:\s+TRANSACTION)?", re.I)
_ROLLBACK = re.compile(r"ROLLBACK(?:\s+TRANSACTION)?", re.I)

_CHANGES = {exp.Insert: "INSERT", exp.Update: "UPDATE", exp.Delete: "DELETE", exp.Merge: "MERGE"}
_DEFINITIONS = (exp.Create, exp.Drop, exp.Alter)


@dataclass(slots=True)
class Outcome:
    """What a query left: the columns and rows of its last SELECT, and what it was."""

    statement: str = ""
    fields: list[dict[str, Any]] = field(default_factory=list)
    rows: list[list[dict[str, Any]]] = field(default_factory=list)
    affected_rows: int | None = None
    statements: int = 0


class Script:
    """One query under way, on a connection of its own."""

    def __init__(
        self,
        engine: Engine,
        catalog: Catalog,
        connection: duckdb.DuckDBPyConnection,
        scope: Scope,
    ) -> None:
        self._engine = engine
        self._catalog = catalog
        self._connection = connection
        self._scope = scope
        self._is_open = False
        self._changed: set[TableRef] = set()
        self._outcome = Outcome()

    def run(self, text: str) -> Outcome:
        """Run all statements; the first that fails ends the script and undoes its transaction.

        Raises:
            ApiError: a statement failed.
        """
        try:
            for statement in split(text):
                self._outcome.statements += 1
                self._step(statement)
        except duckdb.Error as exc:
            raise of_engine(exc) from exc
        finally:
            if self._is_open:
                self._connection.execute("ROLLBACK")
        return self._outcome

    def _step(self, text: str) -> None:
        if match := _DECLARE.fullmatch(text):
            self._declare(match[1], match[2].upper(), match[3])
        elif match := _SET.fullmatch(text):
            self._set(match[1], match[2])
        elif match := _ASSERT.fullmatch(text):
            self._assert(match[1], match[2])
        elif _BEGIN.fullmatch(text):
            self._connection.execute("BEGIN")
            self._is_open = True
        elif _COMMIT.fullmatch(text):
            self._end("COMMIT")
        elif _ROLLBACK.fullmatch(text):
            self._end("ROLLBACK")
        else:
            self._execute(text)

    def _declare(self, names: str, kind: str, default: str | None) -> None:
        value = self._evaluate(default) if default else None
        for name in names.split(","):
            self._scope.variables[name.strip()] = Bound(kind, value)

    def _set(self, name: str, text: str) -> None:
        if name not in self._scope.variables:
            raise ApiError("invalidQuery", f"Undeclared variable: {name}")
        self._scope.variables[name].value = self._evaluate(text)

    def _assert(self, condition: str, message: str | None) -> None:
        if self._evaluate(condition) is not True:
            raise ApiError("invalidQuery", f"Assertion failed: {message or condition}")

    def _end(self, how: str) -> None:
        if not self._is_open:
            raise ApiError("invalidQuery", f"{how} TRANSACTION: there is no active transaction")
        self._is_open = False
        self._connection.execute(how)
        if how == "COMMIT":
            self._touch()

    def _evaluate(self, text: str) -> Any:
        translated = self._translate(f"SELECT {text}")
        row = self._run(translated).fetchone()
        return row[0] if row else None

    def _execute(self, text: str) -> None:
        translated = self._translate(text)
        kind = _CHANGES.get(type(translated.tree))
        if isinstance(translated.tree, _DEFINITIONS):
            self._define(translated)
        elif kind:
            row = self._run(translated).fetchone()
            self._scope.row_count = int(row[0]) if row else 0
            self._outcome.statement = kind
            self._outcome.affected_rows = self._scope.row_count
            self._changed.add(translated.tables[0])
            if not self._is_open:
                self._touch()
        elif isinstance(translated.tree, exp.Query):
            self._select(translated)
        else:
            raise unsupported(text.split("(")[0][:60])

    def _touch(self) -> None:
        while self._changed:
            self._catalog.touch(self._changed.pop())

    def _select(self, translated: Translated) -> None:
        self._require_tables(translated)
        relation = self._connection.sql(translated.text, params=translated.values)
        kinds = zip(relation.columns, relation.types, strict=True)
        self._outcome.fields = [types.found(name, str(kind)) for name, kind in kinds]
        self._outcome.rows = types.rows(relation)
        self._outcome.statement = "SELECT"
        self._outcome.affected_rows = None

    def _define(self, translated: Translated) -> None:
        """Run a statement that defines a table."""
        tree = translated.tree
        if self._is_open:
            raise ApiError("invalidQuery", "DDL on permanent tables is not allowed in transactions")
        if not translated.tables or tree.args.get("kind") != "TABLE":
            raise unsupported(tree.sql("bigquery")[:60])
        ref = translated.tables[0]
        if isinstance(tree, exp.Drop):
            self._outcome.statement = "DROP_TABLE"
            if self._catalog.has(ref) or not tree.args.get("exists"):
                self._catalog.delete_table(ref)
            return
        if isinstance(tree, exp.Alter):
            self._outcome.statement = "ALTER_TABLE"
            for action in tree.args["actions"]:
                self._alter(ref, action)
            return
        if tree.expression is None:
            self._outcome.statement = "CREATE_TABLE"
            if not (self._catalog.has(ref) and tree.args.get("exists")):
                fields = [field_of(each) for each in tree.find_all(exp.ColumnDef)]
                self._catalog.create_table(ref, {"schema": {"fields": fields}})
            return
        self._outcome.statement = "CREATE_TABLE_AS_SELECT"
        with self._engine.definitions:
            self._catalog.dataset(ref.project, ref.dataset)
            if self._catalog.has(ref) and tree.args.get("exists"):
                return
            self._run(translated).fetchall()
            self._catalog.adopt(ref)

    def _alter(self, ref: TableRef, action: exp.Expression) -> None:
        if isinstance(action, exp.ColumnDef):
            fields = self._catalog.table(ref)["schema"]["fields"]
            is_there = action.name.lower() in {each["name"].lower() for each in fields}
            if not (is_there and action.args.get("exists")):
                added = [*fields, field_of(action)]
                self._catalog.change_table(ref, {"schema": {"fields": added}})
        elif isinstance(action, exp.AlterColumn) and action.args.get("dtype"):
            kind = exp.ColumnDef(this=action.this, kind=action.args["dtype"])
            self._catalog.widen_column(ref, field_of(kind))
        else:
            raise unsupported("ALTER TABLE otherwise than ADD COLUMN and SET DATA TYPE")

    def _translate(self, text: str) -> Translated:
        return translate(text, self._scope)

    def _run(self, translated: Translated) -> duckdb.DuckDBPyConnection:
        if not isinstance(translated.tree, exp.Create):
            self._require_tables(translated)
        return self._connection.execute(translated.text, translated.values)

    def _require_tables(self, translated: Translated) -> None:
        for ref in translated.tables:
            if not self._catalog.has(ref):
                raise not_found("Table", str(ref))


def field_of(column: exp.ColumnDef) -> dict[str, Any]:
    """Return the field of a schema that a column's definition stands for."""
    kind = column.args["kind"].sql("bigquery")
    name, _, digits = kind.rstrip(")").partition("(")
    given: dict[str, Any] = {"name": column.name, "type": name.strip()}
    if any(isinstance(each.kind, exp.NotNullColumnConstraint) for each in column.constraints):
        given["mode"] = "REQUIRED"
    numbers = [int(each) for each in digits.split(",") if each.strip()]
    keys = ["maxLength"] if name in ("STRING", "BYTES") else ["precision", "scale"]
    return {**given, **dict(zip(keys, numbers, strict=False))}


def split(text: str) -> list[str]:
    """Return the statements of a script, without what stands around them.

    Raises:
        ApiError: it cannot be read.
    """
    if ";" not in text and text.strip():
        return [text.strip()]
    try:
        tokens = BigQuery().tokenize(text)
    except TokenError as exc:
        raise ApiError("invalidQuery", f"Syntax error: {exc}") from exc
    statements, start = [], 0
    for token in tokens:
        if token.text == ";" and token.end == token.start:
            statements.append(text[start : token.start].strip())
            start = token.end + 1
    statements.append(text[start:].strip())
    return [each for each in statements if each]


def referenced(text: str, scope: Scope) -> list[tuple[TableRef, set[str]]]:
    """Return the tables that a query names, each with all names of columns in the query."""
    found = []
    for statement in split(text):
        if any(p.fullmatch(statement) for p in (_DECLARE, _SET, _ASSERT, _BEGIN, _COMMIT)):
            continue
        translated = translate(statement, scope)
        columns = {each.name.lower() for each in translated.tree.find_all(exp.Column)}
        found += [(ref, columns) for ref in translated.tables]
    return found
