"""One login's state, and what each statement does to it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from local.sqlserver import applocks, arguments, databases, describe, renaming, scripts, tokens
from local.sqlserver.backend import Address, Backend
from local.sqlserver.errors import ENDS_STATEMENT_ONLY, SqlServerError
from local.sqlserver.faults import Faults, strike
from local.sqlserver.names import split, stored
from local.sqlserver.parameters import Parameter
from local.sqlserver.replies import Replies, result
from local.sqlserver.scripts import Branch, Node, Statement
from local.sqlserver.translate import Translation, translate, types_of

_WORDS = re.compile(r"(\w*)\s*([@\w]*)")
_VERSION = "Microsoft SQL Server 2022 (stand-in: T-SQL over PostgreSQL)"
_IGNORED_OPTIONS = "ANSI_|QUOTED_|ARITHABORT|CONCAT_NULL|TEXTSIZE|NUMERIC_|DATEFORMAT|CURSOR_|LANG"
_ISOLATION = {"SNAPSHOT": "REPEATABLE READ"}


class Session:
    """One login: a database, options, variables, one transaction at most."""

    def __init__(self, address: Address, database: str, faults: Faults) -> None:
        """Open the database.

        Raises:
            SqlServerError: 4060, there is none.
        """
        self._address = address
        self._faults = faults
        self.database = database
        self.backend = Backend(address, database)
        self._counts_rows = True
        self._begins_by_itself = False
        self._row_count = 0

    def run(self, sql: str, parameters: Sequence[Parameter], replies: Replies) -> None:
        """Run a batch; its variables begin as the parameters and end with it.

        Raises:
            SqlServerError: a statement failed and ended the batch; those before it stand.
            DisconnectError: a fault ends the connection.
        """
        scope = {each.name.lower(): each for each in parameters}
        with strike(self._faults, sql):
            self._run_nodes(scripts.parse(sql), scope, replies)

    def manage(self, sql: str, act: Callable[[], None]) -> None:
        """Run a request that begins or ends a transaction; `sql` is how faults know it.

        Raises:
            SqlServerError: it failed.
            DisconnectError: a fault ends the connection.
        """
        with strike(self._faults, sql):
            act()

    def call(self, name: str, given: Sequence[Parameter]) -> int | None:
        """Run a stored procedure that returns a status only; None: it is not known here."""
        procedure = split(name)[-1].lower()
        if procedure == "sp_getapplock":
            return applocks.acquire(self.backend, given)
        if procedure == "sp_releaseapplock":
            return applocks.release(self.backend, given)
        if procedure == "sp_rename":
            old, new, kind = (*(str(each.value) for each in given), "")[:3]
            return renaming.rename(self.backend, old, new, kind)
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
        inserted = f"{head}SELECT {expressions[:-1]} FROM unnest({arrays}) AS u({columns})"  # noqa: S608
        with strike(self._faults, sql):
            values = [[row[at].value for row in rows] for at in order]
            answer = self.backend.execute(inserted, values)
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
                holds = self._query(condition, scope)[0].rows[0][0]
                self._run_nodes(node.then if holds else node.otherwise, scope, replies)
                continue
            try:
                self._run_statement(node.sql, scope, replies)
            except SqlServerError as error:
                if self.backend.aborts_on_error or error.number not in ENDS_STATEMENT_ONLY:
                    raise
                replies.add_error(error)

    def _run_statement(self, sql: str, scope: dict[str, Parameter], replies: Replies) -> None:
        words = _WORDS.match(sql.upper())
        first, second = words.groups() if words else ("", "")
        if first in ("EXEC", "EXECUTE"):
            self._execute_procedure(sql, scope, replies)
        elif first.startswith("SP_"):
            self._execute_procedure(f"EXEC {sql}", scope, replies)
        elif first == "DECLARE" or (first == "SET" and second.startswith("@")):
            self._assign(sql, scope)
        elif first == "THROW":
            self._throw(sql)
        elif first == "WAITFOR":
            self.backend.execute(arguments.delay(sql))
            replies.add()
        elif self._change_state(sql, first, second):
            replies.add()
        else:
            self._answer(*self._query(sql, scope), replies)

    def _change_state(self, sql: str, first: str, second: str) -> bool:
        """Run what changes the session or names; False when the statement is another."""
        if first == "SET":
            self._set_option(sql.upper())
        elif first == "USE":
            self._use(split(sql[3:])[0])
        elif first == "CREATE" and second == "DATABASE":
            databases.create(self._address, split(sql.split(None, 2)[2])[0])
        elif first in ("BEGIN", "COMMIT", "ROLLBACK"):
            getattr(self.backend, first.lower())()
        elif first == "ALTER" and second == "SCHEMA":
            return renaming.transfer(self.backend, sql)
        else:
            return False
        return True

    def _query(self, sql: str, scope: dict[str, Parameter]) -> tuple[Any, tuple[str, ...] | None]:
        """Run a statement of the database; return its answer and the names of its columns."""
        known = scope | self._system_variables()
        plan = translate(sql, types_of([(each.name, each.postgres) for each in known.values()]))
        if self._begins_by_itself and self.backend.open_transactions == 0:
            self.backend.begin()
        values = [known[name].value for name in plan.parameters]
        with self._together(plan):
            for statement in plan.before:
                self.backend.execute(statement)
            answer = self.backend.execute(plan.sql, values)
            for statement in plan.after:
                self.backend.execute(statement)
        return answer, plan.columns

    @contextlib.contextmanager
    def _together(self, plan: Translation) -> Iterator[None]:
        """Run a statement and what belongs to it in one transaction, as SQL Server would."""
        backend = self.backend
        is_own = not backend.open_transactions and bool(plan.before or plan.after)
        if is_own:
            backend.begin()
        try:
            yield
        except SqlServerError:
            if is_own and backend.open_transactions:
                backend.rollback()
            raise
        if is_own:
            backend.commit()

    def _answer(self, answer: Any, names: tuple[str, ...] | None, replies: Replies) -> None:
        rows = answer.rows or []
        self._row_count = len(rows) if answer.columns else max(answer.row_count, 0)
        counts = tokens.COUNT if self._counts_rows and answer.row_count >= 0 else 0
        body = b""
        if answer.columns:
            body, counts = result(self.backend, answer, names), tokens.COUNT
        replies.add(body, status=counts, rows=self._row_count)

    def _system_variables(self) -> dict[str, Parameter]:
        backend = self.backend
        numbers = {
            "@@rowcount": self._row_count,
            "@@trancount": backend.open_transactions,
            "@@spid": backend.pid,
            "@@lock_timeout": backend.lock_timeout_ms,
            "@@xact_state": min(backend.open_transactions, 1),
        }
        variables = {name: Parameter(name, value, "integer") for name, value in numbers.items()}
        variables["@@version"] = Parameter("@@version", _VERSION, "sys.nvarchar")
        return variables

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
        postgres = arguments.variable_type(kind) if kind else known.postgres if known else None
        value = None
        if expression:
            value = self._query(f"SELECT {expression}", scope)[0].rows[0][0]
        scope[name.lower()] = Parameter(name, value, postgres)

    def _execute_procedure(self, sql: str, scope: dict[str, Parameter], replies: Replies) -> None:
        if match := re.match(r"(?is)EXEC(?:UTE)?\s*\(\s*(.+)\)\s*$", sql):
            inner = self._query(f"SELECT {match[1]}", scope)[0].rows[0][0]
            self._run_nodes(scripts.parse(str(inner)), {}, replies)
            return
        match = re.match(r"(?is)EXEC(?:UTE)?\s+(?:(@\w+)\s*=\s*)?([\w.\[\]]+)\s*(.*)$", sql)
        if match is None:
            raise SqlServerError(102, f"Incorrect syntax near '{sql[:60]}'.", 15)
        given = arguments.arguments(match[3], scope)
        if match[2].lower().startswith("sp_datatype_info"):
            replies.add(describe.type_info(given[0].value), status=tokens.COUNT)
            return
        if split(match[2])[-1].lower() == "sp_executesql":
            inner = {each.name.lower(): each for each in given[2:]}
            self._run_nodes(scripts.parse(str(given[0].value)), inner, replies)
            return
        status = self.call(match[2], given)
        if status is None:
            raise SqlServerError(2812, f"Could not find stored procedure '{match[2]}'.")
        if match[1]:
            scope[match[1].lower()] = Parameter(match[1], status, "integer")
        replies.add()

    def _throw(self, sql: str) -> None:
        error = arguments.thrown(sql)
        if self.backend.aborts_on_error and self.backend.open_transactions:
            self.backend.rollback()
        raise error

    def _use(self, database: str) -> None:
        if stored(database) != stored(self.database):
            other = Backend(self._address, database)
            self.backend.close()
            self.backend, self.database = other, database
