"""One login's state, and what each statement does to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from local.sqlserver import applocks, backend, describe, scripts, tokens, types
from local.sqlserver.backend import Address, Backend
from local.sqlserver.errors import SqlServerError
from local.sqlserver.names import literal, shorten, split
from local.sqlserver.scripts import Branch, Node, Statement
from local.sqlserver.tokens import Done
from local.sqlserver.translate import Translation, parse, translate, types_of
from local.sqlserver.values import Parameter

_WORDS = re.compile(r"(\w*)\s*([@\w]*)")
_VERSION = "Microsoft SQL Server 2022 (stand-in: T-SQL over PostgreSQL)"
_ARGUMENT = re.compile(
    r"\s*(?:(@\w+)\s*=\s*)?(N?'(?:[^']|'')*'|@\w+|-?\d+|NULL|\w+)\s*(?:OUT(?:PUT)?\s*)?(?:,|$)",
    re.I,
)
_IGNORED_OPTIONS = "ANSI_|QUOTED_|ARITHABORT|CONCAT_NULL|TEXTSIZE|NUMERIC_|DATEFORMAT|CURSOR_|LANG"
_ISOLATION = {"SNAPSHOT": "REPEATABLE READ"}


@dataclass(slots=True)
class Replies:
    """The tokens of a response; each statement's end waits until it is known what follows."""

    kind: Done
    _parts: list[tuple[bytes, int, int]] = field(default_factory=list)

    def add(self, body: bytes = b"", *, status: int = 0, rows: int = 0) -> None:
        """Add what a statement answers, and how it ends."""
        self._parts.append((body, status, rows))

    def assemble(self, *, more: bool) -> bytes:
        """Return everything; `more` says that something follows the last end."""
        last = len(self._parts) - 1
        return b"".join(
            body + tokens.done(self.kind, status | (more or at < last), rows)
            for at, (body, status, rows) in enumerate(self._parts)
        )


class Session:
    """One login: a database, options, variables, one transaction at most."""

    def __init__(self, address: Address, database: str) -> None:
        """Open the database.

        Raises:
            SqlServerError: 4060, there is none.
        """
        self._address = address
        self.database = database
        self.backend = Backend(address, database)
        self._counts_rows = True
        self._begins_by_itself = False
        self._row_count = 0

    def run(self, sql: str, parameters: Sequence[Parameter], replies: Replies) -> None:
        """Run a batch; its variables begin as the parameters and end with it.

        Raises:
            SqlServerError: a statement failed; those before it stand.
        """
        scope = {each.name.lower(): each for each in parameters}
        self._run_nodes(scripts.parse(sql), scope, replies)

    def call(
        self, name: str, arguments: Sequence[Parameter], scope: dict[str, Parameter]
    ) -> int | None:
        """Run a stored procedure that returns a status only; None: it is not known here."""
        procedure = split(name)[-1].lower()
        if procedure == "sp_getapplock":
            return applocks.acquire(self.backend, arguments)
        if procedure == "sp_releaseapplock":
            return applocks.release(self.backend, arguments)
        if procedure == "sp_executesql":
            inner = {each.name.lower(): each for each in (*scope.values(), *arguments[2:])}
            self._run_nodes(scripts.parse(str(arguments[0].value)), inner, Replies(Done.STATEMENT))
            return 0
        if procedure == "sp_rename":
            return self._rename(str(arguments[0].value), str(arguments[1].value))
        return None

    def execute_rows(self, sql: str, rows: Sequence[Sequence[Parameter]]) -> int | None:
        """Insert many rows of parameters with one statement.

        Returns:
            The number of rows; None when the statement is no INSERT … VALUES of one row.
        """
        nodes = scripts.parse(sql)
        if len(nodes) != 1 or not isinstance(nodes[0], Statement):
            return None
        if not re.match(r"\s*INSERT\b.*\bVALUES\b", nodes[0].sql, re.I | re.S):
            return None
        kinds = [(cell.name, cell.postgres) for cell in rows[0]]
        plan = translate(nodes[0].sql, types_of(kinds), as_columns=True)
        head, _, expressions = plan.sql.rpartition("VALUES (")
        names = [name.lower() for name, _ in kinds]
        order = [names.index(each) for each in plan.parameters]
        arrays = ", ".join(
            f"${at}::{kinds[column][1] or 'text'}[]" for at, column in enumerate(order, 1)
        )
        columns = ", ".join(f"p{at}" for at in range(1, len(order) + 1))
        sql = f"{head}SELECT {expressions[:-1]} FROM unnest({arrays}) AS u({columns})"  # noqa: S608
        answer = self.backend.execute(sql, [[row[at].value for row in rows] for at in order])
        self._row_count = int(answer.row_count)
        return self._row_count

    def close(self) -> None:
        """Disconnect; an open transaction is undone."""
        self.backend.close()

    def _run_nodes(
        self, nodes: Iterable[Node], scope: dict[str, Parameter], replies: Replies
    ) -> None:
        for node in nodes:
            if isinstance(node, Branch):
                condition = f"SELECT CASE WHEN {node.condition} THEN 1 ELSE 0 END"
                holds = self._query(condition, scope).rows[0][0]
                self._run_nodes(node.then if holds else node.otherwise, scope, replies)
            else:
                self._run_statement(node.sql, scope, replies)

    def _run_statement(self, sql: str, scope: dict[str, Parameter], replies: Replies) -> None:
        words = _WORDS.match(sql.upper())
        first, second = words.groups() if words else ("", "")
        if first in ("EXEC", "EXECUTE"):
            self._execute_procedure(sql, scope, replies)
        elif first.startswith("SP_"):
            self._execute_procedure(f"EXEC {sql}", scope, replies)
        elif first == "DECLARE" or (first == "SET" and second.startswith("@")):
            self._assign(sql, scope)
        elif first == "SET":
            self._set_option(sql.upper())
            replies.add()
        elif first == "THROW":
            self._throw(sql)
        elif first == "USE":
            self._use(split(sql[3:])[0])
            replies.add()
        elif first == "CREATE" and second == "DATABASE":
            backend.create_database(self._address, split(sql.split(None, 2)[2])[0])
            replies.add()
        elif first in ("BEGIN", "COMMIT", "ROLLBACK"):
            getattr(self.backend, first.lower())()
            replies.add()
        elif first == "WAITFOR":
            self._query("SELECT 1", scope, before=_delay(sql))
            replies.add()
        else:
            self._answer(self._query(sql, scope), replies)

    def _query(self, sql: str, scope: dict[str, Parameter], *, before: str = "") -> Any:
        """Run a statement of the database."""
        known = scope | self._system_variables()
        plan = translate(sql, types_of([(each.name, each.postgres) for each in known.values()]))
        if self._begins_by_itself and self.backend.open_transactions == 0:
            self.backend.begin()
        for statement in (*plan.locks, *((before,) if before else ())):
            self.backend.execute(statement)
        self._remember_names(plan)
        values = [known[name].value for name in plan.parameters]
        return self.backend.execute(plan.sql, values)

    def _answer(self, answer: Any, replies: Replies) -> None:
        rows = answer.rows or []
        self._row_count = len(rows) if answer.columns else max(answer.row_count, 0)
        counts = tokens.COUNT if self._counts_rows and answer.row_count >= 0 else 0
        body = b""
        if answer.columns:
            cells = list(zip(*rows, strict=True)) or [()] * len(answer.columns)
            columns = [
                (self._full_name(column["name"]), types.wire_type(column, cells[at]))
                for at, column in enumerate(answer.columns)
            ]
            body, counts = tokens.result(columns, rows), tokens.COUNT
        replies.add(body, status=counts, rows=self._row_count)

    def _system_variables(self) -> dict[str, Parameter]:
        numbers = {
            "@@rowcount": self._row_count,
            "@@trancount": self.backend.open_transactions,
            "@@spid": self.backend.pid,
        }
        variables = {name: Parameter(name, value, "integer") for name, value in numbers.items()}
        variables["@@version"] = Parameter("@@version", _VERSION, "text")
        return variables

    def _remember_names(self, plan: Translation) -> None:
        if plan.long_names and plan.sql.startswith(("CREATE", "ALTER")):
            rows = ", ".join(f"({literal(shorten(n))}, {literal(n)})" for n in plan.long_names)
            self.backend.execute(
                f"INSERT INTO sys.long_names VALUES {rows} ON CONFLICT DO NOTHING"  # noqa: S608
            )

    def _full_name(self, stored: str) -> str:
        if stored == "?column?":
            return ""
        if not stored.startswith("~"):
            return stored
        return str(self.backend.execute(f"SELECT sys.full_name({literal(stored)})").rows[0][0])

    def _set_option(self, sql: str) -> None:
        words = sql.split()
        is_on = words[-1] == "ON"
        if words[1] == "XACT_ABORT":
            self.backend.aborts_on_error = is_on
        elif words[1] == "NOCOUNT":
            self._counts_rows = not is_on
        elif words[1] == "IMPLICIT_TRANSACTIONS":
            self._begins_by_itself = is_on
        elif words[1] == "LOCK_TIMEOUT":
            self.backend.set_lock_timeout(int(words[2]))
        elif words[1:4] == ["TRANSACTION", "ISOLATION", "LEVEL"]:
            level = " ".join(words[4:])
            self.backend.execute(
                "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL "
                + _ISOLATION.get(level, level)
            )
        elif not re.match(_IGNORED_OPTIONS, words[1]):
            raise SqlServerError(195, f"'{words[1]}' is not a recognized SET option here.", 15)

    def _assign(self, sql: str, scope: dict[str, Parameter]) -> None:
        """DECLARE @a int = 1, or SET @a = 1; one variable at a time."""
        match = re.match(
            r"(?is)(?:DECLARE|SET)\s+(@\w+)\s*(?:AS\s+)?([^=]*?)\s*(?:=\s*(.+))?$", sql
        )
        if match is None:
            raise SqlServerError(102, f"Incorrect syntax near '{sql[:60]}'.", 15)
        name, kind, expression = match.groups()
        known = scope.get(name.lower())
        postgres = _variable_type(kind) if kind else known.postgres if known else None
        value = self._query(f"SELECT {expression}", scope).rows[0][0] if expression else None
        scope[name.lower()] = Parameter(name, value, postgres)

    def _execute_procedure(self, sql: str, scope: dict[str, Parameter], replies: Replies) -> None:
        if match := re.match(r"(?is)EXEC(?:UTE)?\s*\(\s*(.+)\)\s*$", sql):
            inner = self._query(f"SELECT {match[1]}", scope).rows[0][0]
            self._run_nodes(scripts.parse(str(inner)), {}, replies)
            return
        match = re.match(r"(?is)EXEC(?:UTE)?\s+(?:(@\w+)\s*=\s*)?([\w.\[\]]+)\s*(.*)$", sql)
        if match is None:
            raise SqlServerError(102, f"Incorrect syntax near '{sql[:60]}'.", 15)
        arguments = self._arguments(match[3], scope)
        if match[2].lower().startswith("sp_datatype_info"):
            replies.add(describe.type_info(arguments[0].value), status=tokens.COUNT)
            return
        status = self.call(match[2], arguments, scope)
        if status is None:
            raise SqlServerError(2812, f"Could not find stored procedure '{match[2]}'.")
        if match[1]:
            scope[match[1].lower()] = Parameter(match[1], status, "integer")
        replies.add()

    def _arguments(self, text: str, scope: dict[str, Parameter]) -> list[Parameter]:
        arguments = []
        while text.strip():
            match = _ARGUMENT.match(text)
            if match is None:
                raise SqlServerError(102, f"Incorrect syntax near '{text[:60]}'.", 15)
            name, value = match[1] or "", match[2]
            if value.startswith("@") and value.lower() not in scope:
                raise SqlServerError(137, f"Must declare the scalar variable '{value}'.", 15)
            given = scope[value.lower()].value if value.startswith("@") else _constant(value)
            arguments.append(Parameter(name, given, None))
            text = text[match.end() :]
        return arguments

    def _throw(self, sql: str) -> None:
        match = re.match(r"(?is)THROW\s+(\d+)\s*,\s*N?'((?:[^']|'')*)'\s*,\s*\d+\s*$", sql)
        if match is None:
            raise SqlServerError(102, "Incorrect syntax near 'THROW'.", 15)
        if self.backend.aborts_on_error and self.backend.open_transactions:
            self.backend.rollback()
        raise SqlServerError(int(match[1]), match[2].replace("''", "'"))

    def _use(self, database: str) -> None:
        if database != self.database:
            other = Backend(self._address, database)
            self.backend.close()
            self.backend, self.database = other, database

    def _rename(self, old: str, new: str) -> int:
        *schema, name = split(old)
        table = ".".join(f'"{shorten(each)}"' for each in (*schema, name))
        long = f"INSERT INTO sys.long_names SELECT {literal(shorten(new))}, {literal(new)}"
        self.backend.execute(f"{long} WHERE {len(new.encode())} > 63 ON CONFLICT DO NOTHING")
        self.backend.execute(f'ALTER TABLE {table} RENAME TO "{shorten(new)}"')
        return 0


def _constant(text: str) -> Any:
    if text.upper() == "NULL":
        return None
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return text[text.index("'") + 1 : -1].replace("''", "'") if text.endswith("'") else text


def _variable_type(kind: str) -> str | None:
    cast = parse(f"SELECT CAST(NULL AS {kind})")
    types.rewrite(cast)
    name = next(iter(cast.find_all(exp.DataType))).sql(dialect="postgres")
    return None if name == "TEXT" or name.startswith("VARCHAR") else name


def _delay(sql: str) -> str:
    match = re.match(r"(?i)WAITFOR\s+DELAY\s+N?'([\d:.]+)'\s*$", sql)
    if match is None:
        raise SqlServerError(102, "Incorrect syntax near 'WAITFOR'.", 15)
    return f"SELECT pg_sleep(extract(epoch FROM interval '{match[1]}'))"  # noqa: S608 - digits
